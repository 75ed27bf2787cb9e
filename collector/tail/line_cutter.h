#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// Bytes of a file as lines. Pure.
namespace carillon {

struct CutOptions {
  std::size_t max_line_bytes = 64 << 10;  // longer ones are cut off behind so many
  std::size_t max_lines = 10'000;
  // Nothing follows: what has no end is a line, too.
  bool last = false;
};

struct FileLine {
  std::string_view text;  // without its end ("\n" or "\r\n"), and without leading NULs
  std::uint64_t end = 0;  // where the next begins: an offset in the file
  bool cut = false;       // there was more of it
};

struct CutResult {
  std::vector<FileLine> lines;
  std::uint64_t end = 0;     // where reading goes on: what is before it is never needed again
  bool in_cut_line = false;  // what comes there is the rest of a line that was cut off
};

// Cuts `bytes`, which stand at `offset`. A line without an end waits, unless it is too long.
// Empty lines are passed over, and so are NULs before a line: what a writer leaves that goes on at
// its old place after its file was truncated. The views are those of `bytes`.
CutResult CutLines(std::string_view bytes, std::uint64_t offset, bool in_cut_line,
                   const CutOptions& options);

}  // namespace carillon
