#include "storage/segment_reader.h"

#include "base/checksum.h"

namespace carillon {

SegmentReader::SegmentReader(std::unique_ptr<ReadableFile> file, SegmentHeader header,
                             std::string path)
    : file_(std::move(file)), header_(header), path_(std::move(path)) {}

StatusOr<std::shared_ptr<SegmentReader>> SegmentReader::Open(FileSystem* files,
                                                             const std::string& path) {
  ASSIGN_OR_RETURN(auto file, files->OpenReadable(path));
  Bytes block(kSegmentHeaderBytes, '\0');
  ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, block.size(), block.data()));
  const StatusOr<SegmentHeader> header = DecodeSegmentHeader(ByteSpan(block).substr(0, got));
  if (!header.ok()) return Annotate(header.status(), path);
  return std::shared_ptr<SegmentReader>(new SegmentReader(std::move(file), *header, path));
}

StatusOr<StoredRecord> SegmentReader::Read(const RecordLocation& location) const {
  auto owner = std::make_shared_for_overwrite<char[]>(location.record_bytes);
  ASSIGN_OR_RETURN(const std::size_t got,
                   file_->ReadAt(location.offset, location.record_bytes, owner.get()));
  return Verify(location, std::move(owner), got);
}

std::optional<StoredRecord> SegmentReader::ReadAtOnce(const RecordLocation& location) const {
  auto owner = std::make_shared_for_overwrite<char[]>(location.record_bytes);
  if (!file_->ReadAtOnce(location.offset, location.record_bytes, owner.get())) return std::nullopt;
  auto record = Verify(location, std::move(owner), location.record_bytes);
  if (!record.ok()) return std::nullopt;
  return *std::move(record);
}

StatusOr<StoredRecord> SegmentReader::Verify(const RecordLocation& location,
                                             std::shared_ptr<char[]> owner, std::size_t got) const {
  const ByteSpan bytes(owner.get(), got);
  const auto where = [&] { return fmt::format("{} at {}", path_, location.offset); };
  const auto head = DecodeRecordHead(bytes, header_.salt, location.offset);
  if (!head.ok()) return Annotate(head.status(), where());
  const std::size_t value_at = kRecordHeaderBytes + head->key_bytes;
  if (bytes.size() < value_at + head->value_bytes) {
    return DataLoss("{}: record of {} bytes, the index says {}", where(), head->RecordBytes(),
                    location.record_bytes);
  }
  const ByteSpan value = bytes.substr(value_at, head->value_bytes);
  const std::uint32_t crc = Crc32c(value);
  if (crc != head->value_crc) {
    return DataLoss("{}: value crc {:08x}, want {:08x}", where(), crc, head->value_crc);
  }
  return StoredRecord{.header = *head,
                      .key = Bytes(bytes.substr(kRecordHeaderBytes, head->key_bytes)),
                      .value = SharedBytes(std::move(owner), value)};
}

}  // namespace carillon
