#include "frames/frame_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

namespace carillon {
namespace {

// A machine that is gone without a word is noticed so soon, by what is not acknowledged or, when
// nothing is sent, by probes of the kernel.
void SetOptions(int socket) {
  const auto set = [socket](int level, int name, int value) {
    (void)::setsockopt(socket, level, name, &value, sizeof value);
  };
  constexpr int kUserTimeoutMs = 13'000;
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 10);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 1);
  set(IPPROTO_TCP, TCP_KEEPCNT, 3);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, kUserTimeoutMs);
}

}  // namespace

std::shared_ptr<FrameConnection> FrameConnection::New(boost::asio::ip::tcp::socket socket,
                                                      const FrameLimits& limits) {
  return std::shared_ptr<FrameConnection>(new FrameConnection(std::move(socket), limits));
}

FrameConnection::FrameConnection(boost::asio::ip::tcp::socket socket, const FrameLimits& limits)
    : limits_(limits), socket_(std::move(socket)), reader_(limits.max_body_bytes) {
  SetOptions(socket_.native_handle());
}

void FrameConnection::Start(OnFrame on_frame, OnClosed on_closed, OnGreeted on_greeted) {
  on_frame_ = std::move(on_frame);
  on_closed_ = std::move(on_closed);
  on_greeted_ = std::move(on_greeted);
  Enqueue({.head = {}, .has_head = false, .body = Rope(Bytes(FramePreamble()))});
  Read();
}

void FrameConnection::Read() {
  const auto spaces = reader_.Prepare();
  const std::array<boost::asio::mutable_buffer, 2> buffers = {
      boost::asio::buffer(spaces[0].data, spaces[0].size),
      boost::asio::buffer(spaces[1].data, spaces[1].size)};
  socket_.async_read_some(
      buffers, [self = shared_from_this()](const boost::system::error_code& error,
                                           std::size_t bytes) { self->HandleRead(error, bytes); });
}

void FrameConnection::HandleRead(const boost::system::error_code& error, std::size_t bytes) {
  if (error) return End(Unavailable("{}", error.message()));
  ++progress_;
  frames_.clear();
  delivered_ = 0;
  read_status_ = reader_.Take(bytes, &frames_);
  if (on_greeted_ && reader_.greeted()) std::exchange(on_greeted_, nullptr)();
  Deliver();
}

// Hands the frames over, and then reads on; stops in between when too much is queued.
void FrameConnection::Deliver() {
  {
    const FlushScope together;
    for (; delivered_ < frames_.size(); ++delivered_) {
      if (MustPause()) return;
      on_frame_(std::move(frames_[delivered_]));
    }
  }
  frames_.clear();
  delivered_ = 0;
  if (!read_status_.ok()) {
    Close(read_status_);
    return End(read_status_);
  }
  Read();
}

bool FrameConnection::MustPause() {
  if (limits_.pause_above_bytes == 0) return false;
  const std::lock_guard lock(mutex_);
  paused_ = !closed_ && queued_bytes_ > limits_.pause_above_bytes;
  return paused_;
}

// Requires: the lock is held. A closed connection reads on: that is how it ends.
void FrameConnection::ResumeIfDue() {
  if (!paused_ || (!closed_ && queued_bytes_ > limits_.pause_above_bytes / 2)) return;
  paused_ = false;
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->Deliver(); });
}

bool FrameConnection::Send(FrameKind kind, std::uint64_t id, Rope body) {
  const FrameHead head{
      .kind = kind, .id = id, .body_bytes = static_cast<std::uint32_t>(body.size())};
  return Enqueue({.head = EncodeFrameHead(head), .has_head = true, .body = std::move(body)});
}

bool FrameConnection::Enqueue(Outgoing frame) {
  std::unique_lock lock(mutex_);
  if (closed_ || queued_bytes_ + frame.size() > limits_.max_queued_bytes) return false;
  queued_bytes_ += frame.size();
  queue_.push_back(std::move(frame));
  if (writing_) return true;
  if (queued_bytes_ <= kMaxDeferredBytes) {
    deferred_ = deferred_ || FlushScope::Defer(shared_from_this());
    if (deferred_) return true;
  }
  writing_ = true;
  Write(&lock);
  return true;
}

void FrameConnection::Flush() {
  std::unique_lock lock(mutex_);
  deferred_ = false;
  if (std::exchange(writing_, true)) return;
  Write(&lock);
}

// What the next system call writes: pieces in order, from where the last one stopped.
std::size_t FrameConnection::Gather(std::array<iovec, kMaxPieces>* pieces) const {
  std::size_t count = 0;
  std::size_t part = front_part_;
  std::size_t skip = front_written_;
  for (const Outgoing& frame : queue_) {
    for (; part < frame.parts() && count < kMaxPieces; ++part) {
      const ByteSpan bytes = frame.part(part).substr(std::exchange(skip, 0));
      (*pieces)[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
    }
    if (count == kMaxPieces) break;
    part = 0;
  }
  return count;
}

// Writes until the queue is empty or the socket is full. Requires: the lock is held, and it is
// this caller who set writing_. Only the writer takes from the queue, so what it points to while
// the lock is released stays where it is.
void FrameConnection::Write(std::unique_lock<std::mutex>* lock) {
  while (!queue_.empty() && !closed_) {
    std::array<iovec, kMaxPieces> pieces;
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = Gather(&pieces);
    lock->unlock();
    const ssize_t written =
        ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    const int error = errno;
    lock->lock();
    if (written >= 0) {
      ++progress_;
      DropWritten(static_cast<std::size_t>(written));
      ResumeIfDue();
    } else if (error == EAGAIN || error == EWOULDBLOCK) {
      return ContinueWhenWritable();
    } else if (error != EINTR) {
      closed_ = true;
      why_ = Unavailable("{}", std::generic_category().message(error));
      (void)::shutdown(socket_.native_handle(), SHUT_RDWR);
    }
  }
  if (closed_) queue_.clear();
  ResumeIfDue();
  writing_ = false;
}

void FrameConnection::ContinueWhenWritable() {
  boost::asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->socket_.async_wait(boost::asio::ip::tcp::socket::wait_write,
                             [self](const boost::system::error_code& /*error*/) {
                               std::unique_lock lock(self->mutex_);
                               self->Write(&lock);
                             });
  });
}

void FrameConnection::DropWritten(std::size_t bytes) {
  queued_bytes_ -= bytes;
  while (!queue_.empty()) {
    const Outgoing& frame = queue_.front();
    while (front_part_ < frame.parts()) {
      const std::size_t left = frame.part(front_part_).size() - front_written_;
      if (bytes < left) {
        front_written_ += bytes;
        return;
      }
      bytes -= left;
      front_written_ = 0;
      ++front_part_;
    }
    front_part_ = 0;
    queue_.pop_front();
  }
}

// The descriptor stays open, so that nobody writes to another file by its number; reading ends,
// and with it the connection.
void FrameConnection::Close(const Status& why) {
  const std::lock_guard lock(mutex_);
  if (std::exchange(closed_, true)) return;
  why_ = why;
  (void)::shutdown(socket_.native_handle(), SHUT_RDWR);
  ResumeIfDue();
}

void FrameConnection::End(const Status& why) {
  Status reason = why;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(closed_, true)) {
      (void)::shutdown(socket_.native_handle(), SHUT_RDWR);
    } else if (!why_.ok()) {
      reason = why_;
    }
  }
  const OnClosed closed = std::exchange(on_closed_, nullptr);
  on_frame_ = nullptr;
  on_greeted_ = nullptr;
  if (closed) closed(reason);
}

}  // namespace carillon
