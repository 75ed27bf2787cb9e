#include "storage/segment_scanner.h"

#include <algorithm>

#include "base/checksum.h"

namespace carillon {
namespace {

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::size_t kHeadBytesMax = kRecordHeaderBytes + kMaxRecordKeyBytes;

}  // namespace

SegmentScanner::SegmentScanner(const ReadableFile* file, const SegmentHeader& segment,
                               std::uint64_t from, bool read_values)
    : file_(file), segment_(segment), read_values_(read_values), at_(from) {}

// Up to `size` bytes at `offset`, fewer only at the end of the file. Valid until the next call.
StatusOr<ByteSpan> SegmentScanner::Window(std::uint64_t offset, std::size_t size) {
  const bool held = offset >= window_at_ && offset + size <= window_at_ + window_.size();
  if (!held) {
    const std::uint64_t left = offset < *file_bytes_ ? *file_bytes_ - offset : 0;
    const std::size_t want =
        static_cast<std::size_t>(std::min<std::uint64_t>(left, std::max(size, kWindowBytes)));
    window_.resize(want);
    window_at_ = offset;
    ASSIGN_OR_RETURN(const std::size_t got, file_->ReadAt(offset, want, window_.data()));
    window_.resize(got);
  }
  return ByteSpan(window_).substr(offset - window_at_).substr(0, size);
}

StatusOr<std::optional<ScanItem>> SegmentScanner::ReadRecord(std::uint64_t offset) {
  ASSIGN_OR_RETURN(const ByteSpan head_bytes, Window(offset, kHeadBytesMax));
  const auto head = DecodeRecordHead(head_bytes, segment_.salt, offset);
  if (!head.ok()) {
    damage_ = Message(head.status());
    return std::optional<ScanItem>();
  }
  ScanItem item;
  item.kind = ScanItem::Kind::kRecord;
  item.offset = offset;
  item.limit = offset + head->RecordBytes();
  item.header = *head;
  item.key = Bytes(head_bytes.substr(kRecordHeaderBytes, head->key_bytes));
  if (!read_values_ && head->type == RecordType::kChunk) {
    if (item.limit > *file_bytes_) item.value_status = DataLoss("value cut off");
    return std::optional(std::move(item));
  }
  const std::uint64_t value_at = offset + kRecordHeaderBytes + head->key_bytes;
  ASSIGN_OR_RETURN(const ByteSpan value, Window(value_at, head->value_bytes));
  if (value.size() < head->value_bytes) {
    item.value_status =
        DataLoss("value cut off after {} of {} bytes", value.size(), head->value_bytes);
  } else if (const std::uint32_t crc = Crc32c(value); crc != head->value_crc) {
    item.value_status = DataLoss("value crc {:08x}, want {:08x}", crc, head->value_crc);
  } else {
    item.value = Bytes(value);
  }
  return std::optional(std::move(item));
}

StatusOr<bool> SegmentScanner::OnlyZerosFrom(std::uint64_t offset) {
  while (offset < *file_bytes_) {
    ASSIGN_OR_RETURN(const ByteSpan bytes, Window(offset, kWindowBytes));
    if (bytes.empty()) break;
    if (bytes.find_first_not_of('\0') != ByteSpan::npos) return false;
    offset += bytes.size();
  }
  return true;
}

// Nothing valid at `from`: the next valid record after it, or the end.
StatusOr<ScanItem> SegmentScanner::Resync(std::uint64_t from, const std::string& reason) {
  ScanItem item;
  item.offset = from;
  item.reason = reason;
  ASSIGN_OR_RETURN(item.clean, OnlyZerosFrom(from));
  for (std::uint64_t at = from + kRecordAlignment; !item.clean && at < *file_bytes_;
       at += kRecordAlignment) {
    ASSIGN_OR_RETURN(const ByteSpan head_bytes, Window(at, kHeadBytesMax));
    if (!BeginsLikeRecord(head_bytes)) continue;
    if (!DecodeRecordHead(head_bytes, segment_.salt, at).ok()) continue;
    item.kind = ScanItem::Kind::kDamage;
    item.limit = at;
    at_ = at;
    return item;
  }
  item.kind = ScanItem::Kind::kEnd;
  item.limit = *file_bytes_;
  return item;
}

StatusOr<ScanItem> SegmentScanner::Next() {
  if (!file_bytes_) {
    ASSIGN_OR_RETURN(file_bytes_, file_->Size());
  }
  ASSIGN_OR_RETURN(std::optional<ScanItem> record, ReadRecord(at_));
  if (!record) return Resync(at_, std::string(damage_));
  at_ = record->limit;
  return std::move(*record);
}

}  // namespace carillon
