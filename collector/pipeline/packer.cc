#include "collector/pipeline/packer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/bucket.h"
#include "base/check.h"
#include "base/checksum.h"
#include "base/log.h"
#include "collector/pipeline/request_check.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

// Requests that go through the batcher between two writes of the outbox.
constexpr std::size_t kRoundBytes = std::size_t{4} << 20;
// Of recovered requests that wait for verdicts, when another group is read.
constexpr std::size_t kRecoveringBytes = std::size_t{16} << 20;
constexpr Duration kRetryAfter = std::chrono::seconds(1);
constexpr Duration kUpkeepEvery = std::chrono::seconds(1);
// A chunk that was full before its second ended is committed with the rest of the second.
constexpr Duration kCommitWithRest = std::chrono::milliseconds(100);

std::int64_t WallMicros(WallTime time) {
  return std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

Packer::Packer(PackerOptions options, PackerParts parts, IntakeRecovery recovery, Packed packed)
    : options_(std::move(options)),
      parts_(parts),
      recovery_(std::move(recovery)),
      packed_(std::move(packed)),
      batcher_(options_.batcher) {
  if (options_.dictionaries) {
    dictionaries_.emplace(*options_.dictionaries, DictionaryMakerOptions{.clock = options_.clock});
  }
}

Packer::~Packer() {
  Stop();
}

void Packer::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Packer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
  RefuseReady(Unavailable("the collector is stopping"));
}

void Packer::RefuseReady(const Status& status) {
  std::vector<ReadyChunk> ready;
  {
    const std::lock_guard lock(mutex_);
    ready.swap(ready_);
  }
  for (const ReadyChunk& one : ready) RefuseOne(one, status);
}

void Packer::RefuseOne(const ReadyChunk& one, const Status& status) {
  if (one.stored_by) parts_.watch->Unreserve(1);
  if (one.copied_by) parts_.copier->Unreserve();
  one.done(status);
}

void Packer::AddReady(ReadyChunk ready) {
  Status refused;
  {
    const std::lock_guard lock(mutex_);
    refused = stopping_ ? Unavailable("the collector is stopping") : failure_;
    if (refused.ok()) ready_.push_back(std::move(ready));
  }
  if (!refused.ok()) return RefuseOne(ready, refused);
  wake_.notify_one();
}

void Packer::Add(std::vector<KeptRequest> requests) {
  const std::lock_guard lock(mutex_);
  for (KeptRequest& request : requests) {
    if (request.recovered) recovering_bytes_ -= request.value.size();
    requests_.push_back(std::move(request));
  }
  wake_.notify_one();
}

void Packer::Handle(SenderRequests requests) {
  const auto append = [](auto* to, auto& from) {
    to->insert(to->end(), std::make_move_iterator(from.begin()),
               std::make_move_iterator(from.end()));
  };
  const std::lock_guard lock(mutex_);
  append(&sender_.done, requests.done);
  append(&sender_.burials, requests.burials);
  append(&sender_.renumberings, requests.renumberings);
  wake_.notify_one();
}

Status Packer::failure() const {
  if (!failed_.load(std::memory_order_acquire)) return OkStatus();  // asked for every request
  const std::lock_guard lock(mutex_);
  return failure_;
}

Status Packer::Drain(Duration grace) {
  parts_.sender->Hurry();
  std::unique_lock lock(mutex_);
  closing_ = true;
  wake_.notify_one();
  const bool done = idle_.wait_for(lock, grace, [this] {
    const bool packed = recovered_ && !busy_ && !unwritten_ && requests_.empty() &&
                        ready_.empty() && sender_.empty();
    return !failure_.ok() || (packed && parts_.outbox->waiting() == 0);
  });
  if (!failure_.ok()) return failure_;
  if (done) return OkStatus();
  return DeadlineExceeded("{} chunks are not committed yet: they stay in the spool",
                          parts_.outbox->waiting());
}

void Packer::TrimAll() {
  std::unique_lock lock(mutex_);
  trim_all_ = true;
  wake_.notify_one();
  idle_.wait(lock, [this] { return !trim_all_ || !failure_.ok(); });
}

BatchTime Packer::Time() const {
  return {.now = options_.clock->Now(), .wall_us = WallMicros(options_.clock->WallNow())};
}

void Packer::Fail(const Status& status) {
  LogError("outbox: stopped: {}", ToString(status));
  {
    const std::lock_guard lock(mutex_);
    if (failure_.ok()) failure_ = Unavailable("outbox: {}", Message(status));
    failed_.store(true, std::memory_order_release);
  }
  RefuseReady(Unavailable("outbox: {}", Message(status)));
  parts_.watch->FailAll(Unavailable("outbox: {}", Message(status)));
}

void Packer::Loop() {
  RecoverIntake();
  while (std::optional<Round> round = WaitForRound(WaitFor())) Run(std::move(*round));
  idle_.notify_all();
}

// With mutex_ held. Requests are left waiting while the outbox cannot be written.
bool Packer::HasWork() const {
  const bool retry = !pending_.empty() && retry_at_ <= options_.clock->Now();
  return stopping_ || trim_all_ || retry || !sender_.empty() || !ready_.empty() ||
         (pending_.empty() && !requests_.empty()) ||
         (closing_ && pending_.empty() && (batcher_.open_batches() > 0 || !dropped_.empty()));
}

Duration Packer::WaitFor() const {
  const Instant now = options_.clock->Now();
  Instant until = upkeep_at_;
  if (!pending_.empty()) until = std::min(until, retry_at_);
  if (const auto due = batcher_.Deadline(); due && pending_.empty()) until = std::min(until, *due);
  return std::clamp<Duration>(until - now, Duration(0), kUpkeepEvery);
}

// nullopt: it stops.
std::optional<Packer::Round> Packer::WaitForRound(Duration wait) {
  std::unique_lock lock(mutex_);
  busy_ = false;
  unwritten_ = !pending_.empty() || !dropped_.empty() || batcher_.open_batches() > 0;
  idle_.notify_all();
  wake_.wait_for(lock, wait, [this] { return HasWork(); });
  if (stopping_ || !failure_.ok()) return std::nullopt;
  busy_ = true;
  Round round{.ready = std::exchange(ready_, {}),
              .sender = std::exchange(sender_, {}),
              .closing = closing_};
  std::size_t bytes = 0;
  while (pending_.empty() && !requests_.empty() && bytes < kRoundBytes) {
    bytes += requests_.front().value.size();
    round.requests.push_back(std::move(requests_.front()));
    requests_.pop_front();
  }
  round.closing = round.closing && requests_.empty();
  return round;
}

void Packer::Run(Round round) {
  HandleSender(std::move(round.sender));
  WriteReady(std::move(round.ready));
  for (const KeptRequest& request : round.requests) AddRequest(request);
  if (pending_.empty() || retry_at_ <= options_.clock->Now()) {
    std::vector<EventsOfChunk> closed;
    batcher_.Tick(options_.clock->Now(), &closed);
    if (round.closing) batcher_.CloseAll(&closed);
    Pack(std::move(closed));
    WritePending(round.closing || upkeep_at_ <= options_.clock->Now());
  }
  Upkeep();
}

void Packer::AddRequest(const KeptRequest& request) {
  const ByteSpan value = request.value.view();
  const Status status = DecodeRequest(value, &request_);
  CHECK(status.ok());  // this process wrote it, or has read it before
  std::vector<EventsOfChunk> closed;
  AddEvents(request, &closed);
  if (!request.recovered) packed_(request_.tenant, value.size());
  Pack(std::move(closed));
}

// The events of request_.
void Packer::AddEvents(const KeptRequest& kept, std::vector<EventsOfChunk>* closed) {
  const BatchTime time = Time();
  for (std::size_t i = 0; i < request_.events.size(); ++i) {
    const CoveredEvent place{kept.number, static_cast<std::uint32_t>(i)};
    const EventFate fate = kept.fates.empty() ? EventFate::kStored : kept.fates[i];
    if (fate == EventFate::kDropped) dropped_.push_back(place);
    if (fate != EventFate::kStored) continue;
    const PreparedEvent& event = request_.events[i];
    batcher_.Add({.tenant = request_.tenant,
                  .bucket = event.bucket,
                  .type = event.type,
                  .subtype = event.subtype,
                  .epoch = Epoch(static_cast<std::uint64_t>(event.time_us) / 1'000'000),
                  .json = event.json,
                  .place = place},
                 time, closed);
  }
}

void Packer::Pack(std::vector<EventsOfChunk> closed) {
  for (EventsOfChunk& events : closed) PackOne(std::move(events));
}

std::vector<EncodedChunk> Packer::Encode(const EventsOfChunk& events) {
  std::shared_ptr<const Dictionary> dictionary;
  if (dictionaries_ && events.lines.size() <= kMaxRawBytesWithDictionary) {
    const StreamName& stream = *events.stream;
    const ChunkKey key{.epoch = events.epoch,
                       .dc = options_.dc,
                       .cell = options_.cell,
                       .type = stream.type,
                       .subtype = stream.subtype};
    dictionary = dictionaries_->Choose(DictionaryKeyOf(key, stream.bucket, 0), events.lines);
  }
  std::vector<EncodedChunk> encoded =
      EncodeLines(events.lines, options_.batcher.max_chunk_bytes, dictionary.get());
  if (dictionary) {
    dictionary_chunks_ += encoded.size();
    dictionary_events_ += events.covered.size();
  }
  return encoded;
}

void Packer::PackOne(EventsOfChunk events) {
  const StreamName& stream = *events.stream;
  std::vector<EncodedChunk> encoded = Encode(events);
  std::size_t value_bytes = 0;
  for (const EncodedChunk& chunk : encoded) value_bytes += chunk.value.size();
  batcher_.Learn(stream, events.lines.size(), value_bytes);

  auto covered = events.covered.begin();
  for (EncodedChunk& chunk : encoded) {
    const auto limit = covered + static_cast<std::ptrdiff_t>(chunk.events);
    NewChunk fresh;
    fresh.chunk = {
        .tenant = stream.tenant,
        .bucket = stream.bucket,
        .info = {.key = {.epoch = events.epoch,
                         .dc = options_.dc,
                         .cell = options_.cell,
                         .type = stream.type,
                         .subtype = stream.subtype},
                 .events = chunk.events,
                 .raw_bytes = chunk.raw_bytes,
                 .value_bytes = static_cast<std::uint32_t>(chunk.value.size()),
                 .value_crc = Crc32c(chunk.value)},
        .created = WallSeconds(options_.clock->WallNow()),
    };
    fresh.covered.assign(covered, limit);
    // Requests come in the order in which they were looked at, which is not always that of numbers.
    std::sort(fresh.covered.begin(), fresh.covered.end());
    covered = limit;
    fresh.value = SharedBytes(std::move(chunk.value));
    pending_.push_back(std::move(fresh));
    const Instant now = options_.clock->Now();
    const bool early = events.second_closes > now;
    pending_commit_at_.push_back(early ? events.second_closes + kCommitWithRest : now);
  }
  CHECK(covered == events.covered.end());
}

Status Packer::NumberPending() {
  for (NewChunk& chunk : pending_) {
    if (chunk.chunk.info.key.number != 0) continue;
    ASSIGN_OR_RETURN(chunk.chunk.info.key.number, parts_.numbers->Next());
  }
  return OkStatus();
}

// All chunks that are ready, in one batch. Only what is on the disk is covered and sent.
void Packer::WritePending(bool also_dropped_alone) {
  if (pending_.empty() && (dropped_.empty() || !also_dropped_alone)) return;
  std::sort(dropped_.begin(), dropped_.end());
  Status status = NumberPending();
  StatusOr<std::vector<WaitingChunk>> waiting = std::vector<WaitingChunk>();
  if (status.ok()) {
    waiting = parts_.outbox->Append(pending_, dropped_);
    status = waiting.status();
  }
  if (!status.ok()) {
    if (parts_.outbox->broken()) return Fail(status);
    LogWarning("outbox: {}: tried again", ToString(status));
    retry_at_ = options_.clock->Now() + kRetryAfter;
    return;
  }
  parts_.intake->Cover(dropped_);
  parts_.watch->HandleDropped(dropped_);
  dropped_.clear();
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    parts_.intake->Cover(pending_[i].covered);
    parts_.watch->HandleCovered((*waiting)[i].id, pending_[i].covered);
  }
  if (!pending_.empty()) SendWritten(pending_, pending_commit_at_, *waiting);
  pending_.clear();
  pending_commit_at_.clear();
}

void Packer::SendWritten(std::span<const NewChunk> chunks, const std::vector<Instant>& commit_at,
                         const std::vector<WaitingChunk>& waiting) {
  std::vector<SenderChunk> sent(chunks.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    sent[i] = {waiting[i], chunks[i].value, commit_at[i]};
  }
  const auto shared = std::make_shared<std::vector<SenderChunk>>(std::move(sent));
  Then([sender = parts_.sender, shared] { sender->Add(std::move(*shared)); });
}

// When the copy, if there is one, has what the outbox has.
void Packer::Then(std::function<void()> next) {
  if (parts_.copier == nullptr) return next();
  parts_.copier->Then(std::move(next));
}

void Packer::AwaitReady(const ReadyChunk& one, OutboxId id) {
  if (one.stored_by) return parts_.watch->WatchChunk(id, *one.stored_by, one.done);
  if (one.copied_by) return parts_.copier->Await(*one.copied_by, one.done);
}

// They cover nothing of the intake: whoever sent them is told when they are not on the disk.
void Packer::WriteReady(std::vector<ReadyChunk> ready) {
  if (ready.empty()) return;
  std::vector<NewChunk> chunks;
  for (ReadyChunk& one : ready) chunks.push_back(std::move(one.chunk));
  const auto waiting = parts_.outbox->Append(chunks);
  if (waiting.ok()) {
    for (std::size_t i = 0; i < ready.size(); ++i) {
      AwaitReady(ready[i], (*waiting)[i].id);
    }
    SendWritten(chunks, std::vector<Instant>(chunks.size(), options_.clock->Now()), *waiting);
    for (const ReadyChunk& one : ready) {
      if (!one.stored_by && !one.copied_by) one.done(OkStatus());
    }
    return;
  }
  if (parts_.outbox->broken()) {
    Fail(waiting.status());
  }
  const Status refused = Unavailable("outbox: {}", Message(waiting.status()));
  for (const ReadyChunk& one : ready) RefuseOne(one, refused);
}

void Packer::HandleSender(SenderRequests requests) {
  for (const OutboxId id : requests.done) {
    parts_.outbox->Done(id);
    parts_.watch->HandleCommitted(id);
  }
  for (const ChunkToBury& burial : requests.burials) Bury(burial);
  for (const OutboxId id : requests.renumberings) {
    StatusOr<WaitingChunk> renumbered = Renumber(id);
    if (!renumbered.ok() && parts_.outbox->broken()) return Fail(renumbered.status());
    Then([sender = parts_.sender, id, renumbered = std::move(renumbered)] {
      sender->HandleRenumbered(id, renumbered);
    });
  }
}

StatusOr<WaitingChunk> Packer::Renumber(OutboxId id) {
  ASSIGN_OR_RETURN(const std::uint64_t old, parts_.outbox->NumberOf(id));
  RETURN_IF_ERROR(parts_.numbers->ChangeWriter(old));
  ASSIGN_OR_RETURN(const std::uint64_t number, parts_.numbers->Next());
  ++renumbered_;
  return parts_.outbox->Renumber(id, number);
}

// Dead letter first, then the outbox: a crash in between leaves the chunk in both.
void Packer::Bury(const ChunkToBury& burial) {
  Status status;
  const StatusOr<SharedBytes> record = parts_.outbox->Read(burial.id);
  if (record.ok()) {
    const auto decoded = DecodeOutboxRecord(record->view());
    const std::uint64_t events = decoded.ok() ? decoded->chunk.info.events : 0;
    status = parts_.dead_letters->Add(ToString(burial.reason), *record, events);
    if (status.ok() && decoded.ok()) {
      LogWarning("{}: {} is a dead letter: {}", decoded->chunk.tenant,
                 ToString(decoded->chunk.info.key), ToString(burial.reason));
    }
  } else if (record.status().code() == StatusCode::kDataLoss) {
    LogWarning("outbox: a chunk is lost: {}", ToString(record.status()));
    ++damaged_;
  } else {
    status = record.status();
  }
  if (status.ok()) {
    parts_.outbox->Done(burial.id);
    parts_.watch->HandleBuried(burial.id);
  }
  parts_.sender->HandleBuried(burial.id, status);
}

// At most one for each pause of the maker's.
void Packer::TellDictionaryFailures() {
  if (!dictionaries_) return;
  const std::uint64_t failures = dictionaries_->failures();
  if (std::exchange(told_failures_, failures) == failures) return;
  LogWarning("dictionaries: {}: small chunks go without until the ring is there again",
             ToString(dictionaries_->failure()));
}

void Packer::Upkeep() {
  bool all = false;
  {
    const std::lock_guard lock(mutex_);
    all = trim_all_;
  }
  const Instant now = options_.clock->Now();
  if (!all && now < upkeep_at_) return;
  parts_.watch->Tick(now);
  TellDictionaryFailures();
  upkeep_at_ = now + kUpkeepEvery;
  const Status flushed = parts_.outbox->Flush();
  // Also when nothing can be written: removing segments is what makes room.
  Status status = parts_.outbox->Trim(parts_.intake->first_number(), all && flushed.ok());
  if (status.ok()) status = flushed;
  if (!status.ok() && parts_.outbox->broken()) Fail(status);
  if (!status.ok()) LogWarning("outbox: upkeep: {}", ToString(status));
  const std::lock_guard lock(mutex_);
  if (all) trim_all_ = false;
}

// The rounds in between keep the outbox and the sender going.
void Packer::RecoverIntake() {
  Status status = recovery_.reader([this](SpoolItem item) { return RecoverItem(std::move(item)); });
  EndRecoveredGroup();
  if (status.ok()) status = RunWhileRecovering(0);
  recovery_ = {};
  if (!status.ok()) return;
  parts_.intake->FinishRecovery();
  const std::lock_guard lock(mutex_);
  recovered_ = true;
  busy_ = true;  // until the next round is waited for: what was read is not written yet
}

// request_ is this one's until a round is run. An error: it stops.
Status Packer::RecoverItem(SpoolItem item) {
  SharedBytes value(std::move(item.value));
  Status status = DecodeRequest(value.view(), &request_);
  // Chunks are limited by what the configuration says now: what is larger is in one of its own.
  if (status.ok()) status = CheckRequest(request_, kMaxChunkBytesLimit);
  if (!status.ok()) {
    LogWarning("intake: request {} is lost: {}", item.place.number, ToString(status));
    ++damaged_;
    return OkStatus();
  }
  KeptRequest kept{.number = item.place.number,
                   .events = request_.events.size(),
                   .value = std::move(value),
                   .recovered = true};
  read_bytes_ += kept.value.size();
  kept.claims = ClaimsOf(request_);
  if (kept.claims != nullptr) {
    kept.claims->owner = RequestOwner(kept.value.view());
    if (kept.claims->owner != recovered_group_) {
      EndRecoveredGroup();
      RETURN_IF_ERROR(RunWhileRecovering(kRecoveringBytes));
    }
    recovered_group_ = kept.claims->owner;
  }
  RecoverRequest(std::move(kept));
  bool refused = false;
  while (read_bytes_ >= kRoundBytes) {
    // With what is read so far it goes on at once, with what cannot be written it waits.
    std::optional<Round> round = WaitForRound(refused ? WaitFor() : Duration(0));
    if (!round) return Cancelled("stopped");
    Run(std::move(*round));
    refused = !pending_.empty();
    if (!refused) read_bytes_ = 0;
  }
  return OkStatus();
}

void Packer::EndRecoveredGroup() {
  if (recovered_group_) parts_.deduplicator->EndGroup(*recovered_group_);
  recovered_group_.reset();
}

// Until the deduplicator has at most so much of what was read. An error: it stops.
Status Packer::RunWhileRecovering(std::size_t most_bytes) {
  const auto is_enough = [&] {
    const std::lock_guard lock(mutex_);
    return recovering_bytes_ <= most_bytes;
  };
  while (!is_enough()) {
    std::optional<Round> round = WaitForRound(WaitFor());
    if (!round) return Cancelled("stopped");
    Run(std::move(*round));
  }
  return OkStatus();
}

// Which of its events the outbox has, in the order of numbers.
void Packer::FindFates(KeptRequest* kept) {
  const std::vector<CoveredEvent>& covered = recovery_.covered;
  while (next_covered_ < covered.size() && covered[next_covered_].request < kept->number) {
    ++next_covered_;
  }
  kept->fates.assign(kept->events, EventFate::kStored);
  for (; next_covered_ < covered.size() && covered[next_covered_].request == kept->number;
       ++next_covered_) {
    const std::uint32_t place = covered[next_covered_].place;
    if (place < kept->fates.size()) kept->fates[place] = EventFate::kCovered;
  }
}

// One that the outbox has whole still counts in its group: others with its ids are duplicates.
void Packer::RecoverRequest(KeptRequest kept) {
  FindFates(&kept);
  const auto left = static_cast<std::size_t>(
      std::count(kept.fates.begin(), kept.fates.end(), EventFate::kStored));
  if (left > 0) {
    ++recovered_requests_;
    parts_.intake->Recover(kept.number, left);
  }
  if (kept.claims != nullptr) {
    {
      const std::lock_guard lock(mutex_);
      recovering_bytes_ += kept.value.size();
    }
    std::vector<KeptRequest> one;
    one.push_back(std::move(kept));
    parts_.deduplicator->Add(std::move(one));
    return;
  }
  if (left == 0) return;
  std::vector<EventsOfChunk> closed;
  AddEvents(kept, &closed);
  Pack(std::move(closed));
}

}  // namespace carillon
