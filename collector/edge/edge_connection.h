#pragma once

#include <deque>
#include <memory>
#include <string>

#include "collector/edge/edge_loop.h"
#include "collector/edge/peer_socket.h"
#include "collector/edge/request_reader.h"

namespace carillon {

// One connection of HTTP. Requests are read as they come and handed on at once; answers are written
// in the order of the requests, those that are ready together in one write.
//
//   open --last answer, a refusal, or the client's end--> lingering --client's end, 2 s--> closed
//
// At steady state a request costs one recv, one send, and a share of an epoll_wait. While too many
// pipelined requests are under way, nothing is read.
//
// Threads: its loop's.
class EdgeConnection final : public LoopMember,
                             public std::enable_shared_from_this<EdgeConnection> {
 public:
  // Requires: a slot of host()'s connections, which it gives back.
  // Takes the descriptor over.
  EdgeConnection(int descriptor, EdgeLoop* loop);
  ~EdgeConnection() override;

  void Start();

  // The intake is done with the exchange. False: the connection is closed, and the exchange gone.
  bool TakeBack(Exchange* exchange);
  // Writes what is answered, and reads on.
  void Continue();

  void OnReady(bool readable, bool writable) override;
  void Tick(Instant now) override;
  void Drain() override;
  void Close() override;

 private:
  void Watch();
  void Read();
  void Feed(std::string_view bytes);
  std::size_t Consume(std::string_view bytes);
  bool AccountBody();
  void Refuse(int status, std::string_view text);
  void Flush();
  void CollectAnswers();
  void Linger();
  bool HasRoom() const;
  bool IsIdle() const;

  EdgeLoop* const loop_;
  EdgeHost* const host_;
  PeerSocket socket_;
  RequestReader reader_;
  std::string in_;               // read, and not understood yet
  Exchange* current_ = nullptr;  // being read
  std::deque<Exchange*> queue_;  // read, in order, not written yet
  std::string out_;
  std::size_t written_ = 0;  // of out_
  Instant active_;           // when the last request or answer ended, or the connection began
  Instant began_;            // of current_
  Instant wrote_;            // when writing last got on
  Instant lingers_since_;
  std::size_t lingered_bytes_ = 0;
  bool first_ = true;       // no request yet
  bool continued_ = false;  // "100 Continue" was said for current_
  bool reading_ = false;    // what is watched for
  bool writing_ = false;
  bool last_ = false;  // no more requests: linger when all is written
  bool client_ended_ = false;
  bool lingering_ = false;
  bool closed_ = false;
};

}  // namespace carillon
