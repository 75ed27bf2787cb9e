#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "storage/segment_format.h"
#include "storage/segment_scanner.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {

// Builds the bytes of a segment in memory, and scans bytes as if they were a file.
class SegmentBuilder {
 public:
  explicit SegmentBuilder(SegmentHeader header)
      : header_(header), bytes_(EncodeSegmentHeader(header)) {}
  SegmentBuilder() : SegmentBuilder(DefaultHeader()) {}

  static SegmentHeader DefaultHeader() {
    SegmentHeader header;
    for (std::uint8_t i = 0; i < 16; ++i) {
      header.cluster.bytes[i] = i;
      header.node.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
    }
    header.id = SegmentId(42);
    header.salt = 0x0123456789abcdef;
    header.ttl_class = 9;
    header.created = 1'428'415'043;
    return header;
  }

  // Appends a record and returns where it begins. Lengths and CRC are filled in.
  std::uint64_t Add(RecordHeader header, ByteSpan key, ByteSpan value) {
    const std::uint64_t offset = bytes_.size();
    header.key_bytes = static_cast<std::uint16_t>(key.size());
    header.value_bytes = static_cast<std::uint32_t>(value.size());
    header.value_crc = Crc32c(value);
    header.sequence = next_sequence_++;
    AppendRecordHead(header, key, header_.salt, offset, &bytes_);
    bytes_.append(value);
    bytes_.resize(offset + header.RecordBytes(), '\0');
    offsets_.push_back(offset);
    return offset;
  }
  std::uint64_t AddChunk(ByteSpan key, ByteSpan value) {
    return Add({.type = RecordType::kChunk, .epoch = 100, .expire_at = 200, .ring_position = 7},
               key, value);
  }

  const SegmentHeader& header() const { return header_; }
  const Bytes& bytes() const { return bytes_; }
  // Of every record, in order.
  const std::vector<std::uint64_t>& offsets() const { return offsets_; }

 private:
  const SegmentHeader header_;
  Bytes bytes_;
  std::uint64_t next_sequence_ = 1;
  std::vector<std::uint64_t> offsets_;
};

// All items of a scan, kEnd included; an error ends the list.
inline std::vector<ScanItem> ScanBytes(const Bytes& bytes, const SegmentHeader& header,
                                       bool read_values = true,
                                       std::uint64_t from = kSegmentHeaderBytes) {
  SimulatedFileSystem files;
  const std::string path = "/segment";
  const ByteSpan pieces[] = {bytes};
  const auto written = files.Create(path);
  if (!written.ok() || !(*written)->WriteAt(0, pieces).ok()) return {};
  const auto file = files.OpenReadable(path);
  if (!file.ok()) return {};
  SegmentScanner scanner(file->get(), header, from, read_values);
  std::vector<ScanItem> items;
  while (true) {
    auto item = scanner.Next();
    if (!item.ok()) return items;
    items.push_back(std::move(*item));
    if (items.back().kind == ScanItem::Kind::kEnd) return items;
  }
}

}  // namespace carillon
