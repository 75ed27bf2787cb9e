// Recovery of a data directory whose last segment holds anything: it ends, serves nothing twice
// under one key with other bytes than its CRC, and goes on taking writes.
//
// The input is a little program, since no fuzzer guesses CRCs: raw bytes, and records of every type
// with good or bad CRCs. The segment's header is always good.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "storage/segment_format.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/store_workload.h"

namespace carillon {
namespace {

constexpr char kSegmentPath[] = "/srv/data/segments/0000000000000001.seg";

// One command of the input: a byte that says what, then its operands.
void AppendCommand(Decoder* input, const SegmentHeader& header, Bytes* segment) {
  const auto command = input->Fixed<std::uint8_t>();
  if ((command & 7) == 0) {
    segment->append(input->Take(std::min<std::size_t>(command >> 3, input->remaining())));
    return;
  }
  const ByteSpan key =
      input->Take(std::min<std::size_t>(input->Fixed<std::uint8_t>(), input->remaining()));
  const ByteSpan value =
      input->Take(std::min<std::size_t>(input->Fixed<std::uint8_t>(), input->remaining()));
  RecordHeader record{.type = static_cast<RecordType>(command & 7),
                      .key_bytes = static_cast<std::uint16_t>(key.size()),
                      .value_bytes = static_cast<std::uint32_t>(value.size()),
                      .sequence = input->Fixed<std::uint16_t>(),
                      .epoch = 1'700'000'000,
                      .expire_at = (command & 8) != 0 ? 1'800'000'000u : 0u,
                      .value_crc = Crc32c(value),
                      .ring_position = input->Fixed<std::uint16_t>()};
  if ((command & 16) != 0) ++record.value_crc;
  if ((command & 32) != 0) record.value_bytes += input->Fixed<std::uint32_t>();
  const std::uint64_t offset = segment->size() + ((command & 64) != 0 ? 8 : 0);
  AppendRecordHead(record, key, header.salt, offset, segment);
  segment->append(value);
  segment->resize((segment->size() + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment);
}

void PutAndRead(StoreMachine* machine) {
  ChunkWrite write;
  write.bucket = "events";
  write.key = {.epoch = Epoch(1'700'000'001), .dc = "probe", .cell = "c", .type = "T"};
  write.value = Rope(Bytes("probe"));
  write.value_crc = Crc32c("probe");
  write.placement = PlaceOnRing(write.bucket, ToString(write.key), 2);
  std::vector<WriteRequest> requests(1);
  requests[0].chunk = write;
  if (!machine->store->Write(0, requests).front().status.ok()) return;
  const auto read = machine->store->ReadChunk(
      {.partition = write.placement.partition, .bucket = write.bucket, .key = write.key});
  CHECK(read.ok() && read->value.view() == "probe");
}

void Use(StoreMachine* machine) {
  for (std::uint16_t p = 0; p < 4; ++p) {
    (void)machine->store->ReadDigest(PartitionId(p), "events", 1'700'000'000 / 3600);
  }
  const auto page = machine->store->ScanManifests(
      {.bucket = "events", .range = {.first = Epoch(0), .limit = Epoch(kMaxEpoch)}});
  if (page.ok()) {
    for (const Second& second : page->seconds) {
      for (const ChunkInfo& info : second.chunks) {
        const auto placement = PlaceOnRing("events", ToString(info.key), 2);
        const auto chunk = machine->store->ReadChunk(
            {.partition = placement.partition, .bucket = "events", .key = info.key});
        if (chunk.ok()) CHECK(Crc32c(chunk->value.view()) == chunk->value_crc);
      }
    }
  }
  PutAndRead(machine);
  machine->store->Maintain(0);
  (void)machine->store->Scrub(0, 1 << 20);              // whatever it finds
  (void)machine->store->DropPartition(PartitionId(1));  // may be refused
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  QuietLog();
  StoreMachine machine(1);
  CHECK(machine.Open().ok() && machine.store->Close().ok());
  machine.store.reset();
  Decoder input(ByteSpan(reinterpret_cast<const char*>(data), size));
  const SegmentHeader header{.cluster = machine.options().identity.cluster,
                             .node = machine.options().identity.node,
                             .id = SegmentId(1),
                             .salt = 7,
                             .ttl_class = 0,
                             .created = 1'700'000'000};
  Bytes segment = EncodeSegmentHeader(header);
  while (input.remaining() > 0) AppendCommand(&input, header, &segment);
  CHECK(machine.files.Create(kSegmentPath).ok());
  machine.files.Overwrite(kSegmentPath, 0, segment);
  for (int round = 0; round < 2; ++round) {
    if (!machine.Open().ok()) return 0;
    Use(&machine);
    (void)machine.store->Close();  // fails when the disk was given up
    machine.store.reset();
    machine.indexes.Lose("/srv/data/index");
  }
  return 0;
}
