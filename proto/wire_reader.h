#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"

namespace carillon::wire {

// The wire types of protobuf's encoding that are in use.
enum class FieldKind : std::uint32_t { kVarint = 0, kFixed64 = 1, kSized = 2, kFixed32 = 5 };

// Walks over one message that lies in pieces. Every field is named by Next and must then be
// consumed by exactly one call: its value (as the kind says) or Skip.
//
// The first error sticks: from then on Next returns false and reads return zero or nothing.
// Threads: one caller at a time; `message` must outlive the reader.
class Reader {
 public:
  explicit Reader(const Rope& message) : message_(message), left_(message.size()) {}

  // Moves to the next field; false at the end and after an error.
  bool Next();
  std::uint32_t number() const { return number_; }
  // Whether the field is `number` and of `kind`: one of another kind is unknown, as in protobuf.
  bool Is(std::uint32_t number, FieldKind kind) const { return number == number_ && kind == kind_; }

  std::uint64_t Varint();
  std::uint32_t Fixed32();
  // The bytes of a sized field, shared.
  Rope Sized();
  // A sized field as text; an error above kMaxTextBytes, which names `field`.
  std::string Text(std::string_view field);
  void Skip();

  const Status& status() const { return status_; }

 private:
  void Fail(Status status);
  unsigned char Byte();
  std::uint64_t Size();  // of a sized field; what it promises is there
  void Advance(std::size_t size);
  Rope Take(std::size_t size);

  const Rope& message_;
  std::size_t piece_ = 0;   // index of the piece of the next byte
  std::size_t offset_ = 0;  // of the next byte in its piece
  std::size_t left_;        // bytes to the end of the message
  std::uint32_t number_ = 0;
  FieldKind kind_ = FieldKind::kVarint;
  Status status_;
};

}  // namespace carillon::wire
