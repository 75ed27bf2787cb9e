#include "frames/call.h"

namespace carillon {

Rope EncodeCall(CallMethod method, const Rope& message) {
  Rope body(Bytes(1, static_cast<char>(method)));
  for (const SharedBytes& piece : message.pieces()) body.Append(piece);
  return body;
}

StatusOr<Call> DecodeCall(const SharedBytes& body) {
  if (body.size() == 0) return InvalidArgument("a call without a method");
  const auto method = static_cast<std::uint8_t>(body.view().front());
  if (method == 0 || method > static_cast<std::uint8_t>(CallMethod::kPutChunks)) {
    return Unimplemented("no method {}", method);
  }
  return Call{.method = static_cast<CallMethod>(method), .message = body.Slice(1, body.size() - 1)};
}

}  // namespace carillon
