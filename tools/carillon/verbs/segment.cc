#include <memory>

#include "base/chunk_info.h"
#include "base/json_writer.h"
#include "storage/segment_reader.h"
#include "storage/segment_scanner.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "segment",
    .group = kForAdmins,
    .description = "Look into segment files",
    .examples = "  carillon segment dump /var/lib/carillon/segments/0000000000000001.seg",
};

std::string_view TypeName(RecordType type) {
  switch (type) {
    case RecordType::kChunk:
      return "chunk";
    case RecordType::kManifest:
      return "manifest";
    case RecordType::kSync:
      return "sync";
    case RecordType::kSeal:
      return "seal";
    case RecordType::kDrop:
      return "drop";
    case RecordType::kClaims:
      return "claims";
  }
  return "unknown";
}

std::string PrintableKey(const Bytes& key) {
  std::string text = key;
  for (char& c : text) {
    if (c < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

std::string Line(const ScanItem& item, bool json) {
  const bool record = item.kind == ScanItem::Kind::kRecord;
  const std::string problem =
      record ? std::string(Message(item.value_status)) : std::string(item.reason);
  const std::string_view type = record ? TypeName(item.header.type)
                                       : (item.kind == ScanItem::Kind::kDamage ? "DAMAGE" : "end");
  if (!json) {
    if (!record) {
      return fmt::format("{:>12} {:>10} {:8} {}\n", item.offset, item.limit - item.offset, type,
                         problem);
    }
    return fmt::format("{:>12} {:>10} {:8} seq {} {} expire {} crc {:08x}{}{}\n", item.offset,
                       item.limit - item.offset, type, item.header.sequence, PrintableKey(item.key),
                       item.header.expire_at, item.header.value_crc,
                       problem.empty() ? "" : " DAMAGED: ", problem);
  }
  JsonWriter out;
  out.BeginObject()
      .Field("offset", item.offset)
      .Field("bytes", item.limit - item.offset)
      .Field("type", type);
  if (record) {
    out.Field("sequence", item.header.sequence)
        .Field("key", PrintableKey(item.key))
        .Field("epoch", item.header.epoch)
        .Field("expire_at", item.header.expire_at)
        .Field("value_bytes", item.header.value_bytes)
        .Field("value_crc32c", fmt::format("{:08x}", item.header.value_crc))
        .Field("ring_position", item.header.ring_position);
  }
  if (!problem.empty()) out.Field("problem", problem);
  out.EndObject();
  return out.Take() + "\n";
}

Outcome RunDump(Session* session, const std::string& path) {
  ASSIGN_OR_RETURN(const auto reader, SegmentReader::Open(MachineFileSystem(), path));
  const SegmentHeader& header = reader->header();
  if (!session->json()) {
    RETURN_IF_ERROR(session->out().Write(fmt::format(
        "segment {} of node {}, cluster {}, ttl class {}, created {}\n{:>12} {:>10} record\n",
        header.id, header.node, header.cluster, header.ttl_class, header.created, "offset",
        "bytes")));
  }
  SegmentScanner scanner(&reader->file(), header, kSegmentHeaderBytes, /*read_values=*/true);
  bool damaged = false;
  while (true) {
    ASSIGN_OR_RETURN(const ScanItem item, scanner.Next());
    const bool end = item.kind == ScanItem::Kind::kEnd;
    damaged = damaged || item.kind == ScanItem::Kind::kDamage || !item.value_status.ok() ||
              (end && !item.clean);
    if (!end || !item.clean) RETURN_IF_ERROR(session->out().Write(Line(item, session->json())));
    if (end) return damaged ? ExitCode::kPartial : ExitCode::kDone;
  }
}

}  // namespace

void AddSegment(CommandParser* parser, Session* session) {
  auto path = std::make_shared<std::string>();
  Command segment = parser->root().AddVerb(kText);
  Command dump =
      segment.AddVerb({"dump", "", "Print every record of a segment file",
                       "  carillon segment dump FILE\nExit code 3: something in it is damaged."});
  dump.Positional("FILE", path.get(), "a segment file");
  dump.OnRun([=] { return RunDump(session, *path); });
  segment.RequireVerb();
}

}  // namespace carillon
