#pragma once

#include <future>
#include <utility>

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "base/status.h"
#include "client/unary_calls.h"

// The client's own: small messages in and out of gRPC's buffers.
namespace carillon {

template <typename Message>
grpc::ByteBuffer Serialize(const Message& message) {
  grpc::ByteBuffer buffer;
  bool owned = false;
  // Cannot fail: it writes into memory.
  (void)grpc::SerializationTraits<Message>::Serialize(message, &buffer, &owned);
  return buffer;
}

template <typename Message>
StatusOr<Message> Parse(StatusOr<grpc::ByteBuffer> buffer) {
  if (!buffer.ok()) return buffer.status();
  Message message;
  const grpc::Status status = grpc::SerializationTraits<Message>::Deserialize(&*buffer, &message);
  if (status.ok()) return message;
  return Internal("the node's answer is malformed: {}", status.error_message());
}

// The answer to a call; the view hears of the version of the state that it names.
template <typename Response>
StatusOr<Response> ParseAnswer(RingView* view, StatusOr<UnaryCalls::Answer> answer) {
  if (!answer.ok()) return answer.status();
  auto response = Parse<Response>(std::move(answer->message));
  if constexpr (requires { response->state_version(); }) {
    if (response.ok()) {
      view->HearVersion(StateVersion(response->state_version()), answer->endpoint);
    }
  }
  return response;
}

// One call to any node, waited for.
template <typename Response, typename Request>
StatusOr<Response> Invoke(UnaryCalls* calls, const char* method, const Request& request) {
  std::promise<StatusOr<UnaryCalls::Answer>> promise;
  calls->Start(
      method, {}, [&request](const Target&) { return Serialize(request); },
      [&promise](StatusOr<UnaryCalls::Answer> answer) { promise.set_value(std::move(answer)); });
  return ParseAnswer<Response>(calls->view(), promise.get_future().get());
}

}  // namespace carillon
