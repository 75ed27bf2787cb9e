#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/ids.h"

// Integers as bytes: little-endian in records and messages, big-endian in index keys, so that
// they sort; varints (7 bits a byte, least first) where small values are the rule.
namespace carillon {

template <typename T>
void PutFixed(Bytes* out, T value) {
  static_assert(std::is_unsigned_v<T>);
  char buffer[sizeof(T)];
  std::memcpy(buffer, &value, sizeof(T));  // x86-64 and arm64 are little-endian
  out->append(buffer, sizeof(T));
}

template <typename T>
void PutOrdered(Bytes* out, T value) {
  static_assert(std::is_unsigned_v<T>);
  for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift));
  }
}

void PutVarint(Bytes* out, std::uint64_t value);

// Length as a varint, then the bytes.
void PutString(Bytes* out, std::string_view text);

// The 16 bytes as they are.
void PutUuid(Bytes* out, const Uuid& uuid);

template <typename T>
T LoadFixed(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

// Reads what the Put functions wrote. A read past the end, or a malformed varint, sets failed();
// from then on every read returns zero or empty and consumes nothing.
class Decoder {
 public:
  explicit Decoder(ByteSpan input) : input_(input) {}

  template <typename T>
  T Fixed() {
    if (input_.size() < sizeof(T)) return Fail<T>();
    const T value = LoadFixed<T>(input_.data());
    input_.remove_prefix(sizeof(T));
    return value;
  }
  template <typename T>
  T Ordered() {
    if (input_.size() < sizeof(T)) return Fail<T>();
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value << 8 | static_cast<unsigned char>(input_[i]));
    }
    input_.remove_prefix(sizeof(T));
    return value;
  }
  std::uint64_t Varint();
  ByteSpan String();
  ByteSpan Take(std::size_t size);

  bool failed() const { return failed_; }
  // Nothing failed and nothing is left.
  bool Done() const { return !failed_ && input_.empty(); }
  std::size_t remaining() const { return input_.size(); }

 private:
  template <typename T>
  T Fail() {
    failed_ = true;
    input_ = {};
    return T{};
  }
  ByteSpan input_;
  bool failed_ = false;
};

// What PutUuid wrote.
Uuid TakeUuid(Decoder* decoder);

}  // namespace carillon
