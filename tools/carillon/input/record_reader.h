#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "tools/carillon/input/stream_buffer.h"

// Cuts an input into the texts of single events, without looking into them.
namespace carillon {

struct Record {
  std::string_view text;  // one line, followed by kTextPadding readable bytes
  std::string_view
      source;              // the same as the input has it; of a problem, perhaps only its beginning
  std::uint64_t line = 0;  // where it begins, from 1
  Status problem;          // why this is no text of an event
};

// Threads: one caller at a time. Memory: twice the largest event (kMaxEventBytes).
class RecordReader {
 public:
  virtual ~RecordReader() = default;
  // The next record, valid until the next call; nullopt at the end. An error is the source's.
  // A record above kMaxEventBytes, or cut off by the end of the input, comes with a problem.
  virtual StatusOr<std::optional<Record>> Next() = 0;
  // How far the file has been read, in its own bytes.
  virtual std::uint64_t position() const = 0;
};

// A record a line, without the white space around it; empty lines are passed over.
std::unique_ptr<RecordReader> ReadLines(std::unique_ptr<StreamBuffer> buffer);

// JSON values as they follow each other, and the elements of top-level arrays, however they are
// laid out; each minified to one line, its strings and numbers untouched. White space and commas
// between them are not looked at. Whether a text is JSON is not checked.
std::unique_ptr<RecordReader> ReadJsonValues(std::unique_ptr<StreamBuffer> buffer);

}  // namespace carillon
