#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

#include <grpcpp/server_context.h>
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
        began_(SystemClock().Now()),
        answer_by_(AnswerBy(*context, began_)) {}

  grpc::ServerUnaryReactor* reactor() const { return reactor_; }

  // When the caller must have its answer, so that it arrives before he gives up; nullopt: never.
  std::optional<Instant> AnswerBy() const { return answer_by_; }

  grpc::ServerUnaryReactor* Finish(const Status& status) const {
    metrics_->ObserveRequest("grpc", method_, status.code(), SystemClock().Now() - began_);
    reactor_->Finish(ToGrpc(status));
    return reactor_;
  }

 private:
  static std::optional<Instant> AnswerBy(const grpc::CallbackServerContext& context, Instant now) {
    constexpr auto kForEver = std::chrono::hours(24);
    constexpr Duration kOnTheWay = std::chrono::milliseconds(250);  // for the answer, at most
    const auto left = context.deadline() - std::chrono::system_clock::now();
    if (left > kForEver) return std::nullopt;
    const auto time = std::chrono::duration_cast<Duration>(left);
    return now + time - std::min(time / 10, kOnTheWay);
  }

  std::string_view method_;  // a literal
  grpc::ServerUnaryReactor* reactor_;
  Metrics* metrics_;
  Instant began_;
  std::optional<Instant> answer_by_;
};

}  // namespace carillon
