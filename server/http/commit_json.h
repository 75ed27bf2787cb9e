#pragma once

#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/status.h"

namespace carillon {

// Reads {"chunks":[{"key","events","raw_bytes","value_bytes","value_crc32c"}],"seal":{"writer",
// "epoch"}} into the chunks and the seal of `commit`. Both may be absent; every member of a chunk
// and of a seal must be there; value_crc32c is 8 hexadecimal digits in a string.
// INVALID_ARGUMENT names the member: unknown, twice, missing, or of a wrong kind.
Status ParseCommitJson(ByteSpan body, Commit* commit);

}  // namespace carillon
