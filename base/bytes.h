#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Bytes that are owned, looked at, shared.
namespace carillon {

using Bytes = std::string;
using ByteSpan = std::string_view;

// A handle on immutable bytes that someone keeps alive. Copying moves no byte.
// Threads: as std::shared_ptr; the bytes never change.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::shared_ptr<const void> owner, ByteSpan view)
      : owner_(std::move(owner)), view_(view) {}
  // Takes over `bytes`.
  explicit SharedBytes(Bytes bytes) {
    auto owner = std::make_shared<const Bytes>(std::move(bytes));
    view_ = *owner;
    owner_ = std::move(owner);
  }

  ByteSpan view() const { return view_; }
  std::size_t size() const { return view_.size(); }
  // [offset, offset + size) of these bytes, kept alive by the same owner. Requires: in range.
  SharedBytes Slice(std::size_t offset, std::size_t size) const {
    return SharedBytes(owner_, view_.substr(offset, size));
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteSpan view_;
};

// Bytes in several pieces, in order: a chunk's value as it came off the wire.
class Rope {
 public:
  Rope() = default;
  explicit Rope(Bytes bytes) { Append(SharedBytes(std::move(bytes))); }
  explicit Rope(SharedBytes piece) { Append(std::move(piece)); }

  void Append(SharedBytes piece) {
    if (piece.size() == 0) return;
    size_ += piece.size();
    pieces_.push_back(std::move(piece));
  }
  const std::vector<SharedBytes>& pieces() const { return pieces_; }
  std::size_t size() const { return size_; }
  // All pieces in one string: a copy.
  Bytes Flatten() const;

 private:
  std::vector<SharedBytes> pieces_;
  std::size_t size_ = 0;
};

}  // namespace carillon
