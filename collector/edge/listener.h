#pragma once

#include <functional>
#include <memory>

#include "base/status.h"
#include "collector/edge/edge_loop.h"
#include "collector/edge/socket_address.h"

namespace carillon {

// Accepts connections of one listening socket, which shares its port with those of other loops
// (SO_REUSEPORT). Out of descriptors, it gives up one held in reserve to accept and close the
// connection at once, so that nobody waits in the backlog and the loop does not spin; when even
// that fails, it rests until the next tick.
//
// Threads: its loop's, except Open.
class Listener final : public LoopMember, public std::enable_shared_from_this<Listener> {
 public:
  using Handler = std::function<void(int descriptor)>;  // takes the descriptor over

  // Binds and listens. `shed` hears of each connection closed for want of descriptors.
  // UNAVAILABLE: the system would not.
  static StatusOr<std::shared_ptr<Listener>> Open(EdgeLoop* loop, const SocketAddress& at,
                                                  int backlog, Handler handler,
                                                  std::function<void()> shed);
  ~Listener() override;

  SocketAddress address() const { return LocalAddressOf(descriptor_); }
  void Start();

  void OnReady(bool readable, bool writable) override;
  void Tick(Instant now) override;
  // Takes those that wait already, and closes.
  void Drain() override;
  void Close() override;

 private:
  Listener(EdgeLoop* loop, int descriptor, Handler handler, std::function<void()> shed);
  bool AcceptSome();  // false: it has to rest
  bool ShedOne();

  EdgeLoop* const loop_;
  int descriptor_;
  const Handler handler_;
  const std::function<void()> shed_;
  int reserve_;
  bool resting_ = false;
  bool shedding_ = false;  // the last accept failed for want of descriptors
};

// Whether somebody listens there already: SO_REUSEPORT would share the port with them in silence.
// UNAVAILABLE: yes.
Status CheckPortIsFree(const SocketAddress& at);

}  // namespace carillon
