#include "collector/forward_client.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "collector/dialects/forward_handshake.h"
#include "collector/dialects/msgpack.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64 * 1024;

// Fluentd refuses clients of its own host's name, and may run on the same one.
std::string OwnName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "carillon-collector";
  return fmt::format("carillon-collector@{}", name.data());
}

// The same for the same chunk, whenever and to whomever it is sent. Of its bytes too: two agents
// might give two chunks one key, and a receiver that knows the id takes it for a repeat.
std::string ChunkId(const std::string& bucket, const ChunkKey& key, ByteSpan value) {
  const Hash128Value name = Hash128(bucket + "/" + ToString(key));
  const Hash128Value bytes = Hash128(value);
  return fmt::format("{:016x}{:016x}", name.high ^ bytes.high, name.low ^ bytes.low);
}

// The next whole value of MessagePack that comes; nothing may come behind it.
StatusOr<std::string> ReceiveValue(DialedSocket* socket, Duration timeout) {
  MsgpackFramer framer(kMaxAnswerBytes);
  std::string buffer;
  const Instant deadline = SystemClock().Now() + timeout;  // also for one that comes in pieces
  while (true) {
    RETURN_IF_ERROR(socket->Receive(&buffer, deadline - SystemClock().Now()));
    ASSIGN_OR_RETURN(const std::optional<std::size_t> size, framer.Find(buffer));
    if (!size) continue;
    if (*size != buffer.size()) return InvalidArgument("forward: more than one answer");
    return buffer;
  }
}

// Whatever a server says or does wrong: it is no fault of the chunk's, which comes again.
Status AsAway(const Status& status) {
  if (status.ok() || status.code() == StatusCode::kUnauthenticated) return status;
  return Unavailable("{}", Message(status));
}

}  // namespace

std::string RandomSalt() {
  std::string salt(kHandshakeSaltBytes, '\0');
  CHECK(::getrandom(salt.data(), salt.size(), 0) == static_cast<ssize_t>(salt.size()));
  return salt;
}

struct ForwardClient::Worker {
  explicit Worker(std::size_t peers) : sockets(peers) {}
  std::vector<DialedSocket> sockets;  // by peer
  std::thread thread;
};

StatusOr<std::unique_ptr<ForwardClient>> ForwardClient::Open(const SendConfig& config,
                                                             std::size_t connections,
                                                             const ForwardTimeouts& timeouts) {
  std::vector<Peer> peers;
  std::shared_ptr<const TlsTrust> trust;
  for (const std::string& text : config.to) {
    ASSIGN_OR_RETURN(const ForwardUrl url, ParseForwardUrl(text));
    if (url.tls && trust == nullptr) {
      ASSIGN_OR_RETURN(trust, TlsTrust::Load(config.ca_file));
    }
    peers.push_back({.url = text,
                     .address = {.host = url.host,
                                 .port = url.port,
                                 .trust = url.tls ? trust : std::shared_ptr<const TlsTrust>()}});
  }
  RETURN_IF_ERROR(Annotate(CheckForwardTag(config.tag), "send: tag"));
  std::string key;
  if (!config.key_file.empty()) {
    ASSIGN_OR_RETURN(key, ReadKeyFile(config.key_file, 1));
  }
  std::unique_ptr<ForwardClient> client(new ForwardClient(
      std::move(peers), std::move(key), config.tag, config.compress == kGzip, timeouts));
  client->Start(std::clamp<std::size_t>(connections, 1, kMaxConnections));
  return client;
}

ForwardClient::ForwardClient(std::vector<Peer> peers, std::string key, std::string tag, bool gzip,
                             const ForwardTimeouts& timeouts)
    : peers_(std::move(peers)),
      key_(std::move(key)),
      host_(OwnName()),
      tag_(std::move(tag)),
      gzip_(gzip),
      timeouts_(timeouts),
      turn_(peers_.size()) {}

void ForwardClient::Start(std::size_t connections) {
  for (std::size_t i = 0; i < connections; ++i) {
    Worker* worker = workers_.emplace_back(std::make_unique<Worker>(peers_.size())).get();
    worker->thread = std::thread([this, worker] { Work(worker); });
  }
}

ForwardClient::~ForwardClient() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (const auto& worker : workers_) {
    for (DialedSocket& socket : worker->sockets) socket.Cancel();
  }
  for (const auto& worker : workers_) worker->thread.join();
  for (const Job& job : jobs_) job.done(Unavailable("it stops"));
}

ForwardClient::Contact ForwardClient::contact() const {
  const std::lock_guard lock(mutex_);
  return contact_;
}

void ForwardClient::PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                                  std::function<void(StatusOr<PutReply>)> done) {
  Status status = CheckTaken(key, value.view());
  if (!status.ok()) return done(std::move(status));
  const std::size_t decoded = DecodedBytesOf(value.view());
  const std::lock_guard lock(mutex_);
  jobs_.push_back({bucket, key, std::move(value), decoded, std::move(done)});
  wake_.notify_one();
}

void ForwardClient::Work(Worker* worker) {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || MayBegin(); });
    if (stopping_) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    decoded_bytes_ += job.decoded_bytes;
    lock.unlock();
    const Status status = Deliver(job, worker);
    status.ok() ? job.done(PutReply()) : job.done(status);
    lock.lock();
    decoded_bytes_ -= job.decoded_bytes;
    wake_.notify_all();
  }
}

// Whether there is a job, and room for its lines.
bool ForwardClient::MayBegin() const {
  if (jobs_.empty()) return false;
  return decoded_bytes_ == 0 || decoded_bytes_ + jobs_.front().decoded_bytes <= kMaxDecodedBytes;
}

std::size_t ForwardClient::NextPeer() {
  const std::lock_guard lock(mutex_);
  return turn_.Next(SystemClock().Now());
}

void ForwardClient::HandleEnd(std::size_t peer, const Status& status) {
  const Instant now = SystemClock().Now();
  const bool away =
      status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kUnauthenticated;
  const std::lock_guard lock(mutex_);
  contact_.failing = away;
  if (!away) contact_.answered = now;
  away ? turn_.HandleFailure(peer, now) : turn_.HandleAnswer(peer);
}

Status ForwardClient::Deliver(const Job& job, Worker* worker) {
  const auto lines = DecodeChunkValue(job.value.view());
  if (!lines.ok()) return InvalidArgument("the value: {}", Message(lines.status()));
  ForwardWriter writer(
      {.id = ChunkId(job.bucket, job.key, job.value.view()),
       .tag = ForwardTag(tag_,
                         {.bucket = job.bucket, .type = job.key.type, .subtype = job.key.subtype}),
       .second = job.key.epoch.value(),
       .gzip = gzip_},
      *lines);
  const std::size_t peer = NextPeer();
  DialedSocket& socket = worker->sockets[peer];
  const Status status = DeliverTo(peers_[peer].address, &socket, &writer);
  if (!status.ok()) socket.Close();
  HandleEnd(peer, status);
  return Annotate(status, peers_[peer].url);
}

// Other than UNAVAILABLE and UNAUTHENTICATED: the chunk's own fault.
Status ForwardClient::DeliverTo(const DialAddress& address, DialedSocket* socket,
                                ForwardWriter* writer) const {
  // A server may close what is idle.
  if (!socket->open() || socket->HasNews()) {
    RETURN_IF_ERROR(socket->Dial(address, timeouts_.dial));
    if (!key_.empty()) RETURN_IF_ERROR(AsAway(Annotate(ShakeHands(socket), "handshake")));
  }
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<ForwardMessage> message, writer->Next());
    if (!message) return OkStatus();
    RETURN_IF_ERROR(socket->Send(message->bytes, timeouts_.send));
    const auto answer = ReceiveValue(socket, timeouts_.ack);
    if (!answer.ok()) return AsAway(Annotate(answer.status(), "no acknowledgement"));
    RETURN_IF_ERROR(AsAway(CheckForwardAck(*answer, message->id)));
  }
}

Status ForwardClient::ShakeHands(DialedSocket* socket) const {
  const ForwardLogin login{.shared_key = key_, .host = host_, .salt = RandomSalt()};
  std::string nonce;
  const auto helo = ReceiveValue(socket, timeouts_.handshake);
  if (!helo.ok()) return Annotate(helo.status(), "no HELO: does the server ask for a shared key?");
  ASSIGN_OR_RETURN(const std::string ping, AnswerHelo(*helo, login, &nonce));
  RETURN_IF_ERROR(socket->Send(ping, timeouts_.handshake));
  ASSIGN_OR_RETURN(const std::string pong, ReceiveValue(socket, timeouts_.handshake));
  return CheckPong(pong, login, nonce);
}

}  // namespace carillon
