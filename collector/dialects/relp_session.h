#pragma once

#include <string>

#include "collector/dialects/stream_dialect.h"
#include "collector/dialects/syslog_message.h"

namespace carillon {

// RELP, rsyslog's reliable protocol (rsyslog.com/doc/relp.html, librelp): frames "TXNR COMMAND
// LENGTH[ DATA]\n". The client says open, then syslog frames, then close; each is answered "TXNR
// rsp LENGTH 200 OK\n", a syslog frame once it is kept. Events: see AddSyslogMessage; no key.
//
// Frames that one Feed makes whole are one StoreEvents, acknowledged together. Not kept: the
// connection is closed, and the client sends its unacknowledged frames again on the next one.
//
// Memory: kMaxSyslogBytes and the piece that is fed.
class RelpSession final : public StreamSession {
 public:
  std::string_view key() const override { return {}; }
  void Begin(std::vector<StreamEffect>*) override {}
  Status Feed(std::string_view bytes, std::vector<StreamEffect>* effects) override;

 private:
  struct Frame;
  class Batch;
  Status TakeFrame(const Frame& frame, Batch* batch);

  enum class State : std::uint8_t { kNew, kOpen, kClosed };
  State state_ = State::kNew;
  std::string buffer_;
};

}  // namespace carillon
