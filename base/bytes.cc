#include "base/bytes.h"

namespace carillon {

Bytes Rope::Flatten() const {
  Bytes bytes;
  bytes.reserve(size_);
  for (const SharedBytes& piece : pieces_) bytes.append(piece.view());
  return bytes;
}

}  // namespace carillon
