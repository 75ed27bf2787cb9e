#include "collector/pipeline/spool_scan.h"

#include <algorithm>

#include "storage/segment_scanner.h"

namespace carillon {
namespace {

// Bad bytes that may still turn out to be the torn tail.
struct Bad {
  std::uint64_t offset = 0;
  std::string reason;
};

class Scan {
 public:
  Scan(const SegmentHeader& header, const std::function<Status(SpoolItem)>& visit)
      : segment_(header.id), visit_(visit) {}

  void AddBad(std::uint64_t offset, const std::string& reason) {
    bad_.push_back({offset, fmt::format("at {}: {}", offset, reason)});
  }

  // A record whose header is right.
  Status HandleRecord(ScanItem item) {
    result_.next_number = std::max(result_.next_number, item.header.sequence + 1);
    if (!item.value_status.ok()) {
      AddBad(item.offset, std::string(Message(item.value_status)));
      return OkStatus();
    }
    for (Bad& bad : bad_) AddDamage(std::move(bad.reason));
    bad_.clear();
    result_.end = item.limit;
    if (item.header.type == RecordType::kSync) durable_ = item.offset;
    if (item.header.type == RecordType::kSeal) {
      durable_ = item.limit;
      result_.sealed = true;
    }
    if (item.header.type != RecordType::kChunk) return OkStatus();
    if (item.key.size() != 1) {
      AddDamage(fmt::format("at {}: a key of {} bytes", item.offset, item.key.size()));
      return OkStatus();
    }
    const auto bytes = static_cast<std::uint32_t>(item.limit - item.offset);
    return visit_({.kind = static_cast<SpoolKind>(item.key[0]),
                   .place = {item.header.sequence, {segment_, item.offset, bytes}},
                   .value = std::move(item.value)});
  }

  SpoolScan Finish(bool readable) {
    result_.readable = readable;
    for (Bad& bad : bad_) {
      if (!readable || bad.offset < durable_) AddDamage(std::move(bad.reason));
    }
    return std::move(result_);
  }

 private:
  void AddDamage(std::string reason) {
    if (result_.damage.size() < kMaxDamageReasons) result_.damage.push_back(std::move(reason));
  }

  const SegmentId segment_;
  const std::function<Status(SpoolItem)>& visit_;
  SpoolScan result_;
  std::uint64_t durable_ = 0;
  std::vector<Bad> bad_;
};

}  // namespace

StatusOr<SpoolScan> ScanSpoolSegment(const ReadableFile& file, const SegmentHeader& header,
                                     const std::function<Status(SpoolItem)>& visit) {
  SegmentScanner scanner(&file, header, kSegmentHeaderBytes, /*read_values=*/true);
  Scan scan(header, visit);
  while (true) {
    StatusOr<ScanItem> item = scanner.Next();
    if (!item.ok()) {
      scan.AddBad(0, std::string(Message(item.status())));
      return scan.Finish(/*readable=*/false);
    }
    switch (item->kind) {
      case ScanItem::Kind::kRecord:
        RETURN_IF_ERROR(scan.HandleRecord(std::move(*item)));
        break;
      case ScanItem::Kind::kDamage:
        scan.AddBad(item->offset, item->reason);
        break;
      case ScanItem::Kind::kEnd:
        if (!item->clean) scan.AddBad(item->offset, item->reason);
        return scan.Finish(/*readable=*/true);
    }
  }
}

}  // namespace carillon
