#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collector/user_agent/user_agent_parser.h"

namespace carillon {

// The texts that were parsed last, each with what was found, as JSON:
// {"browser":"Chrome","browser_version":"120.0.0","os":"Windows","os_version":"10"}, without what
// is not known. There are few of them among many requests.
//
// Threads: one caller at a time: each thread has its own. Memory: kMaxTexts of about 700 bytes.
class UserAgentCache {
 public:
  static constexpr std::size_t kMaxTexts = 4096;

  // Valid until the next call. Requires: the same parser each time.
  std::string_view Find(const UserAgentParser& parser, std::string_view text);

  std::size_t size() const { return entries_.size(); }
  std::uint64_t parsed() const { return parsed_; }

 private:
  struct Entry {
    std::string text;
    std::string json;
  };

  std::list<Entry> entries_;  // the one used last in front
  std::unordered_map<std::string_view, std::list<Entry>::iterator> by_text_;
  std::uint64_t parsed_ = 0;
};

}  // namespace carillon
