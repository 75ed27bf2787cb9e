#include "collector/pipeline/spool_format.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "collector/pipeline/request_check.h"

namespace carillon {
namespace {

// Of a request: an event's place names one it has seen among the last so many, or a new one.
constexpr std::size_t kStreamsLookedAt = 16;
constexpr std::size_t kVarintBytesMax = 10;
constexpr std::size_t kOwnerAt = 1;  // behind the version

std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

bool SameStream(const PreparedEvent& a, const PreparedEvent& b) {
  return a.type == b.type && a.subtype == b.subtype && a.bucket == b.bucket;
}

// Where the places of a request's streams are: those written so far, by their first events.
class StreamNumbers {
 public:
  explicit StreamNumbers(const std::vector<PreparedEvent>* events) : events_(events) {}

  // 0: new, and now known; else its number, from 1.
  std::size_t Find(std::size_t place) {
    const PreparedEvent& event = (*events_)[place];
    if (last_ != 0 && SameStream((*events_)[firsts_[last_ - 1]], event)) return last_;
    const std::size_t stop =
        firsts_.size() > kStreamsLookedAt ? firsts_.size() - kStreamsLookedAt : 0;
    for (std::size_t number = firsts_.size(); number > stop; --number) {
      if (SameStream((*events_)[firsts_[number - 1]], event)) return last_ = number;
    }
    firsts_.push_back(place);
    last_ = firsts_.size();
    return 0;
  }

 private:
  const std::vector<PreparedEvent>* events_;
  std::vector<std::size_t> firsts_;
  std::size_t last_ = 0;
};

Status CheckVersion(Decoder* decoder, std::string_view what) {
  const auto version = decoder->Fixed<std::uint8_t>();
  if (decoder->failed()) return DataLoss("{}: empty", what);
  if (version == kSpoolFormatVersion) return OkStatus();
  return Unimplemented("{} of version {}, this build knows {}", what, version, kSpoolFormatVersion);
}

}  // namespace

bool ClaimsIds(const IntakeRequest& request) {
  return request.deduplicate_seconds > 0 &&
         std::any_of(request.events.begin(), request.events.end(),
                     [](const PreparedEvent& event) { return !event.id.empty(); });
}

void SetRequestOwner(Bytes* value, ClaimOwner owner) {
  CHECK(value->size() > kOwnerAt + kClaimIdBytes && (*value)[0] == kClaimingRequestVersion);
  const auto& bytes = owner.value().bytes;
  std::copy(bytes.begin(), bytes.end(), value->begin() + kOwnerAt);
}

ClaimOwner RequestOwner(ByteSpan value) {
  CHECK(value.size() > kOwnerAt + kClaimIdBytes && value[0] == kClaimingRequestVersion);
  Uuid owner;
  std::copy_n(value.begin() + kOwnerAt, kClaimIdBytes, owner.bytes.begin());
  return ClaimOwner(owner);
}

Bytes EncodeRequest(const IntakeRequest& request) {
  const bool claims = ClaimsIds(request);
  std::size_t bytes = kRequestOverheadBytes + request.tenant.size();
  for (const PreparedEvent& event : request.events) {
    bytes += event.bucket.size() + event.type.size() + event.subtype.size() + event.id.size() +
             event.json.size() + 4 * kVarintBytesMax;
  }
  Bytes out;
  out.reserve(bytes);
  out.push_back(static_cast<char>(claims ? kClaimingRequestVersion : kSpoolFormatVersion));
  if (claims) {
    PutUuid(&out, Uuid());
    PutVarint(&out, request.deduplicate_seconds);
  }
  PutString(&out, request.tenant);
  PutFixed(&out, static_cast<std::uint64_t>(request.received_us));
  PutVarint(&out, request.events.size());
  StreamNumbers streams(&request.events);
  for (std::size_t place = 0; place < request.events.size(); ++place) {
    const PreparedEvent& event = request.events[place];
    const std::size_t stream = streams.Find(place);
    PutVarint(&out, stream);
    if (stream == 0) {
      PutString(&out, event.bucket);
      PutString(&out, event.type);
      PutString(&out, event.subtype);
    }
    const auto delta =
        static_cast<std::uint64_t>(event.time_us) - static_cast<std::uint64_t>(request.received_us);
    PutVarint(&out, ZigZag(static_cast<std::int64_t>(delta)));
    PutString(&out, event.id);
    PutString(&out, event.json);
  }
  return out;
}

Status CheckRequestVersion(ByteSpan value) {
  if (!value.empty() && value[0] == static_cast<char>(kClaimingRequestVersion)) return OkStatus();
  Decoder decoder(value);
  return CheckVersion(&decoder, "request");
}

Status DecodeRequest(ByteSpan value, IntakeRequest* request) {
  request->events.clear();
  RETURN_IF_ERROR(CheckRequestVersion(value));
  Decoder decoder(value);
  const bool claims = decoder.Fixed<std::uint8_t>() == kClaimingRequestVersion;
  if (claims) decoder.Take(kClaimIdBytes);
  request->deduplicate_seconds = claims ? decoder.Varint() : 0;
  request->tenant = decoder.String();
  request->received_us = static_cast<std::int64_t>(decoder.Fixed<std::uint64_t>());
  const std::uint64_t events = decoder.Varint();
  if (events > std::min(decoder.remaining(), kMaxRequestEvents)) {
    return DataLoss("request of {} events", events);
  }
  request->events.reserve(events);
  std::vector<std::size_t> firsts;
  for (std::uint64_t i = 0; i < events && !decoder.failed(); ++i) {
    PreparedEvent event;
    const std::uint64_t stream = decoder.Varint();
    if (stream > firsts.size()) return DataLoss("request: stream {} of {}", stream, firsts.size());
    if (stream == 0) {
      event.bucket = decoder.String();
      event.type = decoder.String();
      event.subtype = decoder.String();
      firsts.push_back(request->events.size());
    } else {
      event = request->events[firsts[stream - 1]];
    }
    const auto delta = static_cast<std::uint64_t>(UnZigZag(decoder.Varint()));
    event.time_us =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(request->received_us) + delta);
    event.id = decoder.String();
    event.json = decoder.String();
    request->events.push_back(event);
  }
  if (!decoder.Done()) return DataLoss("request of {} bytes is malformed", value.size());
  return OkStatus();
}

// A number for each request: twice its distance from the one before, plus 1 when it is the event
// at place 0 alone. Else runs of places follow.
Bytes EncodeCovered(const std::vector<CoveredEvent>& covered) {
  Bytes out;
  out.reserve(covered.size() + 16);
  std::uint64_t before = 0;
  for (std::size_t at = 0; at < covered.size();) {
    const std::uint64_t request = covered[at].request;
    std::size_t limit = at + 1;
    while (limit < covered.size() && covered[limit].request == request) ++limit;
    const bool alone = limit == at + 1 && covered[at].place == 0;
    PutVarint(&out, (request - before) * 2 + (alone ? 1 : 0));
    before = request;
    if (alone) {
      at = limit;
      continue;
    }
    std::vector<std::uint32_t> runs;  // gap, length, gap, length ...
    std::uint32_t next = 0;
    while (at < limit) {
      const std::uint32_t first = covered[at].place;
      std::uint32_t length = 1;
      for (++at; at < limit && covered[at].place == first + length; ++at) ++length;
      runs.push_back(first - next);
      runs.push_back(length);
      next = first + length;
    }
    PutVarint(&out, runs.size() / 2);
    for (const std::uint32_t number : runs) PutVarint(&out, number);
  }
  return out;
}

StatusOr<std::vector<CoveredEvent>> DecodeCovered(ByteSpan bytes) {
  std::vector<CoveredEvent> covered;
  Decoder decoder(bytes);
  std::uint64_t request = 0;
  while (decoder.remaining() > 0) {
    const std::uint64_t tag = decoder.Varint();
    const std::uint64_t distance = tag / 2;
    // A distance of 0 is of the first one alone: else its events would not ascend.
    if (distance > ~request || (distance == 0 && !covered.empty())) {
      return DataLoss("covered: {} requests after {}", distance, request);
    }
    request += distance;
    if (tag % 2 == 1) covered.push_back({request, 0});
    const std::uint64_t runs = tag % 2 == 1 ? 0 : decoder.Varint();
    std::uint64_t place = 0;
    for (std::uint64_t run = 0; run < runs && !decoder.failed(); ++run) {
      const std::uint64_t gap = decoder.Varint();
      const std::uint64_t length = decoder.Varint();
      if (length > kMaxCoveredEvents || gap > kMaxCoveredEvents ||
          place + gap > kMaxCoveredEvents) {
        return DataLoss("covered: {} places {} after {}", length, gap, place);
      }
      place += gap;
      for (std::uint64_t i = 0; i < length; ++i, ++place) {
        covered.push_back({request, static_cast<std::uint32_t>(place)});
      }
      if (covered.size() > kMaxCoveredEvents) return DataLoss("covered: too many events");
    }
    if (covered.size() > kMaxCoveredEvents) return DataLoss("covered: too many events");
  }
  if (!decoder.Done()) return DataLoss("covered: {} malformed bytes", bytes.size());
  return covered;
}

Bytes EncodeOutboxHead(const OutboxChunk& chunk, ByteSpan covered) {
  const ChunkInfo& info = chunk.info;
  Bytes out;
  out.reserve(kRequestOverheadBytes * 2 + covered.size());
  out.push_back(static_cast<char>(kSpoolFormatVersion));
  PutVarint(&out, chunk.created);
  PutVarint(&out, chunk.replaces);
  PutString(&out, chunk.tenant);
  PutString(&out, chunk.bucket);
  PutString(&out, ToString(info.key));
  PutVarint(&out, info.events);
  PutVarint(&out, info.raw_bytes);
  PutFixed(&out, info.value_crc);
  PutString(&out, covered);
  PutVarint(&out, info.value_bytes);
  return out;
}

StatusOr<OutboxRecord> DecodeOutboxRecord(ByteSpan bytes) {
  Decoder decoder(bytes);
  RETURN_IF_ERROR(CheckVersion(&decoder, "chunk"));
  OutboxRecord record;
  OutboxChunk& chunk = record.chunk;
  chunk.created = decoder.Varint();
  chunk.replaces = decoder.Varint();
  chunk.tenant = decoder.String();
  chunk.bucket = decoder.String();
  const ByteSpan key = decoder.String();
  chunk.info.events = decoder.Varint();
  chunk.info.raw_bytes = decoder.Varint();
  chunk.info.value_crc = decoder.Fixed<std::uint32_t>();
  record.covered = decoder.String();
  const std::uint64_t value_bytes = decoder.Varint();
  record.value = decoder.Take(value_bytes);
  chunk.info.value_bytes = static_cast<std::uint32_t>(record.value.size());
  if (!decoder.Done()) return DataLoss("chunk record of {} bytes is malformed", bytes.size());
  const StatusOr<ChunkKey> parsed = ParseChunkKey(key);
  if (!parsed.ok()) return DataLoss("chunk record: {}", Message(parsed.status()));
  chunk.info.key = *parsed;
  return record;
}

Bytes EncodeDone(const std::vector<std::uint64_t>& numbers) {
  Bytes out;
  out.push_back(static_cast<char>(kSpoolFormatVersion));
  PutVarint(&out, numbers.size());
  for (const std::uint64_t number : numbers) PutVarint(&out, number);
  return out;
}

StatusOr<std::vector<std::uint64_t>> DecodeDone(ByteSpan bytes) {
  Decoder decoder(bytes);
  RETURN_IF_ERROR(CheckVersion(&decoder, "done"));
  const std::uint64_t count = decoder.Varint();
  if (count > decoder.remaining()) return DataLoss("done: {} numbers", count);
  std::vector<std::uint64_t> numbers(count);
  for (std::uint64_t& number : numbers) number = decoder.Varint();
  if (!decoder.Done()) return DataLoss("done: {} malformed bytes", bytes.size());
  return numbers;
}

Bytes EncodeDropped(const std::vector<CoveredEvent>& dropped) {
  Bytes out;
  out.push_back(static_cast<char>(kSpoolFormatVersion));
  return out + EncodeCovered(dropped);
}

StatusOr<std::vector<CoveredEvent>> DecodeDropped(ByteSpan bytes) {
  Decoder decoder(bytes);
  RETURN_IF_ERROR(CheckVersion(&decoder, "dropped"));
  return DecodeCovered(decoder.Take(decoder.remaining()));
}

Bytes EncodeDeadLetterHead(std::string_view reason) {
  Bytes out;
  out.push_back(static_cast<char>(kSpoolFormatVersion));
  PutString(&out, reason);
  return out;
}

StatusOr<DeadLetter> DecodeDeadLetter(ByteSpan bytes) {
  Decoder decoder(bytes);
  RETURN_IF_ERROR(CheckVersion(&decoder, "dead letter"));
  DeadLetter letter;
  letter.reason = decoder.String();
  if (decoder.failed()) return DataLoss("dead letter of {} bytes is malformed", bytes.size());
  letter.record = decoder.Take(decoder.remaining());
  return letter;
}

}  // namespace carillon
