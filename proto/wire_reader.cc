#include "proto/wire_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proto/wire.h"

namespace carillon::wire {
namespace {

constexpr int kMaxVarintBytes = 10;

bool IsKnownKind(std::uint64_t kind) {
  return kind <= 2 || kind == 5;
}

}  // namespace

void Reader::Fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
  left_ = 0;
}

bool Reader::Next() {
  if (left_ == 0) return false;
  const std::uint64_t tag = Varint();
  if (!status_.ok()) return false;
  if (tag > std::numeric_limits<std::uint32_t>::max() || tag >> 3 == 0) {
    Fail(InvalidArgument("message has a field with the tag {}", tag));
    return false;
  }
  number_ = static_cast<std::uint32_t>(tag >> 3);
  if (!IsKnownKind(tag & 7)) {
    Fail(InvalidArgument("message has field {} of wire type {}", number_, tag & 7));
    return false;
  }
  kind_ = static_cast<FieldKind>(tag & 7);
  return true;
}

// Requires: left_ > 0.
unsigned char Reader::Byte() {
  const auto byte = static_cast<unsigned char>(message_.pieces()[piece_].view()[offset_]);
  Advance(1);
  return byte;
}

// Requires: size <= left_.
void Reader::Advance(std::size_t size) {
  left_ -= size;
  while (size > 0) {
    const std::size_t step = std::min(size, message_.pieces()[piece_].size() - offset_);
    size -= step;
    offset_ += step;
    if (offset_ == message_.pieces()[piece_].size()) {
      ++piece_;
      offset_ = 0;
    }
  }
}

std::uint64_t Reader::Varint() {
  std::uint64_t value = 0;
  for (int i = 0; i < kMaxVarintBytes; ++i) {
    if (left_ == 0) {
      Fail(InvalidArgument("message ends within a number"));
      return 0;
    }
    const unsigned char byte = Byte();
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return value;
  }
  Fail(InvalidArgument("message has a number of more than {} bytes", kMaxVarintBytes));
  return 0;
}

std::uint32_t Reader::Fixed32() {
  if (left_ < sizeof(std::uint32_t)) {
    Fail(InvalidArgument("message ends within a fixed number"));
    return 0;
  }
  std::uint32_t value = 0;
  for (int shift = 0; shift < 32; shift += 8) value |= std::uint32_t{Byte()} << shift;
  return value;
}

std::uint64_t Reader::Size() {
  const std::uint64_t size = Varint();
  if (size <= left_) return size;
  Fail(InvalidArgument("message has a field of {} bytes, {} are left", size, left_));
  return 0;
}

// Requires: size <= left_.
Rope Reader::Take(std::size_t size) {
  Rope taken;
  while (size > 0) {
    const SharedBytes& piece = message_.pieces()[piece_];
    const std::size_t step = std::min(size, piece.size() - offset_);
    taken.Append(piece.Slice(offset_, step));
    Advance(step);
    size -= step;
  }
  return taken;
}

Rope Reader::Sized() {
  return Take(Size());
}

std::string Reader::Text(std::string_view field) {
  const std::uint64_t size = Size();
  if (size > kMaxTextBytes) {
    Fail(InvalidArgument("{} of {} bytes, at most {}", field, size, kMaxTextBytes));
    return {};
  }
  std::string text;
  text.reserve(size);
  while (text.size() < size) {
    const ByteSpan rest = message_.pieces()[piece_].view().substr(offset_);
    const std::size_t step = std::min<std::size_t>(size - text.size(), rest.size());
    text.append(rest.substr(0, step));
    Advance(step);
  }
  return text;
}

void Reader::Skip() {
  switch (kind_) {
    case FieldKind::kVarint:
      Varint();
      return;
    case FieldKind::kSized:
      Advance(Size());
      return;
    case FieldKind::kFixed32:
    case FieldKind::kFixed64: {
      const std::size_t size = kind_ == FieldKind::kFixed32 ? 4 : 8;
      if (left_ < size) return Fail(InvalidArgument("message ends within a fixed number"));
      return Advance(size);
    }
  }
}

}  // namespace carillon::wire
