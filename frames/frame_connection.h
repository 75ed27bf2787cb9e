#pragma once

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/flush_scope.h"
#include "base/status.h"
#include "frames/frame.h"

namespace carillon {

struct FrameLimits {
  std::size_t max_body_bytes = 0;                         // of a frame that comes
  std::size_t max_queued_bytes = std::size_t{256} << 20;  // that wait to be written
  // While more than these wait, nothing is read; 0: it is. For the end that answers: were both ends
  // to do so, they could wait for each other.
  std::size_t pause_above_bytes = 0;
};

// One TCP connection with frames in both directions.
//
// Whoever sends writes to the socket itself, and with it what others have queued meanwhile: no
// thread is woken for it, and many small frames go out in one system call, also those of one
// FlushScope. Only when the socket is full does the connection's own thread go on. Threads: Send
// and Close from any; the callbacks run on the thread of the socket's io_context, one at a time.
class FrameConnection final : public Flushable,
                              public std::enable_shared_from_this<FrameConnection> {
 public:
  using OnFrame = std::function<void(Frame)>;
  using OnClosed = std::function<void(const Status& why)>;
  using OnGreeted = std::function<void()>;

  // `socket` is connected; its io_context is run by one thread.
  static std::shared_ptr<FrameConnection> New(boost::asio::ip::tcp::socket socket,
                                              const FrameLimits& limits);

  // Says the preamble and begins to read. `on_greeted`, which may be empty, is called once when the
  // other end has said it too, before any frame; `on_closed` is called once, and is the last. All
  // are let go of after it. Call once, on the socket's thread.
  void Start(OnFrame on_frame, OnClosed on_closed, OnGreeted on_greeted = nullptr);

  // Queues the frame and writes what can be written. False: closed, or too much is queued; the
  // frame will not be sent. True promises nothing.
  bool Send(FrameKind kind, std::uint64_t id, Rope body);

  // Writes what a FlushScope kept.
  void Flush() override;

  // `on_closed` follows with `why`, unless it was called already.
  void Close(const Status& why);

  // Grows whenever bytes come or go: while it does, the other end is there.
  std::uint64_t progress() const { return progress_; }

 private:
  static constexpr std::size_t kMaxPieces = 128;  // of one system call
  // So much may wait for the end of a FlushScope.
  static constexpr std::size_t kMaxDeferredBytes = 64 * 1024;

  // A frame, or the preamble, which has no head. Its parts are never empty.
  struct Outgoing {
    FrameHeadBytes head;
    bool has_head = true;
    Rope body;
    std::size_t parts() const { return (has_head ? 1 : 0) + body.pieces().size(); }
    ByteSpan part(std::size_t number) const {
      if (has_head && number == 0) return {head.data(), head.size()};
      return body.pieces()[number - (has_head ? 1 : 0)].view();
    }
    std::size_t size() const { return (has_head ? head.size() : 0) + body.size(); }
  };

  FrameConnection(boost::asio::ip::tcp::socket socket, const FrameLimits& limits);
  bool Enqueue(Outgoing frame);
  void Read();
  void HandleRead(const boost::system::error_code& error, std::size_t bytes);
  void Deliver();
  bool MustPause();
  void ResumeIfDue();
  std::size_t Gather(std::array<iovec, kMaxPieces>* pieces) const;
  void Write(std::unique_lock<std::mutex>* lock);
  void ContinueWhenWritable();
  void DropWritten(std::size_t bytes);
  void End(const Status& why);

  const FrameLimits limits_;
  boost::asio::ip::tcp::socket socket_;  // its descriptor is closed by the destructor only

  std::atomic<std::uint64_t> progress_{0};

  // Of the socket's thread.
  FrameReader reader_;
  std::vector<Frame> frames_;
  std::size_t delivered_ = 0;  // of frames_
  Status read_status_;         // what comes after them
  OnFrame on_frame_;
  OnClosed on_closed_;
  OnGreeted on_greeted_;

  mutable std::mutex mutex_;
  std::deque<Outgoing> queue_;
  std::size_t front_part_ = 0;     // of the first of the queue: the one that is written next
  std::size_t front_written_ = 0;  // of that part
  std::size_t queued_bytes_ = 0;
  bool writing_ = false;   // somebody writes, or waits until the socket can be written to
  bool deferred_ = false;  // a FlushScope will flush it
  bool paused_ = false;    // Deliver goes on when less is queued
  bool closed_ = false;
  Status why_;
};

}  // namespace carillon
