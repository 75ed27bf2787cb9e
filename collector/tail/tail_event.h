#pragma once

#include <string>
#include <string_view>

#include "collector/dialects/event_batch.h"
#include "collector/dialects/json_document.h"
#include "collector/tail/line_cutter.h"

// Lines of files as events. Pure.
namespace carillon {

enum class LineFormat {
  kLine,  // {"message":"the line","file":"/var/log/x.log","host":"web1"}
  kJson,  // the line is the event, as POST /v1/events takes it
};

struct LineOrigin {
  LineFormat format = LineFormat::kLine;
  std::string_view stream;  // EventFields::stream
  std::string_view path;
  std::string_view host;
  std::string_view id;
};

// Threads: one caller at a time. Keeps the memory of the longest line so far.
class LineReader {
 public:
  // Appends the event of the line. What is no event in JSON is taken as a line, so that nothing is
  // lost: false then. Bytes that are no UTF-8 become U+FFFD; a line that was cut has "cut":true.
  bool Add(const FileLine& line, const LineOrigin& origin, EventBatch* events);

 private:
  bool AddJson(std::string_view text, const LineOrigin& origin, EventBatch* events);

  JsonDocument document_;
  std::string id_;
  std::string line_;
  std::string json_;
};

}  // namespace carillon
