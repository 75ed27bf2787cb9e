#include "server/node/peer_batch_codec.h"

#include <algorithm>
#include <cstdint>

#include "base/check.h"
#include "base/coding.h"

namespace carillon {
namespace {

// Takes bytes off the front of a rope.
class Front {
 public:
  explicit Front(const Rope& rope) : rope_(rope), left_(rope.size()) {}

  std::size_t left() const { return left_; }

  // The next `size` bytes, shared. Requires: so many are left.
  Rope Take(std::size_t size) {
    Rope taken;
    left_ -= size;
    while (size > 0) {
      const SharedBytes& piece = rope_.pieces()[piece_];
      const std::size_t here = std::min(size, piece.size() - offset_);
      taken.Append(piece.Slice(offset_, here));
      size -= here;
      offset_ += here;
      if (offset_ == piece.size()) {
        ++piece_;
        offset_ = 0;
      }
    }
    return taken;
  }

  // Requires: four bytes are left.
  std::uint32_t TakeNumber() {
    const Bytes bytes = Take(sizeof(std::uint32_t)).Flatten();
    return LoadFixed<std::uint32_t>(bytes.data());
  }

 private:
  const Rope& rope_;
  std::size_t left_;
  std::size_t piece_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace

Rope EncodePeerBatch(const std::vector<Rope>& parts) {
  CHECK(parts.size() <= kMaxPeerBatch);
  Bytes head;
  PutFixed(&head, static_cast<std::uint32_t>(parts.size()));
  for (const Rope& part : parts) PutFixed(&head, static_cast<std::uint32_t>(part.size()));
  Rope batch(std::move(head));
  for (const Rope& part : parts) {
    for (const SharedBytes& piece : part.pieces()) batch.Append(piece);
  }
  return batch;
}

StatusOr<std::vector<Rope>> DecodePeerBatch(const Rope& batch) {
  Front front(batch);
  if (front.left() < sizeof(std::uint32_t)) return DataLoss("no batch: {} bytes", batch.size());
  const std::uint32_t count = front.TakeNumber();
  if (count > kMaxPeerBatch) return DataLoss("a batch of {} parts", count);
  if (front.left() < count * sizeof(std::uint32_t)) return DataLoss("a batch that is cut short");
  std::vector<std::uint32_t> sizes(count);
  std::uint64_t bytes = 0;
  for (std::uint32_t& size : sizes) bytes += size = front.TakeNumber();
  if (bytes != front.left()) {
    return DataLoss("a batch of {} bytes that says it has {}", front.left(), bytes);
  }
  std::vector<Rope> parts;
  parts.reserve(count);
  for (const std::uint32_t size : sizes) parts.push_back(front.Take(size));
  return parts;
}

}  // namespace carillon
