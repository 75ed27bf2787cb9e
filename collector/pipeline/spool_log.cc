#include "collector/pipeline/spool_log.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "base/checksum.h"
#include "base/log.h"
#include "collector/pipeline/spool_scan.h"
#include "storage/segment_reader.h"

namespace carillon {
namespace {

constexpr std::string_view kDamagedSuffix = ".damaged";
constexpr std::string_view kTemporarySuffix = ".tmp";

}  // namespace

SpoolLog::SpoolLog(SpoolLogOptions options) : options_(std::move(options)), random_(options_.seed) {
  directory_.path = options_.directory;
  shared_ = {.files = options_.files,
             .directory = &directory_,
             .segments = &table_,
             .random = &random_,
             .segment_bytes = options_.segment_bytes,
             .allocate_bytes = options_.allocate_bytes};
}

StatusOr<std::unique_ptr<SpoolLog>> SpoolLog::Open(SpoolLogOptions options, const Visit& visit) {
  std::unique_ptr<SpoolLog> log(new SpoolLog(std::move(options)));
  RETURN_IF_ERROR(Annotate(log->Recover(visit), log->options_.directory));
  log->stream_ = std::make_unique<LogStream>(&log->shared_, 0);
  return log;
}

Status SpoolLog::Recover(const Visit& visit) {
  FileSystem* files = options_.files;
  RETURN_IF_ERROR(files->MakeDirectory(directory_.segments()));
  RETURN_IF_ERROR(files->SyncDirectory(options_.directory));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, files->List(directory_.segments()));
  std::vector<SegmentId> ids;
  for (const std::string& name : names) {
    if (name.ends_with(kTemporarySuffix)) {
      RETURN_IF_ERROR(files->Remove(directory_.segments() + "/" + name));
    } else if (name.ends_with(kDamagedSuffix)) {
      ++damaged_files_;
    }
    const StatusOr<SegmentId> id = ParseSegmentFileName(name);
    if (id.ok()) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  for (const SegmentId id : ids) {
    shared_.next_segment = SegmentId(id.value() + 1);
    RETURN_IF_ERROR(RecoverSegment(id, visit));
  }
  Account();
  return files->SyncDirectory(directory_.segments());
}

Status SpoolLog::RecoverSegment(SegmentId id, const Visit& visit) {
  const std::string path = directory_.SegmentPath(id);
  auto opened = SegmentReader::Open(options_.files, path);
  if (opened.status().code() == StatusCode::kDataLoss) {
    LogWarning("{}: set aside: {}", path, ToString(opened.status()));
    ++damaged_;
    return SetAside(id);
  }
  RETURN_IF_ERROR(opened.status());
  // What is about to be believed must not vanish later: what another process wrote and did not
  // sync goes to the disk, and what a failed sync only seemed to write goes from the cache.
  ASSIGN_OR_RETURN(const auto file, options_.files->OpenWritable(path));
  RETURN_IF_ERROR(file->Sync());
  (*opened)->file().DropCache();

  SpoolSegment segment{.id = id};
  ASSIGN_OR_RETURN(const SpoolScan scan,
                   ScanSpoolSegment((*opened)->file(), (*opened)->header(), [&](SpoolItem item) {
                     const std::uint64_t number = item.place.number;
                     if (segment.first_number == 0) segment.first_number = number;
                     segment.last_number = number;
                     return visit(std::move(item));
                   }));
  for (const std::string& reason : scan.damage) LogWarning("{}: damaged: {}", path, reason);
  damaged_ += scan.damage.size();
  segment.damaged = !scan.damage.empty();
  segment.bytes = scan.end;
  SkipTo(scan.next_number);
  if (!scan.sealed && scan.readable) {
    RETURN_IF_ERROR(file->Truncate(scan.end));
    RETURN_IF_ERROR(file->Sync());
  }
  table_.Add(SegmentEntry{.id = id, .sealed = true, .bytes = scan.end}, *opened);
  if (segment.first_number == 0) segment.first_number = segment.last_number = next_number();
  segments_.push_back(segment);
  Tell(segment);
  return OkStatus();
}

void SpoolLog::Tell(const SpoolSegment& segment) const {
  if (!options_.watch) return;
  options_.watch(
      {.segment = segment.id, .bytes = segment.bytes, .reader = table_.Reader(segment.id)});
}

// Out of the way of the next start, and still there for whoever wants to look.
Status SpoolLog::SetAside(SegmentId id) {
  const std::string path = directory_.SegmentPath(id);
  if (damaged_files_ >= kMaxDamagedFiles) return options_.files->Remove(path);
  ++damaged_files_;
  return options_.files->Rename(path, path + std::string(kDamagedSuffix));
}

void SpoolLog::SkipTo(std::uint64_t number) {
  shared_.next_sequence = std::max(shared_.next_sequence, number);
}

bool SpoolLog::IsActive(SegmentId id) const {
  const std::optional<CoveredPosition> position = stream_->position();
  return position && position->segment == id;
}

Status SpoolLog::Broken(const Status& status) {
  if (!status.ok() && failure_.ok() && stream_->sync_failed()) {
    failure_ = Annotate(status, options_.directory);
  }
  return status;
}

void SpoolLog::Account() {
  std::uint64_t bytes = 0;
  for (const SpoolSegment& segment : segments_) bytes += segment.bytes;
  bytes_.store(bytes, std::memory_order_relaxed);
}

StatusOr<std::vector<SpoolPlace>> SpoolLog::Append(std::span<SpoolAppend> records) {
  RETURN_IF_ERROR(failure_);
  std::vector<RecordToAppend> appends(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Rope& value = records[i].value;
    CHECK(value.size() <= kMaxRecordValueBytes);
    appends[i] = {.header = {.type = RecordType::kChunk,
                             .key_bytes = 1,
                             .value_bytes = static_cast<std::uint32_t>(value.size()),
                             .value_crc = Crc32c(value)},
                  .key = Bytes(1, static_cast<char>(records[i].kind)),
                  .value = &value};
  }
  auto locations = stream_->Append(appends, WallSeconds(options_.clock->WallNow()));
  RETURN_IF_ERROR(Broken(locations.status()));
  RETURN_IF_ERROR(Broken(stream_->Sync()));

  std::vector<SpoolPlace> places(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    places[i] = {appends[i].header.sequence, (*locations)[i]};
    if (segments_.empty() || segments_.back().id != places[i].location.segment) {
      segments_.push_back(
          {.id = places[i].location.segment, .first_number = places[i].number, .bytes = 0});
    }
    segments_.back().last_number = places[i].number;
  }
  for (const SegmentEntry& changed : stream_->TakeChanged()) {
    for (SpoolSegment& segment : segments_) {
      if (segment.id != changed.id) continue;
      segment.bytes = changed.bytes;
      Tell(segment);
    }
  }
  Account();
  return places;
}

Status SpoolLog::Mark() {
  RETURN_IF_ERROR(failure_);
  return Broken(stream_->Mark());
}

Status SpoolLog::Seal() {
  RETURN_IF_ERROR(failure_);
  return Broken(stream_->Seal().status());
}

Status SpoolLog::RemoveOldest(std::size_t count) {
  RETURN_IF_ERROR(failure_);
  if (count == 0) return OkStatus();
  for (std::size_t i = 0; i < count; ++i) {
    const SpoolSegment& segment = segments_.front();
    CHECK(!IsActive(segment.id));
    table_.Remove(segment.id);
    RETURN_IF_ERROR(segment.damaged ? SetAside(segment.id)
                                    : options_.files->Remove(directory_.SegmentPath(segment.id)));
    removed_.push_back(segment.id);
    segments_.pop_front();
  }
  Account();
  RETURN_IF_ERROR(options_.files->SyncDirectory(directory_.segments()));
  for (const SegmentId id : removed_) {
    if (options_.watch) options_.watch({.segment = id, .removed = true});
  }
  removed_.clear();
  return OkStatus();
}

std::function<Status(const SpoolLog::Visit&)> SpoolLog::Reader() const {
  std::vector<std::shared_ptr<SegmentReader>> readers;
  for (const SpoolSegment& segment : segments_) readers.push_back(table_.Reader(segment.id));
  return [readers](const Visit& visit) {
    for (const auto& reader : readers) {
      RETURN_IF_ERROR(ScanSpoolSegment(reader->file(), reader->header(), visit).status());
    }
    return OkStatus();
  };
}

StatusOr<SharedBytes> SpoolLog::Read(const RecordLocation& location) const {
  const auto reader = table_.Reader(location.segment);
  if (reader == nullptr) return NotFound("segment {} was removed", location.segment);
  ASSIGN_OR_RETURN(const StoredRecord record, reader->Read(location));
  return record.value;
}

}  // namespace carillon
