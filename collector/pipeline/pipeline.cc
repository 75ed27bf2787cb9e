#include "collector/pipeline/pipeline.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "base/chunk_key.h"
#include "base/log.h"
#include "base/random.h"
#include "client/dictionary_shelf.h"
#include "collector/pipeline/chunk_numbers.h"
#include "collector/pipeline/commit_watch.h"
#include "collector/pipeline/dead_letters.h"
#include "collector/pipeline/intake_log.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/packer.h"
#include "collector/pipeline/request_check.h"
#include "collector/pipeline/sender.h"
#include "collector/pipeline/tenant_counts.h"

namespace carillon {
namespace {

// Chunks of the backlog: what is known of each is in memory.
constexpr std::size_t kMaxBacklogChunks = 1'000'000;
constexpr std::uint64_t kDeadLetterShare = 8;  // one part of so many
constexpr SpoolPart kParts[] = {SpoolPart::kIntake, SpoolPart::kOutbox, SpoolPart::kDead};
// What a stop waits for the last changes to be copied: they change nothing for whoever was
// answered.
constexpr Duration kLastCopies = std::chrono::seconds(2);
constexpr Duration kRetryWhenFull = std::chrono::seconds(10);
constexpr Duration kRetryWhenBusy = std::chrono::seconds(1);

Status Validate(const PipelineOptions& options) {
  if (options.client == nullptr || options.files == nullptr || options.clock == nullptr) {
    return InvalidArgument("pipeline: no client, file system, or clock");
  }
  if (!options.directory.starts_with('/')) {
    return InvalidArgument("spool: '{}' is no absolute path", options.directory);
  }
  RETURN_IF_ERROR(CheckName("dc", options.dc));
  RETURN_IF_ERROR(CheckName("cell", options.cell));
  if (options.max_spool_bytes < kMinSpoolBytes) {
    return InvalidArgument("spool: {} bytes, at least {}", options.max_spool_bytes, kMinSpoolBytes);
  }
  if (options.stale_percent < 1 || options.stale_percent > 99) {
    return InvalidArgument("stale share of {} %, want 1..99", options.stale_percent);
  }
  if (options.max_chunk_bytes < 1 || options.max_chunk_bytes > kMaxChunkBytesLimit) {
    return InvalidArgument("chunks of {} bytes, want 1..{}", options.max_chunk_bytes,
                           kMaxChunkBytesLimit);
  }
  if (options.max_in_flight < 1) return InvalidArgument("0 puts at once");
  if (options.lateness < Duration(0) || options.max_backlog_age <= Duration(0)) {
    return InvalidArgument("a negative time");
  }
  if (options.copies && options.copies->peers.empty()) {
    return InvalidArgument("copies of the spool, and nobody to keep them");
  }
  if (options.writer > ChunkNumbers::kMaxWriter) {
    return InvalidArgument("writer {}, at most {}", options.writer, ChunkNumbers::kMaxWriter);
  }
  return OkStatus();
}

// What is to be done when a request is on the disk, or is not.
struct KeptHow {
  std::string tenant;
  std::size_t bytes = 0;
  std::uint64_t json_bytes = 0;
  std::size_t events = 0;
  std::shared_ptr<const EventClaims> claims;
  AckLevel level = AckLevel::kLocal;
  Instant deadline;
  std::function<void(Status)> done;
};

class SpoolPipeline final : public Pipeline {
 public:
  explicit SpoolPipeline(PipelineOptions options) : options_(std::move(options)) {}
  ~SpoolPipeline() override;

  Status Recover();

  void Keep(const IntakeRequest& request, std::function<void(Status)> done) override;
  void KeepChunk(const PackedChunk& chunk, std::function<void(Status)> done) override;
  Duration RetryAfter() const override { return full_ ? kRetryWhenFull : kRetryWhenBusy; }
  Status Drain(Duration grace) override;
  PipelineStats stats() const override;

 private:
  Status OpenDirectory();
  SpoolLogOptions LogOptions(SpoolPart part, std::uint64_t share, std::uint64_t max_segment) const;
  void Then(std::function<void()> next);
  Status OpenLogs(IntakeRecovery* intake, OutboxRecovery* outbox);
  void MakeParts(IntakeRecovery recovery);
  Status Admit(const IntakeRequest& request);
  Status Reserve(const IntakeRequest& request, std::size_t bytes);
  Status ReserveAck(AckLevel level, std::size_t events);
  void UnreserveAck(AckLevel level, std::size_t events);
  void HandleKept(const KeptHow& how, const Status& kept, std::uint64_t number);
  Status CheckSpace(std::uint64_t bytes);
  Status AdmitChunk(const PackedChunk& chunk);

  const PipelineOptions options_;
  std::unique_ptr<FileLock> lock_;
  TenantCounts counts_{WaitingLimits()};
  std::atomic<bool> draining_{false};
  std::atomic<bool> full_{false};            // the last refusal was for want of space
  std::atomic<std::uint64_t> unwritten_{0};  // bytes on their way to the intake log
  std::uint64_t damaged_ = 0;                // found by Open
  std::uint64_t recovered_chunks_ = 0;

  CommitWatch watch_;
  std::unique_ptr<SpoolCopier> copier_;    // may be null
  std::unique_ptr<SpoolLog> intake_file_;  // until MakeParts
  std::unique_ptr<DeadLetters> dead_letters_;
  std::unique_ptr<ChunkNumbers> numbers_;
  std::unique_ptr<OutboxLog> outbox_;
  std::unique_ptr<IntakeLog> intake_;
  std::unique_ptr<Deduplicator> deduplicator_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Packer> packer_;
};

SpoolPipeline::~SpoolPipeline() {
  // In the order of the events' way: nobody is told anything after it has stopped.
  if (intake_) intake_->Stop();
  if (copier_) copier_->Stop();
  if (deduplicator_) deduplicator_->Stop();
  if (packer_) packer_->Stop();
  if (sender_) sender_->Stop();
  watch_.FailAll(Unavailable("the collector is stopping"));
}

Status SpoolPipeline::OpenDirectory() {
  const std::string& path = options_.directory;
  RETURN_IF_ERROR(options_.files->MakeDirectory(path));
  const std::string parent = path.substr(0, std::max<std::size_t>(1, path.rfind('/')));
  if (const Status synced = options_.files->SyncDirectory(parent); !synced.ok()) {
    LogWarning("{}: cannot be synced: {}", parent, ToString(synced));  // not ours, perhaps
  }
  ASSIGN_OR_RETURN(lock_, options_.files->Lock(path + "/LOCK"));
  for (const SpoolPart part : kParts) {
    RETURN_IF_ERROR(options_.files->MakeDirectory(path + "/" + std::string(ToString(part))));
  }
  return options_.files->SyncDirectory(path);
}

SpoolLogOptions SpoolPipeline::LogOptions(SpoolPart part, std::uint64_t share,
                                          std::uint64_t max_segment) const {
  const std::uint64_t segment = std::min(options_.max_spool_bytes / share, max_segment);
  SpoolLogOptions log{.files = options_.files,
                      .directory = options_.directory + "/" + std::string(ToString(part)),
                      .clock = options_.clock,
                      .seed = RandomSeed(),
                      .segment_bytes = segment,
                      .allocate_bytes = segment / 4};
  if (copier_ == nullptr) return log;
  log.watch = [copier = copier_.get(), part](const SpoolSegmentChange& change) {
    const CopyFile file{part, change.segment.value()};
    if (change.removed) return copier->HandleRemoved(file);
    copier->HandleGrown(file, change.bytes, change.reader);
  };
  return log;
}

// When the copy has what is on the disk now; in the order of the calls.
void SpoolPipeline::Then(std::function<void()> next) {
  if (copier_ == nullptr) return next();
  copier_->Then(std::move(next));
}

Status SpoolPipeline::OpenLogs(IntakeRecovery* intake, OutboxRecovery* outbox) {
  constexpr std::uint64_t kMiB = 1 << 20;
  const auto visit = [this](const SpoolItem& item) {
    const Status version = CheckRequestVersion(item.value);
    if (version.code() == StatusCode::kUnimplemented) return version;
    IntakeRequest request;
    // What cannot be read is told of by the packer.
    if (options_.found && DecodeRequest(item.value, &request).ok()) options_.found(request);
    return OkStatus();
  };
  ASSIGN_OR_RETURN(intake_file_,
                   SpoolLog::Open(LogOptions(SpoolPart::kIntake, 16, 256 * kMiB), visit));
  const auto& segments = intake_file_->segments();
  const std::uint64_t first_request =
      segments.empty() ? std::numeric_limits<std::uint64_t>::max() : segments.front().first_number;
  ASSIGN_OR_RETURN(outbox_, OutboxLog::Open(LogOptions(SpoolPart::kOutbox, 32, 64 * kMiB),
                                            first_request, outbox));
  // A number that a chunk of the outbox covers is no new request's.
  intake_file_->SkipTo(outbox->next_request);
  ASSIGN_OR_RETURN(dead_letters_, DeadLetters::Open(LogOptions(SpoolPart::kDead, 64, 64 * kMiB),
                                                    options_.max_spool_bytes / kDeadLetterShare));
  ASSIGN_OR_RETURN(ChunkNumbers numbers, ChunkNumbers::Open(options_.files, options_.directory,
                                                            options_.writer, RandomSeed()));
  numbers_ = std::make_unique<ChunkNumbers>(std::move(numbers));
  damaged_ = intake_file_->damaged() + outbox_->damaged() + dead_letters_->damaged();
  intake->reader = intake_file_->Reader();
  intake->covered = std::move(outbox->covered);
  return OkStatus();
}

void SpoolPipeline::MakeParts(IntakeRecovery recovery) {
  intake_ = std::make_unique<IntakeLog>(
      std::move(intake_file_),
      [this](std::vector<KeptRequest> kept) {
        const auto shared = std::make_shared<std::vector<KeptRequest>>(std::move(kept));
        Then([this, shared] { deduplicator_->Add(std::move(*shared)); });
      },
      [this](ClaimOwner owner) { Then([this, owner] { deduplicator_->EndGroup(owner); }); });
  deduplicator_ = std::make_unique<Deduplicator>(
      DeduplicatorOptions{
          .client = options_.client, .clock = options_.clock, .limits = options_.claims},
      [this](std::vector<KeptRequest> kept) { packer_->Add(std::move(kept)); });
  intake_->SetBeforeTrim(options_.before_trim);
  sender_ = std::make_unique<Sender>(
      SenderOptions{.client = options_.client,
                    .outbox = outbox_.get(),
                    .clock = options_.clock,
                    .dc = options_.dc,
                    .limits = {.max_puts = options_.max_in_flight,
                               .stale = {.percent = options_.stale_percent}},
                    .max_age = options_.max_backlog_age},
      [this](SenderRequests requests) { packer_->Handle(std::move(requests)); });
  packer_ = std::make_unique<Packer>(
      PackerOptions{
          .clock = options_.clock,
          .dc = options_.dc,
          .cell = options_.cell,
          .batcher = {.max_chunk_bytes = options_.max_chunk_bytes, .lateness = options_.lateness},
          .dictionaries = options_.dictionaries ? std::optional(DictionariesIn(options_.client))
                                                : std::nullopt},
      PackerParts{.intake = intake_.get(),
                  .outbox = outbox_.get(),
                  .numbers = numbers_.get(),
                  .dead_letters = dead_letters_.get(),
                  .sender = sender_.get(),
                  .deduplicator = deduplicator_.get(),
                  .watch = &watch_,
                  .copier = copier_.get()},
      std::move(recovery),
      [this](std::string_view tenant, std::size_t bytes) { counts_.Release(tenant, bytes); });
}

Status SpoolPipeline::Recover() {
  RETURN_IF_ERROR(OpenDirectory());
  if (options_.copies) {
    copier_ = std::make_unique<SpoolCopier>(*options_.copies, options_.clock);
  }
  IntakeRecovery intake;
  OutboxRecovery outbox;
  RETURN_IF_ERROR(OpenLogs(&intake, &outbox));
  MakeParts(std::move(intake));
  recovered_chunks_ = outbox.waiting.size();
  std::vector<SenderChunk> chunks;
  for (WaitingChunk& waiting : outbox.waiting) chunks.push_back({.waiting = std::move(waiting)});
  sender_->Add(std::move(chunks));
  deduplicator_->Start();
  Then([this] {
    sender_->Start();
    packer_->Start();
  });
  if (copier_) copier_->Start();
  intake_->Start();
  return OkStatus();
}

// What would not fit is refused before anything is copied.
Status SpoolPipeline::CheckSpace(std::uint64_t bytes) {
  const std::uint64_t used =
      intake_->bytes() + outbox_->bytes() + dead_letters_->bytes() + unwritten_;
  if (used + bytes <= options_.max_spool_bytes && outbox_->waiting() < kMaxBacklogChunks) {
    full_ = false;
    return OkStatus();
  }
  full_ = true;
  return ResourceExhausted("the spool is full: {} bytes, {} chunks", used, outbox_->waiting());
}

Status SpoolPipeline::Admit(const IntakeRequest& request) {
  if (draining_) return Unavailable("the collector is stopping");
  RETURN_IF_ERROR(packer_->failure());
  RETURN_IF_ERROR(CheckRequest(request, options_.max_chunk_bytes));
  return CheckSpace(0);
}

void SpoolPipeline::Keep(const IntakeRequest& request, std::function<void(Status)> done) {
  Status status = Admit(request);
  Bytes value;
  if (status.ok()) {
    value = EncodeRequest(request);
    if (value.size() > kMaxRecordValueBytes) {
      status =
          InvalidArgument("a request of {} bytes, at most {}", value.size(), kMaxRecordValueBytes);
    }
  }
  if (status.ok()) status = CheckSpace(value.size());
  if (!status.ok()) {
    counts_.CountRefused(request.tenant);
    return done(status);
  }
  if (status = Reserve(request, value.size()); !status.ok()) return done(status);

  KeptHow how{.tenant = std::string(request.tenant),
              .bytes = value.size(),
              .events = request.events.size(),
              .level = request.ack.level,
              .deadline = options_.clock->Now() + request.ack.timeout,
              .done = std::move(done)};
  for (const PreparedEvent& event : request.events) how.json_bytes += event.json.size();
  unwritten_ += how.bytes;
  std::shared_ptr<EventClaims> claims = ClaimsOf(request);
  how.claims = claims;
  intake_->Keep(std::move(value), request.events.size(), std::move(claims),
                [this, how = std::move(how)](const Status& kept, std::uint64_t number) {
                  HandleKept(how, kept, number);
                });
}

// Memory for what waits.
Status SpoolPipeline::Reserve(const IntakeRequest& request, std::size_t bytes) {
  RETURN_IF_ERROR(counts_.Reserve(request.tenant, bytes));
  const Status reserved = ReserveAck(request.ack.level, request.events.size());
  if (!reserved.ok()) {
    counts_.Release(request.tenant, bytes);
    counts_.CountRefused(request.tenant);
  }
  return reserved;
}

// For an answer that waits for more than this disk.
Status SpoolPipeline::ReserveAck(AckLevel level, std::size_t events) {
  switch (level) {
    case AckLevel::kLocal:
      return OkStatus();
    case AckLevel::kReplicated:
      if (copier_ != nullptr) return copier_->Reserve();
      return Unavailable("this collector has no peers that keep copies ([replica])");
    case AckLevel::kStored:
      return watch_.Reserve(events);
  }
  return Internal("a level that is none");
}

void SpoolPipeline::UnreserveAck(AckLevel level, std::size_t events) {
  if (level == AckLevel::kReplicated) copier_->Unreserve();
  if (level == AckLevel::kStored) watch_.Unreserve(events);
}

void SpoolPipeline::HandleKept(const KeptHow& how, const Status& kept, std::uint64_t number) {
  unwritten_ -= how.bytes;
  if (!kept.ok()) {
    UnreserveAck(how.level, how.events);
    counts_.Release(how.tenant, how.bytes);
    counts_.CountRefused(how.tenant);
    full_ = kept.code() == StatusCode::kResourceExhausted;
    return how.done(kept);
  }
  counts_.CountAccepted(how.tenant, how.events, how.json_bytes);
  if (how.level == AckLevel::kLocal) return how.done(kept);
  if (how.level == AckLevel::kReplicated) return copier_->Await(how.deadline, how.done);
  watch_.Watch({.number = number,
                .events = how.events,
                .claims = how.claims,
                .deadline = how.deadline,
                .done = how.done});
}

Status SpoolPipeline::AdmitChunk(const PackedChunk& chunk) {
  if (draining_) return Unavailable("the collector is stopping");
  RETURN_IF_ERROR(packer_->failure());
  if (chunk.info.key.dc != options_.dc) {
    return InvalidArgument("dc '{}': this collector commits seconds of dc '{}'", chunk.info.key.dc,
                           options_.dc);
  }
  if (chunk.value.size() > options_.max_chunk_bytes) {
    return InvalidArgument("a chunk of {} bytes, at most {}", chunk.value.size(),
                           options_.max_chunk_bytes);
  }
  RETURN_IF_ERROR(CheckSpace(chunk.value.size()));
  RETURN_IF_ERROR(counts_.Reserve(chunk.tenant, chunk.value.size()));
  const Status reserved = ReserveAck(chunk.ack.level, 1);
  if (!reserved.ok()) counts_.Release(chunk.tenant, chunk.value.size());
  return reserved;
}

void SpoolPipeline::KeepChunk(const PackedChunk& chunk, std::function<void(Status)> done) {
  if (const Status status = AdmitChunk(chunk); !status.ok()) {
    counts_.CountRefused(chunk.tenant);
    return done(status);
  }
  ReadyChunk ready;
  ready.chunk = {.chunk = {.tenant = std::string(chunk.tenant),
                           .bucket = std::string(chunk.bucket),
                           .info = chunk.info,
                           .created = WallSeconds(options_.clock->WallNow())},
                 .value = chunk.value};
  const Instant deadline = options_.clock->Now() + chunk.ack.timeout;
  if (chunk.ack.level == AckLevel::kStored) ready.stored_by = deadline;
  if (chunk.ack.level == AckLevel::kReplicated) ready.copied_by = deadline;
  ready.done = [this, tenant = std::string(chunk.tenant), info = chunk.info,
                done = std::move(done)](const Status& kept) {
    counts_.Release(tenant, info.value_bytes);
    if (kept.ok()) {
      counts_.CountAccepted(tenant, info.events, info.raw_bytes);
    } else {
      counts_.CountRefused(tenant);
    }
    done(kept);
  };
  packer_->AddReady(std::move(ready));
}

Status SpoolPipeline::Drain(Duration grace) {
  draining_ = true;
  intake_->Stop();
  if (copier_ != nullptr && !copier_->WaitUntilPassed(grace)) {
    return DeadlineExceeded("some events wait to be copied: they stay in the spool");
  }
  const bool checked = deduplicator_->WaitUntilIdle(grace);
  RETURN_IF_ERROR(packer_->Drain(grace));
  if (!checked) return DeadlineExceeded("some events wait for verdicts: they stay in the spool");
  intake_->TrimStopped();
  packer_->TrimAll();
  if (copier_ != nullptr) copier_->Flush(std::min(grace, kLastCopies));
  return intake_->failure();
}

PipelineStats SpoolPipeline::stats() const {
  PipelineStats stats;
  counts_.AddTo(&stats);
  stats.intake_bytes = intake_->bytes();
  stats.outbox_bytes = outbox_->bytes();
  stats.dead_letter_bytes = dead_letters_->bytes();
  stats.unpacked_events = intake_->uncovered();
  const SenderStats sent = sender_->stats();
  stats.oldest = sent.oldest;
  stats.chunks_waiting = outbox_->waiting();
  stats.live_chunks_sent = sent.live_chunks;
  stats.live_bytes_sent = sent.live_bytes;
  stats.stale_chunks_sent = sent.stale_chunks;
  stats.stale_bytes_sent = sent.stale_bytes;
  stats.chunks_committed = sent.chunks_committed;
  stats.events_committed = sent.events_committed;
  stats.commits = sent.commits;
  stats.failures = sent.failures;
  stats.requests_watched = watch_.requests();
  stats.deduplicated = deduplicator_->stats();
  if (copier_ != nullptr) stats.copies = copier_->stats();
  stats.renumbered = packer_->renumbered();
  stats.dictionary_chunks = packer_->dictionary_chunks();
  stats.dictionary_events = packer_->dictionary_events();
  if (const DictionaryMaker* dictionaries = packer_->dictionaries(); dictionaries != nullptr) {
    stats.dictionaries = dictionaries->adopted();
    stats.dictionary_failures = dictionaries->failures();
  }
  stats.dead_letters = dead_letters_->letters();
  stats.dead_letter_events = dead_letters_->events();
  stats.recovered_requests = packer_->recovered_requests();
  stats.recovered_chunks = recovered_chunks_;
  stats.damaged = damaged_ + packer_->damaged();
  stats.failure = intake_->failure();
  if (stats.failure.ok()) stats.failure = packer_->failure();
  return stats;
}

}  // namespace

StatusOr<std::unique_ptr<Pipeline>> Pipeline::Open(PipelineOptions options) {
  RETURN_IF_ERROR(Validate(options));
  auto pipeline = std::make_unique<SpoolPipeline>(std::move(options));
  RETURN_IF_ERROR(pipeline->Recover());
  return pipeline;
}

}  // namespace carillon
