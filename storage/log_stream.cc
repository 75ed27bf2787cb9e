#include "storage/log_stream.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/log.h"

namespace carillon {
namespace {

constexpr std::size_t kCopyBelowBytes = 1024;  // smaller values are copied: fewer, larger pieces
constexpr std::uint64_t kSealReserveBytes = 4096;

// Lays records out for one write: heads, padding, and small values in one arena, large values by
// reference.
class WriteLayout {
 public:
  explicit WriteLayout(std::size_t arena_bytes) { arena_.reserve(arena_bytes); }

  void Add(const RecordHeader& header, ByteSpan key, const Rope* value, std::uint64_t salt,
           std::uint64_t offset) {
    const std::size_t begin = arena_.size();
    AppendRecordHead(header, key, salt, offset, &arena_);
    if (value != nullptr && header.value_bytes < kCopyBelowBytes) {
      for (const SharedBytes& piece : value->pieces()) arena_.append(piece.view());
      value = nullptr;
    }
    if (value != nullptr) {
      Take(begin);
      for (const SharedBytes& piece : value->pieces()) pieces_.push_back(piece.view());
    }
    const std::size_t padding =
        header.RecordBytes() - kRecordHeaderBytes - header.key_bytes - header.value_bytes;
    const std::size_t rest = value != nullptr ? arena_.size() : begin;
    arena_.append(padding, '\0');
    Take(rest);
  }

  std::span<const ByteSpan> pieces() const { return pieces_; }

 private:
  // The arena from `begin` on is the next piece; grows the last piece when it ends there.
  void Take(std::size_t begin) {
    const ByteSpan piece = ByteSpan(arena_).substr(begin);
    if (piece.empty()) return;
    if (!pieces_.empty() && pieces_.back().data() + pieces_.back().size() == piece.data()) {
      pieces_.back() = {pieces_.back().data(), pieces_.back().size() + piece.size()};
    } else {
      pieces_.push_back(piece);
    }
  }

  Bytes arena_;  // reserved once: pieces point into it
  std::vector<ByteSpan> pieces_;
};

std::size_t ArenaBytes(std::span<const RecordToAppend> records) {
  std::size_t bytes = kRecordHeaderBytes + kRecordAlignment;  // the sync mark
  for (const RecordToAppend& record : records) {
    bytes += kRecordHeaderBytes + record.key.size() + kRecordAlignment;
    if (record.header.value_bytes < kCopyBelowBytes) bytes += record.header.value_bytes;
  }
  return bytes;
}

}  // namespace

LogStream::LogStream(LogShared* shared, std::uint32_t ttl_class)
    : shared_(shared), ttl_class_(ttl_class) {}

void LogStream::Resume(const SegmentEntry& entry, std::unique_ptr<WritableFile> file,
                       std::uint64_t bytes) {
  file_ = std::move(file);
  entry_ = entry;
  salt_ = shared_->segments->Reader(entry.id)->header().salt;
  size_ = synced_ = bytes;
  allocated_ = bytes;
  marked_upto_ = kSegmentHeaderBytes;
  dirty_ever_ = bytes > kSegmentHeaderBytes;
  needs_sync_ = false;
}

std::optional<CoveredPosition> LogStream::position() const {
  if (file_ == nullptr) return std::nullopt;
  return CoveredPosition{
      .segment = entry_.id, .offset = synced_, .next_sequence = shared_->next_sequence};
}

std::vector<SegmentEntry> LogStream::TakeChanged() {
  std::vector<SegmentEntry> changed = std::exchange(ended_, {});
  if (file_ != nullptr) {
    changed.push_back(entry_);
    changed.back().bytes = size_;
  }
  return changed;
}

// Creates a segment so that a crash leaves a whole one or none: temporary name, header, sync,
// rename, sync of the directory.
Status LogStream::Begin(std::uint64_t now_seconds) {
  const SegmentId id = shared_->next_segment;
  const SegmentHeader header{.cluster = shared_->directory->identity.cluster,
                             .node = shared_->directory->identity.node,
                             .id = id,
                             .salt = shared_->random->Next(),
                             .ttl_class = ttl_class_,
                             .created = now_seconds};
  const std::string path = shared_->directory->SegmentPath(id);
  const std::string temporary = path + ".tmp";
  if (shared_->files->Exists(temporary)) RETURN_IF_ERROR(shared_->files->Remove(temporary));
  ASSIGN_OR_RETURN(auto file, shared_->files->Create(temporary));
  const Bytes block = EncodeSegmentHeader(header);
  const ByteSpan pieces[] = {block};
  RETURN_IF_ERROR(file->Allocate(kSegmentHeaderBytes + kSealReserveBytes));
  RETURN_IF_ERROR(file->WriteAt(0, pieces));
  RETURN_IF_ERROR(SyncFile(file.get()));
  RETURN_IF_ERROR(shared_->files->Rename(temporary, path));
  RETURN_IF_ERROR(shared_->files->SyncDirectory(shared_->directory->segments()));
  ASSIGN_OR_RETURN(auto reader, SegmentReader::Open(shared_->files, path));
  shared_->next_segment = SegmentId(id.value() + 1);
  entry_ = SegmentEntry{};
  entry_.id = id;
  entry_.ttl_class = ttl_class_;
  entry_.created = now_seconds;
  shared_->segments->Add(entry_, std::move(reader));
  file_ = std::move(file);
  salt_ = header.salt;
  size_ = synced_ = marked_upto_ = kSegmentHeaderBytes;
  allocated_ = kSegmentHeaderBytes + kSealReserveBytes;
  needs_sync_ = dirty_ever_ = false;
  return OkStatus();
}

// Makes sure that `bytes` more, and a seal after them, have their place on the disk.
Status LogStream::Reserve(std::uint64_t bytes) {
  const std::uint64_t want = size_ + bytes + kSealReserveBytes;
  if (want <= allocated_) return OkStatus();
  std::uint64_t target = std::max(want, allocated_ + shared_->allocate_bytes);
  target = std::max(want, std::min(target, shared_->segment_bytes + kSealReserveBytes));
  Status status = file_->Allocate(target);
  if (!status.ok() && target > want) {
    target = want;
    status = file_->Allocate(target);
  }
  if (status.ok()) allocated_ = target;
  return status;
}

RecordHeader LogStream::SyncMarkHeader() {
  return {.type = RecordType::kSync, .sequence = shared_->next_sequence++};
}

StatusOr<std::vector<RecordLocation>> LogStream::Append(std::span<RecordToAppend> records,
                                                        std::uint64_t now_seconds) {
  std::uint64_t bytes = kRecordHeaderBytes;
  for (const RecordToAppend& record : records) bytes += record.header.RecordBytes();
  if (file_ != nullptr && dirty_ever_ && size_ + bytes > shared_->segment_bytes) {
    RETURN_IF_ERROR(Seal().status());
  }
  if (file_ == nullptr) RETURN_IF_ERROR(Begin(now_seconds));
  RETURN_IF_ERROR(Reserve(bytes));

  WriteLayout layout(ArenaBytes(records));
  std::uint64_t offset = size_;
  // The mark vouches only for what is synced: after an unsynced batch there is none.
  const bool marks = !needs_sync_;
  if (marks) {
    layout.Add(SyncMarkHeader(), {}, nullptr, salt_, offset);
    offset += kRecordHeaderBytes;
  }
  std::vector<RecordLocation> locations;
  locations.reserve(records.size());
  for (RecordToAppend& record : records) {
    record.header.sequence = shared_->next_sequence++;
    const auto record_bytes = static_cast<std::uint32_t>(record.header.RecordBytes());
    layout.Add(record.header, record.key, record.value, salt_, offset);
    locations.push_back({.segment = entry_.id, .offset = offset, .record_bytes = record_bytes});
    offset += record_bytes;
  }
  if (const Status status = file_->WriteAt(size_, layout.pieces()); !status.ok()) {
    GiveUp();
    return status;
  }
  for (const RecordToAppend& record : records) {
    entry_.summary.Add(record.header);
    entry_.has_drops = entry_.has_drops || record.header.type == RecordType::kDrop;
  }
  if (marks) marked_upto_ = size_ + kRecordHeaderBytes;
  size_ = offset;
  needs_sync_ = true;
  dirty_ever_ = true;
  return locations;
}

Status LogStream::SyncFile(WritableFile* file) {
  const Status status = file->Sync();
  sync_failed_ = sync_failed_ || !status.ok();
  return status;
}

Status LogStream::Sync() {
  if (file_ == nullptr || !needs_sync_) return OkStatus();
  RETURN_IF_ERROR(SyncFile(file_.get()));
  needs_sync_ = sync_wanted_ = false;
  synced_ = size_;
  return OkStatus();
}

Status LogStream::Mark() {
  if (!needs_mark()) return OkStatus();
  RETURN_IF_ERROR(Reserve(kRecordHeaderBytes));
  WriteLayout layout(kRecordHeaderBytes);
  layout.Add(SyncMarkHeader(), {}, nullptr, salt_, size_);
  if (const Status status = file_->WriteAt(size_, layout.pieces()); !status.ok()) {
    GiveUp();
    return status;
  }
  size_ += kRecordHeaderBytes;
  needs_sync_ = true;
  RETURN_IF_ERROR(Sync());
  marked_upto_ = size_;
  return OkStatus();
}

Status LogStream::WriteSeal() {
  RETURN_IF_ERROR(Sync());
  const Bytes summary = EncodeSegmentSummary(entry_.summary);
  const Rope value{Bytes(summary)};
  const RecordHeader header{.type = RecordType::kSeal,
                            .value_bytes = static_cast<std::uint32_t>(summary.size()),
                            .sequence = shared_->next_sequence++,
                            .value_crc = Crc32c(summary)};
  WriteLayout layout(header.RecordBytes());
  layout.Add(header, {}, &value, salt_, size_);
  RETURN_IF_ERROR(file_->WriteAt(size_, layout.pieces()));
  size_ += header.RecordBytes();
  RETURN_IF_ERROR(file_->Truncate(size_));
  needs_sync_ = true;
  return Sync();
}

StatusOr<std::optional<SegmentEntry>> LogStream::Seal() {
  if (file_ == nullptr || !dirty_ever_) return std::optional<SegmentEntry>();
  if (const Status status = WriteSeal(); !status.ok()) {
    if (!sync_failed_) GiveUp();
    return status;
  }
  (void)file_->Close();  // all of it is synced
  file_.reset();
  entry_.sealed = true;
  entry_.bytes = size_;
  shared_->segments->Update(entry_);
  ended_.push_back(entry_);
  return std::optional(entry_);
}

// After a failed write: cut the batch off and never append to this segment again. If the cut fails
// too, recovery finds unacknowledged records, or none, after the last sync mark.
void LogStream::GiveUp() {
  if (const Status status = file_->Truncate(size_); !status.ok()) {
    LogWarning("segment {}: cannot cut off a failed write: {}", entry_.id, ToString(status));
  }
  file_.reset();
  entry_.sealed = true;
  entry_.bytes = size_;
  shared_->segments->Update(entry_);
  ended_.push_back(entry_);
  needs_sync_ = false;
}

}  // namespace carillon
