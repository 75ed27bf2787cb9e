#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/status.h"
#include "collector/tail/tail_file.h"

// All positions of a spool, and the ids that are made of them (docs/FORMATS.md, "Spool"). Pure.
namespace carillon {

inline constexpr std::size_t kMaxTailFiles = 2'000;
inline constexpr std::size_t kMaxTailStateBytes = std::size_t{16} << 20;

struct TailState {
  std::uint64_t salt = 0;  // of this spool's ids: nobody outside knows it
  std::uint64_t next_number = 1;
  std::set<std::string> started;  // tails whose files were looked for before
  std::map<std::uint64_t, TailFile> files;
  friend bool operator==(const TailState&, const TailState&) = default;
};

Bytes EncodeTailState(const TailState& state);
// DATA_LOSS: not what EncodeTailState writes. UNIMPLEMENTED: of a newer version.
StatusOr<TailState> DecodeTailState(ByteSpan bytes);

// The id of the event that a line becomes: the same however often the line is read. It says how far
// the file is read with it, so that an intake that has the event has the position, too.
struct TailPlace {
  std::uint64_t number = 0;
  std::uint64_t end = 0;
  std::uint32_t before = 0;  // TailFile::before of `end`
  bool cut = false;          // the rest of the line follows at `end`
  friend bool operator==(const TailPlace&, const TailPlace&) = default;
};
// "tail-0123456789abcdef-17-4096-89abcdef", with a '+' behind it when cut.
std::string TailEventId(std::uint64_t salt, const TailPlace& place);
// nullopt: no id of this salt.
std::optional<TailPlace> ParseTailEventId(std::uint64_t salt, std::string_view id);

// An event of this id is kept: its file is read at least so far. Of a file that is not known, or is
// read further, nothing changes.
void Believe(std::string_view id, TailState* state);

}  // namespace carillon
