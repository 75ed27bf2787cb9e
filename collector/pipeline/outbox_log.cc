#include "collector/pipeline/outbox_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace carillon {
namespace {

// How many old chunks Trim writes again at a time: it does not hold up new ones for long.
constexpr std::size_t kRewritesAtOnce = 16;

}  // namespace

StatusOr<std::unique_ptr<OutboxLog>> OutboxLog::Open(SpoolLogOptions options,
                                                     std::uint64_t first_request,
                                                     OutboxRecovery* recovery) {
  std::unique_ptr<OutboxLog> outbox(new OutboxLog());
  ASSIGN_OR_RETURN(outbox->log_, SpoolLog::Open(std::move(options), [&](SpoolItem item) {
                     return outbox->HandleItem(std::move(item), first_request, recovery);
                   }));
  outbox->CountSegments(recovery);
  return outbox;
}

// A record with right checksums that makes no sense is damage, and no reason not to start.
Status OutboxLog::HandleItem(SpoolItem item, std::uint64_t first_request,
                             OutboxRecovery* recovery) {
  Status status;
  if (item.kind == SpoolKind::kChunk) {
    status = HandleChunk(std::move(item), first_request, recovery);
  } else if (item.kind == SpoolKind::kDone) {
    const auto numbers = DecodeDone(item.value);
    status = numbers.status();
    if (numbers.ok()) HandleDone(*numbers);
  } else if (item.kind == SpoolKind::kDropped) {
    status = HandleDropped(item, first_request, recovery);
  } else {
    status = DataLoss("a record of kind {}", static_cast<int>(item.kind));
  }
  if (status.code() != StatusCode::kDataLoss) return status;
  LogWarning("outbox: {}", ToString(status));
  ++damaged_;
  return OkStatus();
}

Status OutboxLog::HandleChunk(SpoolItem item, std::uint64_t first_request,
                              OutboxRecovery* recovery) {
  ASSIGN_OR_RETURN(OutboxRecord record, DecodeOutboxRecord(item.value));
  ASSIGN_OR_RETURN(const auto covered, DecodeCovered(record.covered));
  NoteCovered(covered, first_request, &last_requests_[item.place.number], recovery);
  if (record.chunk.replaces != 0) HandleDone({record.chunk.replaces});
  const OutboxId id(item.place.number);
  by_number_[item.place.number] = id;
  slots_[id] = {item.place, std::make_shared<const OutboxChunk>(std::move(record.chunk))};
  return OkStatus();
}

Status OutboxLog::HandleDropped(const SpoolItem& item, std::uint64_t first_request,
                                OutboxRecovery* recovery) {
  ASSIGN_OR_RETURN(const auto dropped, DecodeDropped(item.value));
  NoteCovered(dropped, first_request, &last_requests_[item.place.number], recovery);
  return OkStatus();
}

void OutboxLog::NoteCovered(const std::vector<CoveredEvent>& covered, std::uint64_t first_request,
                            std::uint64_t* last_request, OutboxRecovery* recovery) {
  for (const CoveredEvent& event : covered) {
    *last_request = std::max(*last_request, event.request);
    if (event.request >= first_request) recovery->covered.push_back(event);
  }
  recovery->next_request = std::max(recovery->next_request, *last_request + 1);
}

// Only of records before it: a number after a damaged one could be another's.
void OutboxLog::HandleDone(const std::vector<std::uint64_t>& numbers) {
  for (const std::uint64_t number : numbers) {
    const auto found = by_number_.find(number);
    if (found == by_number_.end()) continue;
    slots_.erase(found->second);
    by_number_.erase(found);
  }
}

void OutboxLog::CountSegments(OutboxRecovery* recovery) {
  for (const SpoolSegment& segment : log_->segments()) {
    usage_.push_back({.first_number = segment.first_number});
  }
  for (const auto& [number, last_request] : last_requests_) {
    Usage* usage = UsageOf(number);
    usage->last_request = std::max(usage->last_request, last_request);
  }
  for (const auto& [id, slot] : slots_) {
    ++UsageOf(slot.place.number)->waiting;
    waiting_bytes_ += slot.place.location.record_bytes;
    recovery->waiting.push_back({id, slot.chunk});
  }
  last_requests_.clear();
  by_number_.clear();
  auto& covered = recovery->covered;
  std::sort(covered.begin(), covered.end());
  covered.erase(std::unique(covered.begin(), covered.end()), covered.end());
}

OutboxLog::Usage* OutboxLog::UsageOf(std::uint64_t number) {
  auto usage = std::upper_bound(
      usage_.begin(), usage_.end(), number,
      [](std::uint64_t wanted, const Usage& segment) { return wanted < segment.first_number; });
  CHECK(usage != usage_.begin());
  return &*std::prev(usage);
}

// The marks that wait, then `records`; returns the places of the latter.
StatusOr<std::vector<SpoolPlace>> OutboxLog::Write(std::vector<SpoolAppend> records) {
  const std::size_t marks = done_.empty() ? 0 : 1;
  if (marks > 0) {
    records.insert(records.begin(), {SpoolKind::kDone, Rope(EncodeDone(done_))});
  }
  ASSIGN_OR_RETURN(std::vector<SpoolPlace> places, log_->Append(records));
  done_.clear();
  const auto& segments = log_->segments();
  while (usage_.size() < segments.size()) {
    usage_.push_back({.first_number = segments[usage_.size()].first_number});
  }
  places.erase(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(marks));
  return places;
}

StatusOr<std::vector<WaitingChunk>> OutboxLog::Append(std::span<const NewChunk> chunks,
                                                      const std::vector<CoveredEvent>& dropped) {
  std::vector<SpoolAppend> records;
  for (auto at = dropped.begin(); at != dropped.end();) {
    const auto limit = at + std::min<std::ptrdiff_t>(dropped.end() - at, kMaxCoveredEvents);
    records.push_back({SpoolKind::kDropped, Rope(EncodeDropped({at, limit}))});
    at = limit;
  }
  const std::size_t drops = records.size();
  for (const NewChunk& chunk : chunks) {
    Rope value(EncodeOutboxHead(chunk.chunk, EncodeCovered(chunk.covered)));
    value.Append(chunk.value);
    records.push_back({SpoolKind::kChunk, std::move(value)});
  }
  ASSIGN_OR_RETURN(const std::vector<SpoolPlace> places, Write(std::move(records)));
  std::vector<WaitingChunk> waiting;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < drops; ++i) {
    Usage* usage = UsageOf(places[i].number);
    usage->last_request = std::max(usage->last_request, dropped.back().request);
  }
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const SpoolPlace& place = places[drops + i];
    Usage* usage = UsageOf(place.number);
    ++usage->waiting;
    if (!chunks[i].covered.empty()) {
      usage->last_request = std::max(usage->last_request, chunks[i].covered.back().request);
    }
    waiting_bytes_ += place.location.record_bytes;
    const OutboxId id(place.number);
    waiting.push_back({id, std::make_shared<const OutboxChunk>(chunks[i].chunk)});
    slots_[id] = {place, waiting.back().chunk};
  }
  return waiting;
}

void OutboxLog::Done(OutboxId id) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return;
  const SpoolPlace& place = slot->second.place;
  --UsageOf(place.number)->waiting;
  waiting_bytes_ -= place.location.record_bytes;
  done_.push_back(place.number);
  slots_.erase(slot);
}

StatusOr<std::uint64_t> OutboxLog::NumberOf(OutboxId id) const {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.end()) return NotFound("chunk {} does not wait", id);
  return slot->second.chunk->info.key.number;
}

StatusOr<WaitingChunk> OutboxLog::Renumber(OutboxId id, std::uint64_t number) {
  return Rewrite(id, number);
}

// One record instead of another, at once: whoever reads it knows that the old one is done.
StatusOr<WaitingChunk> OutboxLog::Rewrite(OutboxId id, std::optional<std::uint64_t> number) {
  ASSIGN_OR_RETURN(const SharedBytes bytes, Read(id));
  ASSIGN_OR_RETURN(const OutboxRecord record, DecodeOutboxRecord(bytes.view()));
  OutboxChunk chunk = record.chunk;
  chunk.replaces = slots_.at(id).place.number;
  if (number) chunk.info.key.number = *number;
  Rope value(EncodeOutboxHead(chunk, record.covered));
  value.Append(bytes.Slice(bytes.size() - record.value.size(), record.value.size()));
  std::vector<SpoolAppend> records;
  records.push_back({SpoolKind::kChunk, std::move(value)});
  ASSIGN_OR_RETURN(const std::vector<SpoolPlace> places, Write(std::move(records)));

  const std::lock_guard lock(mutex_);
  Slot& slot = slots_.at(id);
  Usage* before = UsageOf(slot.place.number);
  Usage* after = UsageOf(places[0].number);
  --before->waiting;
  ++after->waiting;
  after->last_request = std::max(after->last_request, before->last_request);
  waiting_bytes_ -= slot.place.location.record_bytes;
  waiting_bytes_ += places[0].location.record_bytes;
  slot = {places[0], std::make_shared<const OutboxChunk>(std::move(chunk))};
  return WaitingChunk{id, slot.chunk};
}

Status OutboxLog::Flush() {
  if (!done_.empty()) RETURN_IF_ERROR(Write({}).status());
  return log_->Mark();
}

Status OutboxLog::Trim(std::uint64_t first_request, bool all) {
  if (all) {
    RETURN_IF_ERROR(Flush());
    RETURN_IF_ERROR(log_->Seal());
  }
  std::size_t count = 0;
  while (count < usage_.size() && usage_[count].waiting == 0 &&
         usage_[count].last_request < first_request &&
         !log_->IsActive(log_->segments()[count].id)) {
    ++count;
  }
  const Status status = log_->RemoveOldest(count);
  while (usage_.size() > log_->segments().size()) usage_.pop_front();
  RETURN_IF_ERROR(status);
  return RewriteOldest();
}

std::vector<OutboxId> OutboxLog::WaitingOfOldest() const {
  std::vector<OutboxId> ids;
  const std::uint64_t last = log_->segments().front().last_number;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, slot] : slots_) {
    if (ids.size() == kRewritesAtOnce) break;
    if (slot.place.number <= last) ids.push_back(id);
  }
  return ids;
}

Status OutboxLog::RewriteOldest() {
  if (usage_.size() < 3 || usage_.front().waiting == 0) return OkStatus();
  if (log_->bytes() <= kSpareFactor * waiting_bytes_ + 2 * log_->segment_bytes()) return OkStatus();
  for (const OutboxId id : WaitingOfOldest()) {
    const Status status = Rewrite(id, std::nullopt).status();
    if (status.code() == StatusCode::kDataLoss) {
      LogWarning("outbox: a chunk is lost: {}", ToString(status));
      ++damaged_;
      Done(id);
      continue;
    }
    RETURN_IF_ERROR(status);
  }
  return OkStatus();
}

StatusOr<SharedBytes> OutboxLog::Read(OutboxId id) const {
  RecordLocation location;
  {
    const std::lock_guard lock(mutex_);
    const auto slot = slots_.find(id);
    if (slot == slots_.end()) return NotFound("chunk {} does not wait", id);
    location = slot->second.place.location;
  }
  return log_->Read(location);
}

StatusOr<SharedBytes> OutboxLog::ReadValue(OutboxId id) const {
  ASSIGN_OR_RETURN(const SharedBytes bytes, Read(id));
  ASSIGN_OR_RETURN(const OutboxRecord record, DecodeOutboxRecord(bytes.view()));
  return bytes.Slice(bytes.size() - record.value.size(), record.value.size());
}

std::size_t OutboxLog::waiting() const {
  const std::lock_guard lock(mutex_);
  return slots_.size();
}

}  // namespace carillon
