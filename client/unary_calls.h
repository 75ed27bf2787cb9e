#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <grpcpp/support/status.h>

#include "base/status.h"
#include "client/client.h"
#include "client/ring_view.h"

namespace carillon {

Status ToStatus(const grpc::Status& status);

// Unary calls, each tried again as ClientOptions says, until an answer stands or the call's time
// is over: at once on another endpoint when this one is away and another is not, else after a
// backoff; and by the newer ring when a node refused the route (FAILED_PRECONDITION) and there is
// one. What is about a key does not wait long for one home while another can be asked
// (RingView::PatienceWith). By frames where they are spoken (NodeFrames), else by gRPC. No thread
// waits for a call: those of the transports carry it on.
//
// Threads: any. `view` must outlive the calls; the destructor waits for those under way.
class UnaryCalls {
 public:
  // Attempts on other endpoints between two backoffs, and fetches of the ring in one call.
  static constexpr int kMaxAtOnce = 3;
  static constexpr int kMaxRefreshes = 3;

  struct Answer {
    Rope message;
    std::string endpoint;
  };
  using Done = std::function<void(StatusOr<Answer>)>;
  // The request, with the route of its target.
  using MakeRequest = std::function<Rope(const Target&)>;

  UnaryCalls(RingView* view, const ClientOptions& options) : view_(view), options_(options) {}
  ~UnaryCalls();

  // What was done for a call before it came here.
  struct Past {
    Instant began = SystemClock().Now();
    int attempts = 0;
    Status failure;  // of the last of them; not OK: waits as after that before it tries again
  };

  // Calls `method` ("/package.Service/Method", a literal); `done` is called once, on a thread of
  // a transport's, and must not block. `request` is called for each attempt.
  void Start(const char* method, Aim aim, MakeRequest request, Done done) {
    Start(method, std::move(aim), std::move(request), std::move(done), Past());
  }
  void Start(const char* method, Aim aim, MakeRequest request, Done done, Past past);

  RingView* view() { return view_; }

 private:
  class Call;
  void Enter();
  void Leave();

  RingView* const view_;
  const ClientOptions options_;
  std::mutex mutex_;
  std::condition_variable none_left_;
  std::size_t under_way_ = 0;
};

}  // namespace carillon
