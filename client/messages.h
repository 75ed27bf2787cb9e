#pragma once

#include <future>
#include <utility>

#include "base/status.h"
#include "client/unary_calls.h"

// The client's own: small messages in and out of bytes.
namespace carillon {

template <typename Message>
Rope Serialize(const Message& message) {
  return Rope(message.SerializeAsString());
}

template <typename Message>
StatusOr<Message> Parse(const Rope& bytes) {
  Message message;
  const bool parsed =
      bytes.pieces().size() == 1
          ? message.ParseFromArray(bytes.pieces()[0].view().data(), static_cast<int>(bytes.size()))
          : message.ParseFromString(bytes.Flatten());
  if (parsed) return message;
  return Internal("the node's answer is malformed");
}

// The answer to a call; the view hears of the version of the state that it names.
template <typename Response>
StatusOr<Response> ParseAnswer(RingView* view, StatusOr<UnaryCalls::Answer> answer) {
  if (!answer.ok()) return answer.status();
  auto response = Parse<Response>(answer->message);
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
