#pragma once

#include <cstddef>

#include "base/bytes.h"
#include "base/status.h"
#include "ring/register_messages.h"

// The canonical bytes of what the register says (docs/FORMATS.md, "Register messages").
namespace carillon {

inline constexpr std::size_t kMaxStateBytes = std::size_t{7} << 20;
inline constexpr std::size_t kMaxRegisterMessageBytes = std::size_t{8} << 20;

// Requires: states in it are valid, and each is at most kMaxStateBytes encoded.
Bytes EncodeRegisterMessage(const RegisterMessage& message);

// DATA_LOSS: malformed, too large, of an unknown kind or format, or with a state that is not valid.
StatusOr<RegisterMessage> DecodeRegisterMessage(ByteSpan bytes);

// Pieces of the above, for what else is written with them.
void PutBallot(Bytes* out, const Ballot& ballot);
// A null state is empty.
void PutSharedState(Bytes* out, const SharedState& state);

}  // namespace carillon
