#include "collector/edge/stream_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/log.h"

namespace carillon {
namespace {

// Acknowledgements that wait for a slow client; then it is not read.
constexpr std::size_t kMaxUnwrittenBytes = 256 * 1024;

std::int64_t NowUs() {
  const auto now = SystemClock().WallNow().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

StreamConnection::StreamConnection(int descriptor, EdgeLoop* loop,
                                   const StreamServerOptions* options)
    : loop_(loop),
      host_(loop->host()),
      options_(options),
      socket_(descriptor, host_->tls()),
      session_(options->make()) {}

StreamConnection::~StreamConnection() {
  host_->GiveConnection();
  host_->metrics()->ConnectionEnds();
}

void StreamConnection::Start() {
  loop_->Add(shared_from_this());
  std::vector<StreamEffect> effects;
  session_->Begin(&effects);
  CarryOut(std::move(effects));
  Continue();
}

bool StreamConnection::HasRoom() const {
  return batches_.size() < kMaxStreamBatchesUnderWay &&
         under_way_bytes_ < kMaxStreamBytesUnderWay && out_.size() - written_ < kMaxUnwrittenBytes;
}

void StreamConnection::Watch() {
  if (closed_) return;
  const bool read = !last_ && HasRoom();
  const bool write = written_ < out_.size() || socket_.wants_write();
  if (read == reading_ && write == writing_) return;
  reading_ = read;
  writing_ = write;
  loop_->Watch(this, socket_.descriptor(), read, write);
}

void StreamConnection::OnReady(bool readable, bool writable) {
  if (closed_) return;
  const auto self = shared_from_this();
  if ((readable && reading_) || (writable && socket_.wants_write())) return Read();
  if (writable && writing_) return Continue();
  Close();  // the socket has failed while nothing was wanted of it
}

void StreamConnection::Read() {
  if (closed_ || last_) return;
  const ssize_t got = socket_.Receive(loop_->read_buffer(), EdgeLoop::kReadBytes);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) return Close();
    return Watch();
  }
  std::vector<StreamEffect> effects;
  if (got == 0) {
    last_ = true;
    session_->End(&effects);
    CarryOut(std::move(effects));
    return Continue();
  }
  const Status fed =
      session_->Feed({loop_->read_buffer(), static_cast<std::size_t>(got)}, &effects);
  CarryOut(std::move(effects));
  if (!fed.ok()) {
    if (loop_->MayLog()) {
      LogWarning("{}: {} is not understood: {}", options_->dialect, socket_.address(),
                 Message(fed));
    }
    host_->metrics()->CountRequest(options_->dialect, fed.code());
    last_ = true;
  }
  Continue();
}

void StreamConnection::CarryOut(std::vector<StreamEffect> effects) {
  for (StreamEffect& effect : effects) {
    if (auto* send = std::get_if<SendBytes>(&effect)) {
      out_ += send->bytes;
    } else {
      Keep(std::move(std::get<StoreEvents>(effect)));
    }
  }
}

void StreamConnection::Keep(StoreEvents store) {
  auto batch = std::make_shared<Batch>(Batch{.store = std::move(store)});
  batches_.push_back(batch);
  const std::size_t bytes = batch->store.events.json_bytes();
  under_way_bytes_ += bytes;
  const Bringer bringer{.key = session_->key(),
                        .tenant = options_->tenant,
                        .address = socket_.address(),
                        .received_us = NowUs(),
                        .bytes = bytes};
  Admission admission;
  const Reception* reception = host_->options().reception;
  EdgeOutcome outcome;
  if (!batch->store.events.empty()) outcome = reception->Admit(bringer, &admission);
  if (!outcome.status.ok() || batch->store.events.empty()) {
    return HandleDone(batch.get(), outcome);
  }
  host_->under_way().fetch_add(1);
  reception->Keep(admission, bringer, &batch->store.events, loop_->scratch(),
                  [self = shared_from_this(), batch](const EdgeOutcome& kept) {
                    self->loop_->Post([self, batch, kept] {
                      self->host_->under_way().fetch_sub(1);
                      self->HandleDone(batch.get(), kept);
                      self->Continue();
                    });
                  });
}

void StreamConnection::HandleDone(Batch* batch, const EdgeOutcome& outcome) {
  host_->metrics()->CountRequest(options_->dialect, outcome.status.code());
  batch->done = true;
  batch->status = outcome.status;
}

void StreamConnection::Continue() {
  if (closed_) return;
  while (!batches_.empty() && batches_.front()->done) {
    const std::shared_ptr<Batch> batch = batches_.front();
    batches_.pop_front();
    under_way_bytes_ -= std::min(under_way_bytes_, batch->store.events.json_bytes());
    const bool kept = batch->status.ok();
    if (!kept && batch->store.refusal.empty()) {
      if (loop_->MayLog()) {
        LogWarning("{}: events of {} are not kept: {}", options_->dialect, socket_.address(),
                   Message(batch->status));
      }
      return Close();  // what follows is not acknowledged either: the client sends it again
    }
    out_ += kept ? batch->store.acknowledgement : batch->store.refusal;
  }
  Flush();
  Watch();
  // What TLS holds already, the descriptor does not tell of.
  if (!closed_ && reading_ && socket_.HasPending()) {
    loop_->Post([self = shared_from_this()] { self->Read(); });
  }
}

void StreamConnection::Flush() {
  while (written_ < out_.size()) {
    const ssize_t sent = socket_.Send(out_.data() + written_, out_.size() - written_);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Close();
    if (sent < 0) {
      if (stuck_since_ == Instant()) stuck_since_ = SystemClock().Now();
      return;
    }
    written_ += static_cast<std::size_t>(sent);
    stuck_since_ = Instant();
  }
  out_.clear();
  written_ = 0;
  if (last_ && batches_.empty()) Close();
}

void StreamConnection::Tick(Instant now) {
  if (stuck_since_ == Instant() || now - stuck_since_ <= host_->limits().write_timeout) return;
  host_->metrics()->CountTimeout();
  Close();
}

void StreamConnection::Drain() {
  last_ = true;
  Continue();
}

void StreamConnection::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  socket_.Close();
  batches_.clear();
  loop_->Remove(this);
}

}  // namespace carillon
