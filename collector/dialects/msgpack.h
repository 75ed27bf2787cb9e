#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

// MessagePack (github.com/msgpack/msgpack/blob/master/spec.md), as far as who receives and sends
// events needs it. Our own, since the inputs are hostile: msgpuck 1.0.3 of Debian 12 adds the
// lengths of arrays up in an int, and believes one of 2^32 - 1 items to be whole.
namespace carillon {

enum class MsgpackType : std::uint8_t {
  kNil,
  kBool,
  kUnsigned,
  kNegative,
  kFloat,
  kDouble,
  kText,
  kBinary,
  kArray,
  kMap,
  kExtension,
};

// The head of a value, and for texts and extensions their bytes.
struct MsgpackItem {
  MsgpackType type = MsgpackType::kNil;
  std::uint64_t number = 0;   // unsigned, bool; two's complement if negative; items; pairs
  double real = 0;            // float, double
  std::int8_t extension = 0;  // its type
  std::string_view bytes;     // text, binary, extension

  bool IsBytes() const { return type == MsgpackType::kText || type == MsgpackType::kBinary; }
};

// Reads heads one behind the other. Never reads outside of `bytes`.
class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes) : bytes_(bytes) {}

  // The next head; nullopt: the bytes end before it does, or it is 0xc1 (never used): done for.
  std::optional<MsgpackItem> Next();
  // Passes over one whole value, whatever its depth. false: as above.
  bool Skip();
  // Appends the next value as JSON and passes over it. Binaries become base64, times (-1 and
  // Fluent's 0) seconds with nanoseconds, other extensions base64, names of any type texts, what
  // is no finite number null.
  // INVALID_ARGUMENT: malformed. OUT_OF_RANGE: deeper than kMaxEventDepth, larger than
  // kMaxEventBytes; the reader is then somewhere inside.
  Status AppendJson(std::string* out) { return AppendJson(1, out); }

  std::size_t at() const { return at_; }
  void Seek(std::size_t at) { at_ = at; }
  bool done() const { return at_ == bytes_.size(); }

 private:
  friend class MsgpackFramer;
  Status AppendJson(std::size_t level, std::string* out);
  Status AppendMap(std::uint64_t pairs, std::size_t level, std::string* out);
  Status AppendName(std::string* out);
  std::optional<std::uint64_t> Fixed(std::size_t size);
  std::optional<MsgpackItem> Sized(MsgpackType type, std::size_t length_bytes);
  std::optional<MsgpackItem> Counted(MsgpackType type, std::size_t length_bytes);
  std::optional<MsgpackItem> Extension(std::optional<std::uint64_t> size);
  std::optional<MsgpackItem> Scalar(std::uint8_t head);

  std::string_view bytes_;
  std::size_t at_ = 0;
};

// An EventTime (extension 0) or timestamp (-1), or whole or broken seconds (milliseconds from 10^11
// on), as microseconds since 1970; nullopt: none of these.
std::optional<std::int64_t> MsgpackTime(const MsgpackItem& item);

// Finds where the first value of a growing buffer ends. Cost over all calls: O(bytes).
class MsgpackFramer {
 public:
  explicit MsgpackFramer(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  // The size of the value at the front of `buffer`, when it is all there. The buffer must have
  // grown only, since the last call or Reset. INVALID_ARGUMENT: malformed. OUT_OF_RANGE: larger
  // than max_bytes, or must become so.
  StatusOr<std::optional<std::size_t>> Find(std::string_view buffer);
  void Reset();

 private:
  std::size_t max_bytes_;
  std::size_t at_ = 0;         // where the next head begins; may lie beyond the buffer
  std::uint64_t pending_ = 1;  // values not seen yet
};

// Lengths and counts up to 2^32 - 1.
void AppendMsgpackText(std::string_view text, std::string* out);
void AppendMsgpackBinary(std::string_view bytes, std::string* out);
void AppendMsgpackBool(bool value, std::string* out);
void AppendMsgpackArray(std::size_t items, std::string* out);
void AppendMsgpackMap(std::size_t pairs, std::string* out);

}  // namespace carillon
