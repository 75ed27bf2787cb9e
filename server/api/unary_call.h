#pragma once

#include <string_view>

#include <grpcpp/support/server_callback.h>

#include "base/clock.h"
#include "server/api/status_codec.h"
#include "server/shell/metrics.h"

namespace carillon {

// One unary call from its arrival to its answer: finishes its reactor and counts it, once.
class UnaryCall {
 public:
  UnaryCall(std::string_view method, grpc::CallbackServerContext* context, Metrics* metrics)
      : method_(method),
        reactor_(context->DefaultReactor()),
        metrics_(metrics),
        began_(SystemClock().Now()) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  grpc::ServerUnaryReactor* Finish(const Status& status) const {
    metrics_->ObserveRequest("grpc", method_, status.code(), SystemClock().Now() - began_);
    reactor_->Finish(ToGrpc(status));
    return reactor_;
  }

 private:
  std::string_view method_;  // a literal
  grpc::ServerUnaryReactor* reactor_;
  Metrics* metrics_;
  Instant began_;
};

}  // namespace carillon
