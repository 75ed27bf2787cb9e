#include "collector/pipeline/dead_letter_box.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "collector/pipeline/spool_log.h"
#include "collector/pipeline/spool_scan.h"
#include "storage/segment_reader.h"

namespace carillon {
namespace {

constexpr std::size_t kBatchBytes = std::size_t{8} << 20;
constexpr std::uint64_t kAllocateBytes = std::uint64_t{1} << 20;  // ahead

std::string DeadDirectory(const std::string& spool) {
  return spool + "/dead";
}

SpoolLogOptions SpoolOptions(FileSystem* files, const Clock* clock, std::string directory) {
  return {.files = files,
          .directory = std::move(directory),
          .clock = clock,
          .seed = RandomSeed(),
          .allocate_bytes = kAllocateBytes};
}

// The views point into `value`.
StatusOr<DeadChunk> Decode(ByteSpan value) {
  ASSIGN_OR_RETURN(const DeadLetter letter, DecodeDeadLetter(value));
  ASSIGN_OR_RETURN(OutboxRecord record, DecodeOutboxRecord(letter.record));
  return DeadChunk{.reason = std::string(letter.reason),
                   .chunk = std::move(record.chunk),
                   .value = record.value};
}

bool IsChosen(const DeadLetterChoice& choice, const OutboxChunk& chunk) {
  return choice.all || (!choice.tenant.empty() && chunk.tenant == choice.tenant) ||
         choice.keys.contains(ToString(chunk.info.key));
}

// A chunk is the same only in the same bucket, of the same tenant.
std::string NameOf(const OutboxChunk& chunk) {
  return fmt::format("{}\n{}\n{}", chunk.tenant, chunk.bucket, ToString(chunk.info.key));
}

// Records on their way to a log, written when they are enough.
class Batch {
 public:
  explicit Batch(SpoolLog* log) : log_(log) {}

  Status Add(SpoolKind kind, Rope value) {
    bytes_ += value.size();
    records_.push_back({.kind = kind, .value = std::move(value)});
    return bytes_ < kBatchBytes ? OkStatus() : Flush();
  }
  Status Flush() {
    if (records_.empty()) return OkStatus();
    RETURN_IF_ERROR(log_->Append(records_).status());
    records_.clear();
    bytes_ = 0;
    return log_->Mark();
  }

 private:
  SpoolLog* log_;
  std::vector<SpoolAppend> records_;
  std::size_t bytes_ = 0;
};

Status VisitSegment(FileSystem* files, const std::string& path,
                    const std::function<Status(const DeadChunk&)>& visit) {
  const auto reader = SegmentReader::Open(files, path);
  if (reader.status().code() == StatusCode::kDataLoss) {
    LogWarning("{}: {}", path, ToString(reader.status()));
    return OkStatus();
  }
  RETURN_IF_ERROR(reader.status());
  const auto scanned =
      ScanSpoolSegment((*reader)->file(), (*reader)->header(), [&](const SpoolItem& item) {
        if (item.kind != SpoolKind::kDeadLetter) return OkStatus();
        const auto dead = Decode(item.value);
        if (dead.ok()) return visit(*dead);
        LogWarning("{}: a dead letter is unreadable: {}", path, ToString(dead.status()));
        return OkStatus();
      });
  RETURN_IF_ERROR(scanned.status());
  for (const std::string& damage : scanned->damage) LogWarning("{}: damaged: {}", path, damage);
  return OkStatus();
}

Status CheckSpool(FileSystem* files, const std::string& spool) {
  const auto names = files->List(spool);
  if (!names.ok() || std::find(names->begin(), names->end(), "dead") == names->end()) {
    return NotFound("{} is no spool of a collector", spool);
  }
  return OkStatus();
}

// How many there are, each once.
StatusOr<DeadLetterCounts> Count(const std::function<Status(const SpoolLog::Visit&)>& reader,
                                 const DeadLetterChoice& choice) {
  DeadLetterCounts counts;
  std::set<std::string> names;
  RETURN_IF_ERROR(reader([&](const SpoolItem& item) {
    const auto dead = Decode(item.value);
    if (!dead.ok() || !IsChosen(choice, dead->chunk)) return OkStatus();
    if (!names.insert(NameOf(dead->chunk)).second) return OkStatus();
    ++counts.chunks;
    counts.events += dead->chunk.info.events;
    return OkStatus();
  }));
  if (counts.chunks == 0) return NotFound("no such dead letter");
  return counts;
}

// As it was, but made now, and of no event of the intake: that is gone, or knows it already.
Rope FreshRecord(DeadChunk dead, std::uint64_t now_seconds) {
  dead.chunk.created = now_seconds;
  dead.chunk.replaces = 0;
  Rope record(EncodeOutboxHead(dead.chunk, {}));
  record.Append(SharedBytes(Bytes(dead.value)));
  return record;
}

}  // namespace

Status VisitDeadLetters(FileSystem* files, const std::string& spool,
                        const std::function<Status(const DeadChunk& dead)>& visit) {
  RETURN_IF_ERROR(CheckSpool(files, spool));
  const std::string directory = DeadDirectory(spool) + "/segments";
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory));
  std::vector<SegmentId> ids;
  for (const std::string& name : names) {
    if (const auto id = ParseSegmentFileName(name); id.ok()) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  for (const SegmentId id : ids) {
    RETURN_IF_ERROR(VisitSegment(files, directory + "/" + SegmentFileName(id), visit));
  }
  return OkStatus();
}

StatusOr<DeadLetterBox> DeadLetterBox::Open(FileSystem* files, const Clock* clock,
                                            std::string spool) {
  RETURN_IF_ERROR(CheckSpool(files, spool));
  DeadLetterBox box;
  auto lock = files->Lock(spool + "/LOCK");
  if (lock.status().code() == StatusCode::kFailedPrecondition) {
    return FailedPrecondition("{}: a collector runs on it: stop it first", spool);
  }
  RETURN_IF_ERROR(lock.status());
  box.files_ = files;
  box.clock_ = clock;
  box.spool_ = std::move(spool);
  box.lock_ = *std::move(lock);
  return box;
}

StatusOr<DeadLetterCounts> DeadLetterBox::Take(const DeadLetterChoice& choice, bool again) {
  const auto open = [this](std::string directory) {
    return SpoolLog::Open(SpoolOptions(files_, clock_, std::move(directory)),
                          [](const SpoolItem&) { return OkStatus(); });
  };
  ASSIGN_OR_RETURN(const std::unique_ptr<SpoolLog> letters, open(DeadDirectory(spool_)));
  const auto reader = letters->Reader();
  const std::size_t old_segments = letters->segments().size();
  ASSIGN_OR_RETURN(const DeadLetterCounts counts, Count(reader, choice));
  std::unique_ptr<SpoolLog> outbox;
  if (again) {
    ASSIGN_OR_RETURN(outbox, open(spool_ + "/outbox"));
  }
  Batch sent(outbox.get());
  Batch kept(letters.get());
  std::set<std::string> names;
  const std::uint64_t now = WallSeconds(clock_->WallNow());
  RETURN_IF_ERROR(reader([&](const SpoolItem& item) {
    auto dead = Decode(item.value);
    if (!dead.ok() || !IsChosen(choice, dead->chunk)) {
      return kept.Add(item.kind, Rope(SharedBytes(Bytes(item.value))));
    }
    if (!again || !names.insert(NameOf(dead->chunk)).second) return OkStatus();
    return sent.Add(SpoolKind::kChunk, FreshRecord(*std::move(dead), now));
  }));
  RETURN_IF_ERROR(sent.Flush());
  RETURN_IF_ERROR(kept.Flush());
  RETURN_IF_ERROR(letters->RemoveOldest(old_segments));
  return counts;
}

StatusOr<DeadLetterCounts> DeadLetterBox::Retry(const DeadLetterChoice& choice) {
  return Take(choice, /*again=*/true);
}

StatusOr<DeadLetterCounts> DeadLetterBox::Drop(const DeadLetterChoice& choice) {
  return Take(choice, /*again=*/false);
}

}  // namespace carillon
