#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "base/log.h"
#include "storage/disk.h"

namespace carillon {
namespace {

constexpr char kSuspectsName[] = "SUSPECTS";
constexpr std::uint64_t kSuspectWindowSeconds = 24 * 3600;
constexpr std::size_t kMaxSuspectBytes = 1 << 16;

}  // namespace

Disk::Disk(const StoreOptions& options, DataDirectory directory, Random* random)
    : options_(options),
      directory_(std::move(directory)),
      random_(random),
      space_(options.files, directory_.path, options.min_free, options.ballast_bytes),
      partition_bits_(options.partition_bits) {
  log_.files = options_.files;
  log_.directory = &directory_;
  log_.segments = &segments_;
  log_.random = random_;
  log_.segment_bytes = options_.segment_bytes;
  log_.allocate_bytes = options_.allocate_bytes;
}

StatusOr<std::unique_ptr<Disk>> Disk::Open(const StoreOptions& options, const std::string& path,
                                           Random* random) {
  Uuid name;
  for (std::uint8_t& byte : name.bytes) byte = static_cast<std::uint8_t>(random->Next());
  ASSIGN_OR_RETURN(DataDirectory directory,
                   OpenDataDirectory(options.files, path, options.identity, name));
  auto disk = std::unique_ptr<Disk>(new Disk(options, std::move(directory), random));
  RETURN_IF_ERROR(disk->ReadSuspects());
  RETURN_IF_ERROR(disk->OpenIndex());
  Status recovered = disk->Recover();
  if (recovered.code() == StatusCode::kDataLoss) {
    recovered = disk->RebuildIndex(disk->index_generation_);
  }
  RETURN_IF_ERROR(recovered);
  disk->CheckSpace();
  return disk;
}

// Segments whose fsync failed before, and whether that happened too often.
Status Disk::ReadSuspects() {
  const std::string path = directory_.path + "/" + kSuspectsName;
  if (!options_.files->Exists(path)) return OkStatus();
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(options_.files, path, kMaxSuspectBytes));
  Decoder decoder(bytes);
  int recent = 0;
  while (decoder.remaining() >= 16) {
    suspects_.insert(SegmentId(decoder.Fixed<std::uint64_t>()));
    const auto failed_at = decoder.Fixed<std::uint64_t>();
    recent += failed_at + kSuspectWindowSeconds > NowSeconds() ? 1 : 0;
  }
  if (recent < 2) return OkStatus();
  failed_ = true;
  LogError(
      "{}: {} fsyncs failed within a day: the disk is read-only until a day has passed, or {} is "
      "removed",
      directory_.path, recent, path);
  return OkStatus();
}

void Disk::HandleSyncFailure(const Status& status, SegmentId segment) {
  failed_ = true;
  const std::string path = directory_.path + "/" + kSuspectsName;
  Bytes bytes = ReadWholeFile(options_.files, path, kMaxSuspectBytes).value_or(Bytes());
  PutFixed(&bytes, segment.value());
  PutFixed(&bytes, NowSeconds());
  // Best effort: the disk that holds this file has just failed.
  (void)ReplaceFile(options_.files, directory_.path, kSuspectsName, bytes);
  options_.on_sync_failure(Annotate(status, directory_.path));
}

// Opens the index, and splits its partitions if there are more of them now. DATA_LOSS: damaged, or
// made for more partitions than there are.
Status Disk::OpenIndexAsIs() {
  ASSIGN_OR_RETURN(auto opened, options_.indexes->Open(directory_.index()));
  index_ = std::make_unique<Index>(std::move(opened));
  ASSIGN_OR_RETURN(const std::optional<IndexNumbering> numbering, index_->Numbering());
  if (numbering && *numbering != IndexNumbering{.bits = partition_bits_, .split = {}}) {
    LogInfo("{}: 2^{} partitions become 2^{}", directory_.path, numbering->bits, partition_bits_);
  }
  if (numbering) return index_->SplitPartitions(partition_bits_, options_.split_batch_entries);
  IndexUpdate update(index_.get());
  update.PutNumbering({.bits = partition_bits_, .split = {}});
  RETURN_IF_ERROR(index_->Apply(&update));
  return index_->Flush();  // so that an offline check knows how to read what a crash leaves
}

Status Disk::OpenIndex() {
  const Status opened = OpenIndexAsIs();
  if (opened.code() != StatusCode::kDataLoss) return opened;
  LogWarning("{}: index: {}: it is rebuilt from the segments", directory_.path, Message(opened));
  ++rebuilds_;
  index_.reset();
  RETURN_IF_ERROR(options_.indexes->Destroy(directory_.index()));
  return OpenIndexAsIs();
}

// Opens every segment file; what the index has dropped, and half-made files, go.
Status Disk::LoadSegments() {
  ASSIGN_OR_RETURN(const auto known, index_->Segments());
  ASSIGN_OR_RETURN(const auto positions, index_->Positions());
  ASSIGN_OR_RETURN(const auto names, options_.files->List(directory_.segments()));
  std::map<SegmentId, SegmentEntry> registered;
  for (const SegmentEntry& entry : known) registered[entry.id] = entry;
  SegmentId last{0};
  for (const auto& [ttl_class, position] : positions) last = std::max(last, position.segment);
  for (const std::string& name : names) {
    const std::string path = directory_.segments() + "/" + name;
    if (name.ends_with(".tmp")) {
      RETURN_IF_ERROR(options_.files->Remove(path));
      continue;
    }
    const auto id = ParseSegmentFileName(name);
    if (!id.ok()) continue;  // not ours: left alone
    last = std::max(last, *id);
    auto reader = SegmentReader::Open(options_.files, path);
    if (!reader.ok()) {
      LogError("segment {} cannot be opened: {}", *id, ToString(reader.status()));
      SegmentEntry lost = registered[*id];
      lost.id = *id;
      segments_.AddMissing(lost);
      registered.erase(*id);
      continue;
    }
    const std::uint32_t ttl_class = (*reader)->header().ttl_class;
    const auto position = positions.find(ttl_class);
    const auto entry = registered.find(*id);
    const bool covered = position != positions.end() && *id < position->second.segment;
    if (entry == registered.end() && covered) {
      // The index forgot it on purpose; the crash came before the file was removed.
      RETURN_IF_ERROR(options_.files->Remove(path));
      continue;
    }
    SegmentEntry loaded;
    if (entry != registered.end()) loaded = entry->second;
    loaded.id = *id;
    loaded.ttl_class = ttl_class;
    loaded.created = (*reader)->header().created;
    segments_.Add(loaded, std::move(*reader));
    registered.erase(*id);
  }
  for (const auto& [id, entry] : registered) {
    LogError("{}: segment {} is missing", directory_.path, id);
    segments_.AddMissing(entry);
    last = std::max(last, id);
  }
  log_.next_segment = SegmentId(last.value() + 1);
  return OkStatus();
}

Status Disk::Recover() {
  RETURN_IF_ERROR(LoadSegments());
  ASSIGN_OR_RETURN(const auto positions, index_->Positions());
  std::map<std::uint32_t, std::vector<SegmentEntry>> by_class;
  for (const SegmentEntry& entry : segments_.Entries()) {
    by_class[entry.ttl_class].push_back(entry);
  }
  for (const auto& [ttl_class, position] : positions) {
    log_.next_sequence = std::max(log_.next_sequence, position.next_sequence);
  }
  for (const auto& [ttl_class, segments] : by_class) {
    const auto position = positions.find(ttl_class);
    RETURN_IF_ERROR(RecoverStream(
        ttl_class, segments,
        position == positions.end() ? std::nullopt : std::optional(position->second)));
  }
  return LoadQuarantine();
}

Status Disk::RecoverStream(std::uint32_t ttl_class, const std::vector<SegmentEntry>& segments,
                           const std::optional<CoveredPosition>& covered) {
  Replayer replayer(index_.get(), partition_bits_, &segments_);
  for (const SegmentEntry& entry : segments) {
    if (covered && entry.id < covered->segment) continue;
    const bool last = entry.id == segments.back().id;
    RETURN_IF_ERROR(ReplaySegment(entry, last, covered, &replayer));
  }
  LogStream* stream = StreamOf(ttl_class);
  IndexUpdate update(index_.get());
  RegisterSegments(&update);
  if (const auto position = stream->position()) update.PutPosition(ttl_class, *position);
  RETURN_IF_ERROR(index_->Apply(&update));
  // What a crash kept a drop from. The drops are on disk for good: ResumeStream has synced them.
  PunchOut(replayer.TakeDropped());
  return OkStatus();
}

Status Disk::ReplaySegment(const SegmentEntry& entry, bool last,
                           const std::optional<CoveredPosition>& covered, Replayer* replayer) {
  const auto reader = segments_.Reader(entry.id);
  CHECK(reader != nullptr);
  const bool begun = covered && covered->segment == entry.id;
  const std::uint64_t from = begun ? covered->offset : kSegmentHeaderBytes;
  if (entry.sealed && begun && from >= entry.bytes) return OkStatus();
  // What memory holds of it may not be what the disk holds: read the disk.
  if (last || suspects_.contains(entry.id)) reader->file().DropCache();
  ASSIGN_OR_RETURN(SegmentReplay replay,
                   replayer->Replay(*reader, from, begun ? from : 0, /*read_values=*/last));
  RETURN_IF_ERROR(QuarantineLost(entry, &replay));
  recovered_ += replay.records;
  log_.next_sequence = std::max(log_.next_sequence, replay.next_sequence);
  SegmentEntry updated = entry;
  updated.summary = replay.summary;
  if (begun) updated.summary.Merge(entry.summary);  // of what is before `from`
  ASSIGN_OR_RETURN(updated.bytes, reader->file().Size());
  // Given up once, given up for good: a quarantined stretch may lie where an append would go.
  updated.sealed = entry.sealed || replay.sealed || !last;
  updated.has_drops = replay.has_drops || (begun && entry.has_drops);
  if (replay.torn) {
    ++torn_;
    LogWarning("segment {}: a torn tail of {} bytes after {} is cut off", entry.id,
               updated.bytes - replay.valid_bytes, replay.valid_bytes);
  }
  if (replay.sealed) {
    segments_.Update(updated);
    IndexUpdate update(index_.get());
    update.PutSegment(updated);
    return index_->Apply(&update);
  }
  return ResumeStream(std::move(updated), replay);
}

// With `sync = os | interval` the index may know records that a crash of the machine took from the
// log. Their entries stay, as damage: so a read says DATA_LOSS, and the same chunk can be put
// again.
Status Disk::QuarantineLost(const SegmentEntry& known, SegmentReplay* replay) {
  if (known.sealed || known.bytes <= replay->valid_bytes) return OkStatus();
  replay->damaged = true;
  QuarantineEntry lost;
  lost.segment = known.id;
  lost.offset = replay->valid_bytes;
  lost.limit = known.bytes;
  lost.reason = "never synced, and taken by a crash";
  LogWarning("segment {} at {}: {} bytes were never synced and a crash took them", lost.segment,
             lost.offset, lost.limit - lost.offset);
  IndexUpdate update(index_.get());
  update.PutQuarantine(lost);
  return index_->Apply(&update);
}

// Makes what was found durable, cuts off what is torn, and goes on with the segment if it is the
// last of its stream and whole. A disk that is read-only is only read: to try it at every start
// would be to fail at every start. A later one, of a disk that is not, does all that.
Status Disk::ResumeStream(SegmentEntry entry, const SegmentReplay& replay) {
  if (failed_) {
    segments_.Update(entry);
    return OkStatus();
  }
  const std::string path = directory_.SegmentPath(entry.id);
  ASSIGN_OR_RETURN(auto file, options_.files->OpenWritable(path));
  if (!replay.damaged) RETURN_IF_ERROR(file->Truncate(replay.valid_bytes));
  if (const Status status = file->Sync(); !status.ok()) {
    HandleSyncFailure(status, entry.id);
    return status;
  }
  ASSIGN_OR_RETURN(entry.bytes, segments_.Reader(entry.id)->file().Size());
  const bool whole = !replay.damaged && !entry.sealed && !suspects_.contains(entry.id);
  entry.sealed = !whole;
  segments_.Update(entry);
  IndexUpdate update(index_.get());
  update.PutSegment(entry);
  RETURN_IF_ERROR(index_->Apply(&update));
  if (whole) StreamOf(entry.ttl_class)->Resume(entry, std::move(file), replay.valid_bytes);
  return OkStatus();
}

Status Disk::LoadQuarantine() {
  ASSIGN_OR_RETURN(const auto entries, index_->Quarantine());
  const std::lock_guard lock(quarantine_mutex_);
  quarantine_.clear();
  for (const QuarantineEntry& entry : entries) {
    quarantine_[{entry.segment, entry.offset}] = entry;
  }
  return OkStatus();
}

// Throws the index away and makes it anew from the segments. `generation`: the one that the caller
// found damaged; if another caller has replaced it since, there is nothing to do.
Status Disk::RebuildIndex(std::uint64_t generation) {
  const std::unique_lock lock(index_mutex_);
  if (renumbering_) return Renumbering();
  if (generation != index_generation_) return OkStatus();
  LogWarning("{}: the index is damaged: it is rebuilt from the segments", directory_.path);
  return RebuildLocked();
}

Status Disk::RebuildLocked() {
  ++index_generation_;
  ++rebuilds_;
  for (const auto& [ttl_class, stream] : streams_) RETURN_IF_ERROR(stream->Seal().status());
  streams_.clear();
  for (const SegmentEntry& entry : segments_.Entries()) segments_.Remove(entry.id);
  index_.reset();
  RETURN_IF_ERROR(options_.indexes->Destroy(directory_.index()));
  RETURN_IF_ERROR(OpenIndexAsIs());
  return Recover();
}

std::shared_lock<std::shared_mutex> Disk::LockIndex() const {
  if (turn_taken_) {
    const std::lock_guard wait(turn_mutex_);
  }
  return std::shared_lock(index_mutex_);
}

Status Disk::SetPartitionBits(std::uint32_t bits) {
  const std::lock_guard writing(write_mutex_);
  const std::lock_guard turn(turn_mutex_);
  turn_taken_ = true;
  const std::unique_lock lock(index_mutex_);
  turn_taken_ = false;  // whoever comes now waits for index_mutex_
  if (bits == partition_bits_ && !renumbering_) return OkStatus();
  LogInfo("{}: 2^{} partitions become 2^{}", directory_.path, partition_bits_, bits);
  renumbering_ = true;
  Status done = index_ == nullptr ? DataLoss("there is no index")
                                  : index_->SplitPartitions(bits, options_.split_batch_entries);
  if (done.ok() || done.code() == StatusCode::kDataLoss) partition_bits_ = bits;
  if (done.code() == StatusCode::kDataLoss) {
    LogWarning("{}: index: {}: it is rebuilt from the segments", directory_.path, Message(done));
    done = RebuildLocked();
  }
  if (!done.ok()) return Annotate(done, directory_.path);
  renumbering_ = false;
  return OkStatus();
}

}  // namespace carillon
