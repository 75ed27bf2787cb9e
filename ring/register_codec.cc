#include "ring/register_codec.h"

#include "base/check.h"
#include "base/coding.h"
#include "ring/register_acceptor.h"

namespace carillon {
namespace {

constexpr std::uint8_t kMessageFormat = 1;
constexpr std::uint16_t kAcceptorFormat = 1;
constexpr std::uint8_t kLastVerdict = static_cast<std::uint8_t>(Verdict::kFork);

void PutHash(Bytes* out, const Hash128Value& hash) {
  PutFixed(out, hash.low);
  PutFixed(out, hash.high);
}

void PutHeader(Bytes* out, const RegisterHeader& header) {
  PutUuid(out, header.cluster);
  PutFixed(out, header.generation);
  PutFixed(out, header.slot.value());
  PutHash(out, header.previous);
}

void PutVote(Bytes* out, const VoteReply& vote) {
  PutHeader(out, vote.header);
  PutBallot(out, vote.ballot);
  PutFixed(out, static_cast<std::uint8_t>(vote.verdict));
  PutBallot(out, vote.promised);
  PutSharedState(out, vote.newer);
  PutFixed(out, static_cast<std::uint8_t>(vote.slot_hash ? 1 : 0));
  if (vote.slot_hash) PutHash(out, *vote.slot_hash);
}

void Put(Bytes* out, const PrepareRequest& message) {
  PutHeader(out, message.header);
  PutBallot(out, message.ballot);
}
void Put(Bytes* out, const PrepareReply& message) {
  PutVote(out, message.vote);
  PutBallot(out, message.accepted_ballot);
  PutSharedState(out, message.accepted);
}
void Put(Bytes* out, const AcceptRequest& message) {
  PutHeader(out, message.header);
  PutBallot(out, message.ballot);
  PutSharedState(out, message.value);
}
void Put(Bytes* out, const AcceptReply& message) {
  PutVote(out, message.vote);
}
void Put(Bytes* out, const FetchStateRequest& message) {
  PutHeader(out, message.header);
}
void Put(Bytes* out, const FetchStateReply& message) {
  PutHeader(out, message.header);
  PutSharedState(out, message.state);
}
void Put(Bytes* out, const StateNotice& message) {
  PutHeader(out, message.header);
  PutSharedState(out, message.state);
}

// Reads fields in order; the first that is wrong is remembered.
class Reader {
 public:
  explicit Reader(ByteSpan bytes) : decoder_(bytes) {}

  Hash128Value TakeHash() {
    Hash128Value hash;
    hash.low = decoder_.Fixed<std::uint64_t>();
    hash.high = decoder_.Fixed<std::uint64_t>();
    return hash;
  }
  StateVersion TakeVersion() { return StateVersion(decoder_.Fixed<std::uint64_t>()); }
  RegisterHeader TakeHeader() {
    RegisterHeader header;
    header.cluster = TakeUuid(&decoder_);
    header.generation = decoder_.Fixed<std::uint64_t>();
    header.slot = TakeVersion();
    header.previous = TakeHash();
    return header;
  }
  Ballot TakeBallot() {
    Ballot ballot;
    ballot.counter = decoder_.Fixed<std::uint64_t>();
    ballot.node = NodeId(TakeUuid(&decoder_));
    return ballot;
  }
  std::uint8_t TakeByte(std::uint8_t most) {
    const auto byte = decoder_.Fixed<std::uint8_t>();
    if (byte > most) wrong_ = true;
    return byte > most ? 0 : byte;
  }
  std::uint16_t TakeFormat() { return decoder_.Fixed<std::uint16_t>(); }
  SharedState TakeState() {
    const ByteSpan bytes = decoder_.String();
    if (bytes.empty()) return {};
    if (bytes.size() > kMaxStateBytes) wrong_ = true;
    if (wrong_) return {};
    auto state = DecodeClusterState(bytes);
    if (state.ok()) return Share(*std::move(state));
    wrong_ = true;
    return {};
  }
  // Where there must be one.
  SharedState TakeSomeState() {
    SharedState state = TakeState();
    if (!state) wrong_ = true;
    return state;
  }
  VoteReply TakeVote() {
    VoteReply vote;
    vote.header = TakeHeader();
    vote.ballot = TakeBallot();
    vote.verdict = static_cast<Verdict>(TakeByte(kLastVerdict));
    vote.promised = TakeBallot();
    vote.newer = TakeState();
    if (TakeByte(1) == 1) vote.slot_hash = TakeHash();
    if ((vote.verdict == Verdict::kBehind) != static_cast<bool>(vote.newer)) wrong_ = true;
    return vote;
  }
  bool Done() const { return !wrong_ && decoder_.Done(); }

 private:
  Decoder decoder_;
  bool wrong_ = false;
};

RegisterMessage TakeMessage(std::uint8_t kind, Reader* reader) {
  switch (kind) {
    case 0: {
      PrepareRequest message{.header = reader->TakeHeader()};
      message.ballot = reader->TakeBallot();
      return message;
    }
    case 1: {
      PrepareReply message{.vote = reader->TakeVote()};
      message.accepted_ballot = reader->TakeBallot();
      message.accepted = reader->TakeState();
      return message;
    }
    case 2: {
      AcceptRequest message{.header = reader->TakeHeader()};
      message.ballot = reader->TakeBallot();
      message.value = reader->TakeSomeState();
      return message;
    }
    case 3:
      return AcceptReply{.vote = reader->TakeVote()};
    case 4:
      return FetchStateRequest{.header = reader->TakeHeader()};
    case 5: {
      FetchStateReply message{.header = reader->TakeHeader()};
      message.state = reader->TakeState();
      return message;
    }
    default: {
      StateNotice message{.header = reader->TakeHeader()};
      message.state = reader->TakeSomeState();
      return message;
    }
  }
}

}  // namespace

void PutBallot(Bytes* out, const Ballot& ballot) {
  PutFixed(out, ballot.counter);
  PutUuid(out, ballot.node.value());
}

void PutSharedState(Bytes* out, const SharedState& state) {
  if (!state) return PutVarint(out, 0);
  const Bytes bytes = EncodeClusterState(*state);
  CHECK(bytes.size() <= kMaxStateBytes);
  PutString(out, bytes);
}

Bytes EncodeRegisterMessage(const RegisterMessage& message) {
  Bytes bytes;
  PutFixed(&bytes, kMessageFormat);
  PutFixed(&bytes, static_cast<std::uint8_t>(message.index()));
  std::visit([&bytes](const auto& kind) { Put(&bytes, kind); }, message);
  CHECK(bytes.size() <= kMaxRegisterMessageBytes);
  return bytes;
}

StatusOr<RegisterMessage> DecodeRegisterMessage(ByteSpan bytes) {
  if (bytes.size() > kMaxRegisterMessageBytes) {
    return DataLoss("register message of {} bytes, at most {}", bytes.size(),
                    kMaxRegisterMessageBytes);
  }
  Reader reader(bytes);
  if (reader.TakeByte(0xff) != kMessageFormat) {
    return DataLoss("register message of an unknown format");
  }
  const std::uint8_t kind = reader.TakeByte(std::variant_size_v<RegisterMessage> - 1);
  RegisterMessage message = TakeMessage(kind, &reader);
  if (!reader.Done()) return DataLoss("register message of {} bytes is malformed", bytes.size());
  return message;
}

Bytes EncodeAcceptorState(const AcceptorState& state) {
  Bytes bytes;
  PutFixed(&bytes, kAcceptorFormat);
  PutFixed(&bytes, state.slot.value());
  PutHash(&bytes, state.previous);
  PutBallot(&bytes, state.promised);
  PutBallot(&bytes, state.accepted_ballot);
  PutSharedState(&bytes, state.accepted);
  return bytes;
}

StatusOr<AcceptorState> DecodeAcceptorState(ByteSpan bytes) {
  Reader reader(bytes);
  if (reader.TakeFormat() != kAcceptorFormat) {
    return DataLoss("acceptor state of an unknown format");
  }
  AcceptorState state;
  state.slot = reader.TakeVersion();
  state.previous = reader.TakeHash();
  state.promised = reader.TakeBallot();
  state.accepted_ballot = reader.TakeBallot();
  state.accepted = reader.TakeState();
  if (!reader.Done() || state.promised < state.accepted_ballot ||
      (state.accepted && state.accepted->version != state.slot)) {
    return DataLoss("acceptor state of {} bytes is malformed", bytes.size());
  }
  return state;
}

}  // namespace carillon
