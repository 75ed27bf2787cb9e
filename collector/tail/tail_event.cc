#include "collector/tail/tail_event.h"

#include "collector/dialects/json_text.h"
#include "collector/dialects/native.h"

namespace carillon {

bool LineReader::AddJson(std::string_view text, const LineOrigin& origin, EventBatch* events) {
  EventFields fields;
  if (!document_.Parse(text).ok()) return false;
  if (!ReadNativeEvent(document_.root(), &id_, &line_, &fields).ok()) return false;
  fields.stream = origin.stream;
  fields.id = origin.id;  // whatever the event calls itself: the position must be known again
  events->Add(fields);
  return true;
}

bool LineReader::Add(const FileLine& line, const LineOrigin& origin, EventBatch* events) {
  const bool is_json = origin.format == LineFormat::kJson;
  if (is_json && !line.cut && AddJson(line.text, origin, events)) return true;
  json_.clear();
  JsonObjectWriter writer(&json_);
  writer.AddText("message", line.text);
  writer.AddText("file", origin.path);
  writer.AddText("host", origin.host);
  if (line.cut) writer.Add("cut", "true");
  writer.End();
  events->Add({.stream = origin.stream, .id = origin.id, .json = json_});
  return !is_json;
}

}  // namespace carillon
