// A collector starts with a spool that holds anything: it takes events and commits them all the
// same, and every record is refused or decoded to what encodes to the same meaning.
//
// The input is a little program, since no fuzzer guesses CRCs: for each record a byte that chooses
// a log, a kind, and flaws; a length; the value. Values of records are also decoded one by one. A
// first byte of 0 starts the whole pipeline on it, which is slow; else the logs alone are opened.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/spool_format.h"
#include "collector/pipeline/spool_log.h"
#include "storage/segment_format.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;

constexpr std::array<std::string_view, 3> kLogs = {"intake", "outbox", "dead"};
constexpr std::array<char, 6> kKinds = {'r', 'c', 'm', 'x', 'd', '?'};
constexpr SegmentHeader kHeader{.id = SegmentId(1), .salt = 7, .created = kNow};

struct Logs {
  std::array<Bytes, kLogs.size()> segments;
  std::array<std::uint64_t, kLogs.size()> records{};
};

void TryRequest(ByteSpan value) {
  IntakeRequest request;
  if (!DecodeRequest(value, &request).ok()) return;
  const bool claims = ClaimsIds(request);
  const Bytes encoded = EncodeRequest(request);
  IntakeRequest again;
  CHECK(DecodeRequest(encoded, &again).ok());
  CHECK(again.events.size() == request.events.size() && ClaimsIds(again) == claims);
  for (std::size_t i = 0; i < again.events.size(); ++i) {
    CHECK(again.events[i].json == request.events[i].json);
    CHECK(again.events[i].time_us == request.events[i].time_us);
    CHECK(again.events[i].bucket == request.events[i].bucket);
  }
}

void TryCovered(ByteSpan value) {
  const auto covered = DecodeCovered(value);
  if (!covered.ok()) return;
  CHECK(covered->size() <= kMaxCoveredEvents);
  CHECK(std::is_sorted(covered->begin(), covered->end(), std::less_equal<>()) ||
        covered->size() < 2);
  CHECK(*DecodeCovered(EncodeCovered(*covered)) == *covered);
}

void TryValues(ByteSpan value) {
  TryRequest(value);
  TryCovered(value);
  if (const auto done = DecodeDone(value); done.ok()) {
    CHECK(*DecodeDone(EncodeDone(*done)) == *done);
  }
  if (const auto dropped = DecodeDropped(value); dropped.ok()) {
    CHECK(*DecodeDropped(EncodeDropped(*dropped)) == *dropped);
  }
  if (const auto letter = DecodeDeadLetter(value); letter.ok()) {
    const Bytes again = EncodeDeadLetterHead(letter->reason) + Bytes(letter->record);
    CHECK(DecodeDeadLetter(again)->reason == letter->reason);
  }
  if (const auto record = DecodeOutboxRecord(value); record.ok()) {
    const Bytes again = EncodeOutboxHead(record->chunk, record->covered) + Bytes(record->value);
    CHECK(DecodeOutboxRecord(again)->chunk == record->chunk);
  }
}

void AppendRecord(Decoder* input, Logs* logs) {
  const auto command = input->Fixed<std::uint8_t>();
  const ByteSpan value =
      input->Take(std::min<std::size_t>(input->Fixed<std::uint8_t>(), input->remaining()));
  TryValues(value);
  const std::size_t log = command % kLogs.size();
  const std::size_t kind = command / kLogs.size() % (kKinds.size() + 2);
  Bytes* segment = &logs->segments[log];
  if (kind > kKinds.size()) {
    segment->append(value);
    segment->resize((segment->size() + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment);
    return;
  }
  const bool sync = kind == kKinds.size();
  const std::string key(sync ? 0 : 1, sync ? ' ' : kKinds[kind]);
  RecordHeader record{.type = sync ? RecordType::kSync : RecordType::kChunk,
                      .key_bytes = static_cast<std::uint16_t>(key.size()),
                      .value_bytes = static_cast<std::uint32_t>(value.size()),
                      .sequence = ++logs->records[log],
                      .epoch = 1,
                      .value_crc = Crc32c(value)};
  if (command >= 200) ++record.value_crc;
  AppendRecordHead(record, key, kHeader.salt, segment->size(), segment);
  segment->append(value);
  segment->resize((segment->size() + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment);
}

SpoolLogOptions LogOptions(PipelineMachine* machine, std::size_t log) {
  return {.files = &machine->files,
          .directory = fmt::format("/spool/{}", kLogs[log]),
          .clock = &machine->clock,
          .segment_bytes = 1 << 16,
          .allocate_bytes = 1 << 14};
}

// As a start does, without its threads; then as the packer does.
void OpenLogs(PipelineMachine* machine) {
  std::size_t requests = 0;
  const auto intake = SpoolLog::Open(LogOptions(machine, 0), [&](const SpoolItem& item) {
    IntakeRequest request;
    requests += DecodeRequest(item.value, &request).ok() ? 1 : 0;
    return OkStatus();
  });
  CHECK(intake.ok());
  OutboxRecovery recovery;
  const auto outbox = OutboxLog::Open(LogOptions(machine, 1), 1, &recovery);
  if (!outbox.ok()) return;  // of a newer format
  CHECK(std::is_sorted(recovery.covered.begin(), recovery.covered.end()));
  for (const WaitingChunk& waiting : recovery.waiting) {
    CHECK((*outbox)->ReadValue(waiting.id).ok());
    (*outbox)->Done(waiting.id);
  }
  NewChunk chunk{.chunk = {.tenant = "acme", .bucket = "events"}, .value = SharedBytes(Bytes("v"))};
  chunk.chunk.info.key = {.epoch = Epoch(kNow), .dc = "1", .cell = "c", .type = "WEB"};
  const auto added = (*outbox)->Append(std::span(&chunk, 1));
  CHECK(added.ok() && (*outbox)->waiting() == 1);
  (*outbox)->Done(added->front().id);
  CHECK((*outbox)->Flush().ok() && (*outbox)->Trim(recovery.next_request, true).ok());
}

// What is taken now is in the store exactly once, whatever was there before.
void Use(PipelineMachine* machine) {
  const std::string event = Event(424242);
  if (!machine->Keep("acme", {event}).ok()) return;  // the old ones may fill the spool
  for (int i = 0; i < 60 && machine->client.Events().count(event) == 0; ++i) {
    if (machine->pipeline->Drain(1ms).ok()) break;
    machine->clock.Advance(1);
  }
  CHECK(machine->client.Events().at(event) == 1);
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size == 0) return 0;
  const bool all = data[0] == 0;
  Decoder input(ByteSpan(reinterpret_cast<const char*>(data) + 1, size - 1));
  Logs logs;
  for (Bytes& segment : logs.segments) segment = EncodeSegmentHeader(kHeader);
  while (input.remaining() > 0) AppendRecord(&input, &logs);
  PipelineMachine machine;
  for (std::size_t i = 0; i < kLogs.size(); ++i) {
    const std::string directory = fmt::format("/spool/{}/segments", kLogs[i]);
    CHECK(machine.files.MakeDirectory(directory).ok());
    const std::string path = directory + "/" + SegmentFileName(kHeader.id);
    CHECK(machine.files.Create(path).ok());
    machine.files.Overwrite(path, 0, logs.segments[i]);
  }
  if (!all) {
    OpenLogs(&machine);
    return 0;
  }
  for (int round = 0; round < 2; ++round) {
    if (!machine.Open().ok()) return 0;  // of a newer format
    if (round == 0) Use(&machine);
    machine.pipeline.reset();
  }
  return 0;
}
