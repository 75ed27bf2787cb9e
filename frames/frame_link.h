#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/status.h"
#include "frames/frame_connection.h"

namespace carillon {

// The way to one node: a connection when something is asked, what is under way on it, and what
// becomes of that when the node does not answer.
//
//   idle --Ask--> connecting --greeted--> up --closed--> idle
//                     \--failed--> resting (asks fail at once) --kFirstRest..kMaxRest--> idle
//
// Nothing is asked before the other end has said the preamble: who speaks something else is not
// sent what he would not understand, and is known for it. A node to and from which no byte moves
// for kSilence while something is asked of it is given up: its connection is closed. Threads: any;
// the connection's work is done on `io`'s one.
class FrameLink : public std::enable_shared_from_this<FrameLink> {
 public:
  static constexpr Duration kConnectTimeout = std::chrono::seconds(2);
  static constexpr Duration kFirstRest = std::chrono::milliseconds(100);
  static constexpr Duration kMaxRest = std::chrono::seconds(2);
  static constexpr Duration kSilence = std::chrono::seconds(13);
  static constexpr std::size_t kMaxWaitingBytes = std::size_t{64} << 20;  // while it connects

  // The body of the reply, or why there is none: UNAVAILABLE, DEADLINE_EXCEEDED, UNIMPLEMENTED (who
  // is there speaks no frames), or a refusal.
  using Done = std::function<void(StatusOr<SharedBytes>)>;

  // `address`: HOST:PORT. `io` is run by one thread and outlives the link.
  FrameLink(boost::asio::io_context* io, std::string address, std::size_t max_reply_bytes);

  // `kind`: kRequest or kCall. `done` is called once, from any thread, also before this returns.
  void Ask(FrameKind kind, Rope request, Instant now, Duration timeout, Done done);

  // Ends what is past its time; to be called often enough while busy.
  void Tick(Instant now);
  // Something is under way, or it connects.
  bool busy() const;

  // Ends everything with `why`, and whatever is asked later.
  void Stop(const Status& why);

 private:
  struct Call {
    Done done;
    Instant expires;
  };
  struct Waiting {
    FrameKind kind = FrameKind::kRequest;
    std::uint64_t id = 0;
    Rope request;
  };
  using Ended = std::vector<Done>;

  void Connect(Instant now);
  void Resolve(std::uint64_t attempt);
  void HandleResolved(std::uint64_t attempt,
                      const boost::asio::ip::tcp::resolver::results_type& found);
  void HandleConnected(std::uint64_t attempt);
  void HandleGreeted(std::uint64_t attempt);
  void AbandonAttempt(std::uint64_t attempt);
  void Fail(std::uint64_t attempt, const Status& why);
  void HandleFrame(Frame frame);
  void HandleClosed(std::uint64_t attempt, const Status& why);
  Ended TakeAll();
  static void EndAll(Ended ended, const Status& why);

  boost::asio::io_context* const io_;
  const std::string address_;
  const std::size_t max_reply_bytes_;
  boost::asio::ip::tcp::resolver resolver_;     // of io's thread
  boost::asio::ip::tcp::socket socket_;         // likewise, while it connects
  std::shared_ptr<FrameConnection> ungreeted_;  // likewise, until the other end has spoken

  mutable std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Call> calls_;
  std::deque<Waiting> waiting_;  // for the connection
  std::size_t waiting_bytes_ = 0;
  std::shared_ptr<FrameConnection> connection_;  // when up; of attempt_
  std::uint64_t attempt_ = 0;                    // to connect; the one under way when connecting_
  bool connecting_ = false;
  Instant connect_until_;
  Instant rest_until_;
  Duration rest_{kFirstRest};
  Status last_failure_;
  std::uint64_t progress_ = 0;  // of the connection, as Tick last saw it
  Instant moved_;  // when that was seen to grow, or the node was asked after it was idle
  Status stopped_;
};

}  // namespace carillon
