#include "collector/dialects/relp_session.h"

#include <optional>
#include <utility>

namespace carillon {

struct RelpSession::Frame {
  std::string_view number;
  std::string_view command;
  std::string_view data;
  std::size_t size = 0;  // of the whole frame
};

// What is to be kept next, and what is said when it is.
class RelpSession::Batch {
 public:
  explicit Batch(std::vector<StreamEffect>* effects) : effects_(effects) {}

  void Answer(std::string_view number, std::string_view data) {
    fmt::format_to(std::back_inserter(answers_), "{} rsp {}{}{}\n", number, data.size(),
                   data.empty() ? "" : " ", data);
  }
  void Say(std::string_view bytes) { answers_.append(bytes); }
  Status Add(std::string_view message) {
    EventWriter writer("frames", &events_);
    return AddSyslogMessage(message, &writer);
  }
  bool full() const { return events_.size() == kMaxEventsInRequest; }
  void Flush() {
    if (events_.empty() && answers_.empty()) return;
    effects_->push_back(StoreEvents{.events = std::exchange(events_, EventBatch()),
                                    .acknowledgement = std::exchange(answers_, std::string()),
                                    .refusal = {}});
  }

 private:
  std::vector<StreamEffect>* effects_;
  EventBatch events_;
  std::string answers_;
};

namespace {

// 9 digits of a number, 32 letters, 9 digits of a length, three spaces.
constexpr std::size_t kMaxHeadBytes = 53;
constexpr std::string_view kOffer =
    "200 OK\nrelp_version=0\nrelp_software=carillon\ncommands=syslog";

bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status Malformed(std::string_view what) {
  return InvalidArgument("relp: {}", what);
}

// Takes a word and the space behind it; nullopt: it is not all there.
std::optional<std::string_view> TakeWord(std::string_view* rest) {
  const std::size_t end = rest->find_first_of(" \n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view word = rest->substr(0, end);
  rest->remove_prefix(end + ((*rest)[end] == ' ' ? 1 : 0));
  return word;
}

}  // namespace

Status RelpSession::Feed(std::string_view bytes, std::vector<StreamEffect>* effects) {
  buffer_.append(bytes);
  std::string_view rest = buffer_;
  Batch batch(effects);
  Status status;
  while (status.ok() && !rest.empty()) {
    std::string_view head = rest;
    const auto number = TakeWord(&head);
    const auto command = number ? TakeWord(&head) : number;
    const auto length = command ? TakeWord(&head) : command;
    if (!length) {
      if (rest.size() > kMaxHeadBytes) status = Malformed("want TXNR COMMAND LENGTH");
      break;
    }
    if (!IsNumber(*number) || command->empty() || command->size() > 32 || !IsNumber(*length)) {
      status = Malformed("want TXNR COMMAND LENGTH");
      break;
    }
    const std::size_t size = std::stoul(std::string(*length));
    if (size > kMaxSyslogBytes) {
      status = OutOfRange("relp: a frame of {} bytes, at most {}", size, kMaxSyslogBytes);
      break;
    }
    if (head.size() < size + 1) break;
    if (head[size] != '\n') {
      status = Malformed("want a newline at the end of a frame");
      break;
    }
    const std::size_t whole = rest.size() - head.size() + size + 1;
    status = TakeFrame(
        {.number = *number, .command = *command, .data = head.substr(0, size), .size = whole},
        &batch);
    rest.remove_prefix(whole);
  }
  batch.Flush();
  buffer_.erase(0, buffer_.size() - rest.size());
  return status;
}

Status RelpSession::TakeFrame(const Frame& frame, Batch* batch) {
  if (state_ == State::kClosed) return Malformed("a frame behind close");
  if (frame.command == "open") {
    if (state_ == State::kOpen) return Malformed("open comes twice");
    state_ = State::kOpen;
    batch->Answer(frame.number, kOffer);
    return OkStatus();
  }
  if (state_ == State::kNew) return Malformed("want open first");
  if (frame.command == "syslog") {
    RETURN_IF_ERROR(batch->Add(frame.data));
    batch->Answer(frame.number, "200 OK");
    if (batch->full()) batch->Flush();
    return OkStatus();
  }
  if (frame.command == "close") {
    state_ = State::kClosed;
    batch->Answer(frame.number, "");
    batch->Say("0 serverclose 0\n");
    return OkStatus();
  }
  batch->Answer(frame.number, "500 unknown command");
  return OkStatus();
}

}  // namespace carillon
