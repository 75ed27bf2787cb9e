#include "collector/user_agent/user_agent_cache.h"

#include <utility>

#include "base/json_writer.h"

namespace carillon {
namespace {

// A text may be any bytes, and so may what is taken out of it.
std::string Ascii(std::string text) {
  for (char& c : text) {
    if ((c & 0x80) != 0) c = '?';
  }
  return text;
}

std::string JsonOf(const UserAgent& found) {
  JsonWriter json;
  json.BeginObject();
  const auto add = [&json](std::string_view name, const std::string& value) {
    if (!value.empty()) json.Field(name, Ascii(value));
  };
  add("browser", found.browser);
  add("browser_version", found.browser_version);
  add("os", found.os);
  add("os_version", found.os_version);
  add("device", found.device);
  add("brand", found.brand);
  add("model", found.model);
  json.EndObject();
  return json.Take();
}

}  // namespace

std::string_view UserAgentCache::Find(const UserAgentParser& parser, std::string_view text) {
  text = text.substr(0, kMaxParsedUserAgentBytes);
  if (const auto known = by_text_.find(text); known != by_text_.end()) {
    entries_.splice(entries_.begin(), entries_, known->second);
    return entries_.front().json;
  }
  if (entries_.size() == kMaxTexts) {
    by_text_.erase(entries_.back().text);
    entries_.pop_back();
  }
  ++parsed_;
  entries_.push_front({.text = std::string(text), .json = JsonOf(parser.Parse(text))});
  by_text_.emplace(entries_.front().text, entries_.begin());
  return entries_.front().json;
}

}  // namespace carillon
