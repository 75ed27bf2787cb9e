#include "storage/check.h"

#include <map>
#include <optional>
#include <set>

#include "storage/data_directory.h"
#include "storage/index.h"
#include "storage/segment_scanner.h"

namespace carillon {
namespace {

// One pass over the segments, and then one over the index.
class Checker {
 public:
  Checker(FileSystem* files, std::string path,
          std::function<void(std::uint64_t, std::uint64_t)> progress)
      : files_(files), path_(std::move(path)), progress_(std::move(progress)) {}

  Status OpenIndex(KeyValueFactory* indexes) {
    if (!files_->Exists(path_ + "/index")) {
      Find(false, "index", "there is none: the next start rebuilds it");
      return OkStatus();
    }
    auto opened = indexes->Open(path_ + "/index");
    if (opened.status().code() == StatusCode::kDataLoss) {
      Find(true, "index", fmt::format("{}: the next start rebuilds it", Message(opened.status())));
      return OkStatus();
    }
    RETURN_IF_ERROR(opened.status());
    index_ = std::make_unique<Index>(std::move(*opened));
    ASSIGN_OR_RETURN(const auto numbering, index_->Numbering());
    ASSIGN_OR_RETURN(positions_, index_->Positions());
    ASSIGN_OR_RETURN(const auto registered, index_->Segments());
    for (const SegmentEntry& entry : registered) registered_.insert(entry.id);
    if (numbering && numbering->split) {
      Find(false, "index", "its partitions are being split: the next start finishes that");
    } else if (numbering) {
      partition_bits_ = numbering->bits;
      report_.has_index = true;
    }
    return OkStatus();
  }

  Status CheckSegments() {
    ASSIGN_OR_RETURN(const auto names, files_->List(path_ + "/segments"));
    for (const std::string& name : names) {
      const auto id = ParseSegmentFileName(name);
      if (!id.ok()) {
        Find(false, name, "is not a segment");
        continue;
      }
      const auto reader = SegmentReader::Open(files_, path_ + "/segments/" + name);
      if (!reader.ok()) {
        Find(true, fmt::format("segment {}", *id), std::string(Message(reader.status())));
        continue;
      }
      segments_[*id] = *reader;
      ASSIGN_OR_RETURN(const std::uint64_t bytes, (*reader)->file().Size());
      report_.segment_bytes += bytes;
    }
    report_.segments = segments_.size();
    for (const SegmentId id : registered_) {
      if (!segments_.contains(id)) {
        Find(true, fmt::format("segment {}", id), "the index knows it, it is not there");
      }
    }
    for (const auto& [id, reader] : segments_) RETURN_IF_ERROR(ScanSegment(id, *reader));
    JudgeSuspects();
    return OkStatus();
  }

  // Entries that point to no good record. When as many were met in the log as there are, all are
  // good; only else each is followed.
  Status CheckIndex() {
    if (!report_.has_index) return OkStatus();
    RETURN_IF_ERROR(
        ForEachEntry([&](const ParsedIndexKey&, const ChunkEntry&) { ++report_.index_entries; }));
    if (report_.index_entries == matched_) return OkStatus();
    return ForEachEntry(
        [&](const ParsedIndexKey& key, const ChunkEntry& entry) { CheckEntry(key, entry); });
  }

  // What the index says there should be: equal at all homes once they agree.
  Status SumDigests() {
    if (!report_.has_index) return OkStatus();
    for (std::uint32_t p = 0; p < (1u << partition_bits_); ++p) {
      const PartitionId partition(static_cast<std::uint16_t>(p));
      ASSIGN_OR_RETURN(const auto hours, index_->ListDigests(partition));
      const Digest total = TotalOf(hours);
      if (total.count > 0) report_.digests.push_back({partition, total});
    }
    return OkStatus();
  }

  CheckReport TakeReport() { return std::move(report_); }

 private:
  struct Suspect {  // damage, unless a later drop of its partition explains it
    std::uint32_t ttl_class = 0;
    std::optional<RecordHeader> header;
    std::string where;
    std::string what;
  };

  void Find(bool damage, std::string where, std::string what) {
    report_.damaged += damage ? 1 : 0;
    if (report_.findings.size() < CheckReport::kMaxFindings) {
      report_.findings.push_back({damage, std::move(where), std::move(what)});
    }
  }

  Status ScanSegment(SegmentId id, const SegmentReader& reader) {
    SegmentScanner scanner(&reader.file(), reader.header(), kSegmentHeaderBytes,
                           /*read_values=*/true);
    const std::uint32_t ttl_class = reader.header().ttl_class;
    std::uint64_t durable = 0;
    const auto position = positions_.find(ttl_class);
    if (position != positions_.end() && position->second.segment == id) {
      durable = position->second.offset;
    }
    while (true) {
      ASSIGN_OR_RETURN(const ScanItem item, scanner.Next());
      const std::string where = fmt::format("segment {} at {}", id, item.offset);
      if (item.kind == ScanItem::Kind::kEnd) {
        if (!item.clean && item.offset < durable) Find(true, where, item.reason);
        if (!item.clean && item.offset >= durable) {
          Find(false, where, "a torn tail that was never acknowledged; the next start cuts it off");
        }
        bytes_done_ += item.limit - kSegmentHeaderBytes;
        progress_(bytes_done_, report_.segment_bytes);
        return OkStatus();
      }
      if (item.kind == ScanItem::Kind::kDamage) {
        Find(true, where, fmt::format("{} bytes: {}", item.limit - item.offset, item.reason));
        continue;
      }
      if (item.header.type == RecordType::kSync) durable = std::max(durable, item.offset);
      if (!item.value_status.ok()) {
        suspects_.push_back({ttl_class, item.header, where + ", " + NameOf(item),
                             std::string(Message(item.value_status))});
        continue;
      }
      RETURN_IF_ERROR(CheckRecord(item, id, ttl_class, where));
      if (++records_ % 1024 == 0) progress_(bytes_done_ + item.offset, report_.segment_bytes);
    }
  }

  static std::string NameOf(const ScanItem& item) {
    std::string name = item.key;
    for (char& c : name) c = c == '\0' ? ' ' : c;
    return name;
  }

  Status CheckRecord(const ScanItem& item, SegmentId id, std::uint32_t ttl_class,
                     const std::string& where) {
    switch (item.header.type) {
      case RecordType::kChunk:
        ++report_.chunks;
        report_.value_bytes += item.header.value_bytes;
        return report_.has_index ? CheckIndexed(item, id, ttl_class, where) : OkStatus();
      case RecordType::kManifest:
        ++report_.manifests;
        return OkStatus();
      case RecordType::kClaims: {
        const auto claims = DecodeClaimsValue(item.value);
        if (!claims.ok()) Find(true, where, std::string(Message(claims.status())));
        if (claims.ok()) report_.claims += claims->ids.size();
        return OkStatus();
      }
      case RecordType::kDrop: {
        const auto drop = DecodePartitionDrop(item.value);
        if (drop.ok()) drops_[ttl_class].push_back(*drop);
        return OkStatus();
      }
      case RecordType::kSync:
      case RecordType::kSeal:
        return OkStatus();
    }
    return OkStatus();
  }

  // Whether the index knows a good record, or will after its next start.
  Status CheckIndexed(const ScanItem& item, SegmentId id, std::uint32_t ttl_class,
                      const std::string& where) {
    const auto record_key = SplitRecordKey(item.key);
    const auto key =
        record_key.ok() ? ParseChunkKey(record_key->key) : StatusOr<ChunkKey>(record_key.status());
    if (!key.ok()) {
      Find(true, where, std::string(Message(key.status())));
      return OkStatus();
    }
    const PartitionId partition = PartitionAt(item.header.ring_position, partition_bits_);
    ASSIGN_OR_RETURN(const auto entry,
                     index_->FindChunk(ChunkIndexKey(partition, record_key->bucket, *key)));
    if (entry) {
      const RecordLocation here{
          .segment = id, .offset = item.offset, .record_bytes = entry->location.record_bytes};
      if (entry->location == here) ++matched_;
      return OkStatus();
    }
    const auto position = positions_.find(ttl_class);
    const bool covered =
        position != positions_.end() &&
        std::pair(id, item.offset) < std::pair(position->second.segment, position->second.offset);
    if (!covered) {
      ++report_.not_indexed_yet;
    } else {
      suspects_.push_back(
          {ttl_class, item.header, where + ", " + NameOf(item), "is good, and not in the index"});
    }
    return OkStatus();
  }

  void JudgeSuspects() {
    for (Suspect& suspect : suspects_) {
      bool dropped = false;
      for (const PartitionDrop& drop : drops_[suspect.ttl_class]) {
        dropped = dropped || (suspect.header && drop.Covers(*suspect.header));
      }
      if (!dropped) Find(true, std::move(suspect.where), std::move(suspect.what));
    }
  }

  Status ForEachEntry(
      const std::function<void(const ParsedIndexKey&, const ChunkEntry&)>& visit) const {
    for (std::uint32_t p = 0; p < (1u << partition_bits_); ++p) {
      RETURN_IF_ERROR(index_->ForEachChunk(PartitionId(static_cast<std::uint16_t>(p)), visit));
    }
    return OkStatus();
  }

  void CheckEntry(const ParsedIndexKey& key, const ChunkEntry& entry) {
    const auto segment = segments_.find(entry.location.segment);
    if (segment == segments_.end()) return;  // told already
    const auto record = segment->second->Read(entry.location);
    if (record.ok()) return;
    Find(true, fmt::format("index entry {} of bucket {}", ToString(key.key), key.bucket),
         std::string(Message(record.status())));
  }

  FileSystem* files_;
  const std::string path_;
  const std::function<void(std::uint64_t, std::uint64_t)> progress_;
  std::unique_ptr<Index> index_;
  std::uint32_t partition_bits_ = 0;
  std::map<std::uint32_t, CoveredPosition> positions_;
  std::set<SegmentId> registered_;
  std::map<SegmentId, std::shared_ptr<SegmentReader>> segments_;
  std::vector<Suspect> suspects_;
  std::map<std::uint32_t, std::vector<PartitionDrop>> drops_;
  std::uint64_t matched_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_done_ = 0;
  CheckReport report_;
};

}  // namespace

StatusOr<CheckReport> CheckDirectory(
    FileSystem* files, KeyValueFactory* indexes, const std::string& path,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  ASSIGN_OR_RETURN(const auto identity, ReadIdentity(files, path));
  if (!identity) return FailedPrecondition("{} is not a data directory", path);
  ASSIGN_OR_RETURN(const auto lock, files->Lock(path + "/LOCK"));
  Checker checker(files, path, progress);
  RETURN_IF_ERROR(checker.OpenIndex(indexes));
  RETURN_IF_ERROR(checker.CheckSegments());
  RETURN_IF_ERROR(checker.CheckIndex());
  RETURN_IF_ERROR(checker.SumDigests());
  return checker.TakeReport();
}

}  // namespace carillon
