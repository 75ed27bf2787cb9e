#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace carillon {

// What a User-Agent says, in uap-core's words. What is not known is empty.
struct UserAgent {
  std::string browser;          // "Mobile Safari"
  std::string browser_version;  // "8.0"
  std::string os;               // "iOS"
  std::string os_version;       // "8.1.2"
  std::string device;           // "iPhone"
  std::string brand;            // "Apple"
  std::string model;            // "iPhone"
  friend bool operator==(const UserAgent&, const UserAgent&) = default;
};

// Of longer ones only the beginning is looked at.
inline constexpr std::size_t kMaxParsedUserAgentBytes = 512;

// uap-core's rules (Debian's package of that name: /usr/share/uap-core/regexes.yaml): three lists
// of expressions, of which the first that matches counts. All of a list are tried at once by an
// automaton of RE2's, so that it takes the same time for every text.
//
// Never changes. Threads: any, at once. Cost: making it takes a second and 60 MiB, up to 130 MiB
// once many texts were seen; a text takes 100 us to 3 ms: keep what is found (UserAgentCache).
class UserAgentParser {
 public:
  // `yaml`: the text of the rules. INVALID_ARGUMENT: no such rules, or an expression that RE2 does
  // not understand; names it.
  static StatusOr<std::shared_ptr<const UserAgentParser>> Make(const std::string& yaml);
  ~UserAgentParser();
  UserAgentParser(const UserAgentParser&) = delete;
  UserAgentParser& operator=(const UserAgentParser&) = delete;

  UserAgent Parse(std::string_view text) const;

 private:
  class RuleList;
  UserAgentParser();

  std::unique_ptr<RuleList> browsers_;
  std::unique_ptr<RuleList> systems_;
  std::unique_ptr<RuleList> devices_;
};

}  // namespace carillon
