#include "collector/pipeline/dead_letters.h"

#include <array>

namespace carillon {
namespace {

constexpr std::size_t kMaxReasonBytes = 1024;

}  // namespace

StatusOr<std::unique_ptr<DeadLetters>> DeadLetters::Open(SpoolLogOptions options,
                                                         std::uint64_t max_bytes) {
  std::unique_ptr<DeadLetters> letters(new DeadLetters(max_bytes));
  ASSIGN_OR_RETURN(letters->log_, SpoolLog::Open(std::move(options), [](const SpoolItem&) {
                     return OkStatus();  // for whoever reads the files
                   }));
  return letters;
}

Status DeadLetters::Add(std::string_view reason, const SharedBytes& record, std::uint64_t events) {
  if (log_->bytes() + record.size() > max_bytes_) {
    return ResourceExhausted("{} bytes of dead letters, at most {}", log_->bytes(), max_bytes_);
  }
  Rope value(EncodeDeadLetterHead(reason.substr(0, kMaxReasonBytes)));
  value.Append(record);
  std::array<SpoolAppend, 1> records = {SpoolAppend{SpoolKind::kDeadLetter, std::move(value)}};
  RETURN_IF_ERROR(log_->Append(records).status());
  ++letters_;
  events_ += events;
  return OkStatus();
}

}  // namespace carillon
