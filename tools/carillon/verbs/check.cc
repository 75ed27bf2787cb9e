#include <memory>

#include "base/json_writer.h"
#include "storage/check.h"
#include "storage/rocksdb_key_value.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "check",
    .group = kForAdmins,
    .description = "Verify a data directory offline: every CRC, index against log",
    .examples =
        "  carillon check /var/lib/carillon\n"
        "The node must be stopped. Exit code 3: damage was found; each is named.",
};

std::string InJson(const CheckReport& report) {
  JsonWriter json;
  json.BeginObject()
      .Field("segments", report.segments)
      .Field("segment_bytes", report.segment_bytes)
      .Field("chunks", report.chunks)
      .Field("manifests", report.manifests)
      .Field("claims", report.claims)
      .Field("value_bytes", report.value_bytes)
      .Field("index_entries", report.index_entries)
      .Field("not_indexed_yet", report.not_indexed_yet)
      .Field("damaged", report.damaged)
      .Key("digests")
      .BeginArray();
  for (const PartitionDigest& one : report.digests) {
    json.BeginObject().Field("partition", one.partition.value());
    json.Field("entries", one.digest.count);
    json.Field("sum", fmt::format("{:016x}{:016x}", one.digest.sum.high, one.digest.sum.low))
        .EndObject();
  }
  json.EndArray().Key("findings").BeginArray();
  for (const CheckFinding& finding : report.findings) {
    json.BeginObject().Key("damage").Bool(finding.damage);
    json.Field("where", finding.where).Field("what", finding.what).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

std::string InText(const CheckReport& report) {
  std::string text;
  for (const CheckFinding& finding : report.findings) {
    text += fmt::format("{}: {}: {}\n", finding.damage ? "DAMAGE" : "note", finding.where,
                        finding.what);
  }
  text += fmt::format(
      "{} segments ({}), {} chunks ({}), {} manifests, {} claims, {} index entries\n",
      FormatCount(report.segments), FormatBytes(report.segment_bytes), FormatCount(report.chunks),
      FormatBytes(report.value_bytes), FormatCount(report.manifests), FormatCount(report.claims),
      FormatCount(report.index_entries));
  if (report.not_indexed_yet > 0) {
    text += fmt::format("{} records are not in the index yet: the next start replays them\n",
                        FormatCount(report.not_indexed_yet));
  }
  text += report.good() ? "no damage\n" : fmt::format("{} damaged\n", report.damaged);
  return text;
}

Outcome RunCheck(Session* session, const std::string& directory) {
  const auto indexes = NewRocksdbFactory({});
  const bool terminal = IsTerminal(2) && !session->json();
  const auto progress = [&](std::uint64_t done, std::uint64_t total) {
    if (!terminal || total == 0) return;
    fmt::print(stderr, "\r{} of {} verified", FormatBytes(done), FormatBytes(total));
  };
  ASSIGN_OR_RETURN(const CheckReport report,
                   CheckDirectory(MachineFileSystem(), indexes.get(), directory, progress));
  if (terminal) fmt::print(stderr, "\r\033[K");
  RETURN_IF_ERROR(session->out().Write(session->json() ? InJson(report) : InText(report)));
  return report.good() ? ExitCode::kDone : ExitCode::kPartial;
}

}  // namespace

void AddCheck(CommandParser* parser, Session* session) {
  auto directory = std::make_shared<std::string>();
  Command verb = parser->root().AddVerb(kText);
  verb.Positional("DIR", directory.get(), "a data directory");
  verb.OnRun([=] { return RunCheck(session, *directory); });
}

}  // namespace carillon
