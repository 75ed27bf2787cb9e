#include "collector/edge/edge_connection.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace carillon {
namespace {

// What is read and thrown away after the last answer, so that it arrives before a reset.
constexpr std::size_t kMaxLingerBytes = std::size_t{1} << 20;
constexpr auto kLingerTimeout = std::chrono::seconds(2);
// Answers that wait for a slow client; then it is not read.
constexpr std::size_t kMaxUnwrittenBytes = 256 * 1024;
// An idle connection keeps no more memory than this for what it reads and for what it writes.
constexpr std::size_t kKeptBytes = 4 * 1024;
constexpr std::string_view kContinueLine = "HTTP/1.1 100 Continue\r\n\r\n";

void ShrinkEmpty(std::string* text) {
  if (text->empty() && text->capacity() > kKeptBytes) std::string().swap(*text);
}

}  // namespace

EdgeConnection::EdgeConnection(int descriptor, EdgeLoop* loop)
    : loop_(loop),
      host_(loop->host()),
      socket_(descriptor, host_->tls()),
      reader_(host_->limits()),
      active_(SystemClock().Now()) {}

EdgeConnection::~EdgeConnection() {
  host_->GiveConnection();
  host_->metrics()->ConnectionEnds();
}

void EdgeConnection::Start() {
  loop_->Add(shared_from_this());
  Watch();
}

bool EdgeConnection::HasRoom() const {
  return queue_.size() < host_->limits().max_pipelined &&
         out_.size() - written_ < kMaxUnwrittenBytes;
}

bool EdgeConnection::IsIdle() const {
  return queue_.empty() && current_ == nullptr && in_.empty() && out_.empty();
}

// Says to the loop what to watch for, if that is something new.
void EdgeConnection::Watch() {
  if (closed_) return;
  const bool read = lingering_ || (!last_ && !client_ended_ && HasRoom());
  const bool write = written_ < out_.size() || socket_.wants_write();
  if (read == reading_ && write == writing_) return;
  reading_ = read;
  writing_ = write;
  loop_->Watch(this, socket_.descriptor(), read, write);
}

void EdgeConnection::OnReady(bool readable, bool writable) {
  if (closed_) return;
  const auto self = shared_from_this();
  if ((readable && reading_) || (writable && socket_.wants_write())) return Read();
  if (writable && writing_) return Continue();
  Close();  // the socket has failed while nothing was wanted of it
}

void EdgeConnection::Read() {
  if (closed_) return;
  const ssize_t got = socket_.Receive(loop_->read_buffer(), EdgeLoop::kReadBytes);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) return Close();
    return Watch();
  }
  if (got == 0) {
    client_ended_ = true;
    if (lingering_ || queue_.empty()) return Close();
    last_ = true;  // it may still read its answers
    return Watch();
  }
  if (lingering_) {
    lingered_bytes_ += static_cast<std::size_t>(got);
    if (lingered_bytes_ > kMaxLingerBytes) Close();
    return;
  }
  Feed({loop_->read_buffer(), static_cast<std::size_t>(got)});
  Continue();
}

// What is left of `bytes` stays in in_: the start of a header, or requests beyond the room.
void EdgeConnection::Feed(std::string_view bytes) {
  if (in_.empty()) {
    const std::size_t used = Consume(bytes);
    in_.assign(bytes.substr(used));
  } else {
    in_ += bytes;
    in_.erase(0, Consume(in_));
  }
}

std::size_t EdgeConnection::Consume(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && !last_ && HasRoom()) {
    if (current_ == nullptr) {
      current_ = loop_->TakeExchange();
      reader_.Begin(current_);
      began_ = SystemClock().Now();
      first_ = continued_ = false;
    }
    std::size_t taken = 0;
    const auto progress = reader_.Feed(bytes.substr(at), &taken);
    at += taken;
    if (progress == RequestReader::Progress::kBad) {
      Refuse(reader_.refusal().status, reader_.refusal().text);
      break;
    }
    if (!AccountBody()) {
      Refuse(503, "too many bytes are being taken at once");
      break;
    }
    if (progress == RequestReader::Progress::kMore) break;
    Exchange* exchange = std::exchange(current_, nullptr);
    exchange->connection = shared_from_this();
    queue_.push_back(exchange);
    loop_->desk()->Receive(exchange, socket_.address());
  }
  return last_ ? bytes.size() : at;
}

bool EdgeConnection::AccountBody() {
  const std::size_t more =
      current_->body_bytes() - std::min(current_->body_bytes(), current_->taken_bytes);
  if (more == 0) return true;
  if (!host_->TakeBodyBytes(more)) return false;
  current_->taken_bytes += more;
  return true;
}

// Answers a request that is not read to its end: nothing after it can be understood.
void EdgeConnection::Refuse(int status, std::string_view text) {
  last_ = true;
  Exchange* exchange = std::exchange(current_, nullptr);
  exchange->connection = shared_from_this();
  queue_.push_back(exchange);
  loop_->desk()->Refuse(exchange, status, text);
}

bool EdgeConnection::TakeBack(Exchange* exchange) {
  if (!closed_) return true;
  std::erase(queue_, exchange);
  loop_->GiveExchange(exchange);
  return false;
}

void EdgeConnection::Continue() {
  if (closed_) return;
  Flush();
  const bool goes_on = !closed_ && !lingering_ && !last_;
  if (goes_on && !in_.empty() && HasRoom() && current_ == nullptr) {
    in_.erase(0, Consume(in_));
    Flush();
  }
  Watch();
  // What TLS holds already, the descriptor does not tell of.
  if (!closed_ && reading_ && socket_.HasPending()) {
    loop_->Post([self = shared_from_this()] { self->Read(); });
  }
}

void EdgeConnection::CollectAnswers() {
  if (written_ == out_.size()) {
    out_.clear();
    written_ = 0;
  }
  while (!queue_.empty() && queue_.front()->answered) {
    Exchange* exchange = queue_.front();
    queue_.pop_front();
    out_ += exchange->answer;
    if (!exchange->keep_alive) last_ = true;
    active_ = began_;
    loop_->GiveExchange(exchange);
  }
  if (current_ != nullptr && !continued_ && queue_.empty() && reader_.wants_continue()) {
    continued_ = true;
    out_ += kContinueLine;
  }
}

void EdgeConnection::Flush() {
  CollectAnswers();
  while (written_ < out_.size()) {
    const ssize_t sent = socket_.Send(out_.data() + written_, out_.size() - written_);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return Close();
    if (sent < 0) {
      if (wrote_ == Instant()) wrote_ = SystemClock().Now();
      return;
    }
    written_ += static_cast<std::size_t>(sent);
    wrote_ = Instant();
  }
  out_.clear();
  written_ = 0;
  if (last_ && queue_.empty()) Linger();
}

void EdgeConnection::Linger() {
  if (std::exchange(lingering_, true)) return;
  if (client_ended_) return Close();
  lingers_since_ = SystemClock().Now();
  in_.clear();
  socket_.EndSending();
}

void EdgeConnection::Tick(Instant now) {
  if (closed_) return;
  const EdgeLimits& limits = host_->limits();
  if (lingering_) {
    if (now - lingers_since_ > kLingerTimeout) Close();
    return;
  }
  if (written_ < out_.size()) {
    if (wrote_ != Instant() && now - wrote_ > limits.write_timeout) {
      host_->metrics()->CountTimeout();
      Close();
    }
    return;
  }
  if (current_ != nullptr) {
    const Duration passed = now - began_;
    const auto least =
        static_cast<std::size_t>(std::chrono::floor<std::chrono::seconds>(passed).count()) *
        limits.min_body_bytes_per_second;
    const bool slow = reader_.header_done()
                          ? passed > limits.body_timeout && current_->body_bytes() < least
                          : passed > limits.header_timeout;
    if (!slow) return;
    host_->metrics()->CountTimeout();
    Refuse(408, "the request came too slowly");
    return Continue();
  }
  if (host_->draining() && IsIdle()) return Close();
  ShrinkEmpty(&in_);
  ShrinkEmpty(&out_);
  const Duration patience = first_ ? limits.header_timeout : limits.idle_timeout;
  if (IsIdle() && now - active_ > patience) Close();
}

void EdgeConnection::Drain() {
  if (IsIdle()) Close();
}

void EdgeConnection::Close() {
  if (std::exchange(closed_, true)) return;
  const auto self = shared_from_this();
  socket_.Close();
  if (current_ != nullptr) loop_->GiveExchange(std::exchange(current_, nullptr));
  // Those that are with the intake come back by TakeBack.
  std::erase_if(queue_, [this](Exchange* exchange) {
    if (!exchange->answered) return false;
    loop_->GiveExchange(exchange);
    return true;
  });
  loop_->Remove(this);
}

}  // namespace carillon
