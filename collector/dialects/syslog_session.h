#pragma once

#include <string>

#include "collector/dialects/stream_dialect.h"
#include "collector/dialects/syslog_message.h"

namespace carillon {

// Syslog over TCP (RFC 6587): a message that begins with a digit is counted ("123 <34>1 ..."), any
// other ends in a newline (or NUL). Events: see AddSyslogMessage. Nothing is acknowledged, and
// there is no key. One StoreEvents for the messages that Feed made whole.
//
// Memory: kMaxSyslogBytes and the piece that is fed.
class SyslogSession final : public StreamSession {
 public:
  std::string_view key() const override { return {}; }
  void Begin(std::vector<StreamEffect>*) override {}
  Status Feed(std::string_view bytes, std::vector<StreamEffect>* effects) override;
  // A last line without its newline counts.
  void End(std::vector<StreamEffect>* effects) override;

 private:
  std::string buffer_;
  std::size_t searched_ = 0;  // bytes at the front of buffer_ that hold no end of a line
};

}  // namespace carillon
