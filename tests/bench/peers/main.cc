// The workloads of `carillon bench` on Carillon and on what one could install in its place, one
// after the other, all in one run. See docs/BENCHMARKS.md, "Peers".
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include <CLI/CLI.hpp>

#include "tests/bench/peers/report.h"
#include "tests/bench/peers/workloads.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/child_node.h"

namespace carillon {
namespace {

struct Options {
  WorkloadOptions workload;
  std::string directory = "/var/tmp";
  std::vector<std::string> only;
  std::uint64_t rounds = 3;
  std::uint64_t first = 0;
  std::string json;
  std::vector<std::string> table;
};

StatusOr<PeerCalibration> Calibrate(const std::string& directory, const std::string& server) {
  constexpr double kSeconds = 0.5;
  constexpr std::size_t kValueBytes = 100'000;
  constexpr std::uint64_t kWriters = 32;
  PeerCalibration result{.server = server};
  const BenchOptions machine{.directory = directory, .seconds = kSeconds};
  RETURN_IF_ERROR(RunCalibrations(machine, [&result](const Measurement& one) {
    if (one.name == "loopback TCP") result.loopback = one.mb_per_second();
  }));
  ASSIGN_OR_RETURN(const Measurement plain, MeasurePlainFile(machine, kValueBytes, kWriters));
  result.append_sync = plain.mb_per_second();
  return result;
}

// One server, from its start to its end. NOT_FOUND: it is not installed.
Status RunOne(const Options& options, const PeerKind& kind, PeersReport* report) {
  ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
  (void)::chmod(directory->path().c_str(), 0711);  // PostgreSQL runs as somebody else
  const std::string own = directory->path() + "/server";
  if (::mkdir(own.c_str(), 0700) != 0) return Unavailable("{} cannot be made", own);
  ::sync();  // what the one before has left to write is not this one's
  ASSIGN_OR_RETURN(const auto peer, kind.start(own));
  ASSIGN_OR_RETURN(PeerCalibration calibration, Calibrate(directory->path(), kind.name));
  report->calibrations.push_back(std::move(calibration));
  const PeerDescription& server = peer->description();
  const bool known = std::any_of(report->servers.begin(), report->servers.end(),
                                 [&](const auto& one) { return one.name == server.name; });
  if (!known) report->servers.push_back(server);
  return RunWorkloads(options.workload, peer.get(), [report](const PeerMeasurement& one) {
    fmt::print(stderr, "{:<15} {:<11} {:>9.1f}/s {:>6.0f} MB/s  p50 {:.2f} ms  p99 {:.2f} ms\n",
               one.server, one.workload, one.ops_per_second, one.mb_per_second, one.p50_ms,
               one.p99_ms);
    report->measurements.push_back(one);
  });
}

bool IsWanted(const Options& options, const std::string& name) {
  return options.only.empty() ||
         std::find(options.only.begin(), options.only.end(), name) != options.only.end();
}

// The order turns by one each round: a disk that slows down slows each of them once.
StatusOr<PeersReport> RunRounds(const Options& options) {
  PeersReport report;
  const std::vector<PeerKind>& all = AllPeers();
  for (std::uint64_t round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      const PeerKind& kind = all[(i + round + options.first) % all.size()];
      if (!IsWanted(options, kind.name)) continue;
      const Status status = RunOne(options, kind, &report);
      if (status.ok()) continue;
      if (status.code() != StatusCode::kNotFound) return Annotate(status, kind.name);
      if (round == 0) {
        report.skipped.push_back(fmt::format("{}: {}", kind.name, Message(status)));
        fmt::print(stderr, "skipped {}\n", report.skipped.back());
      }
    }
  }
  return report;
}

StatusOr<PeersReport> ReadReports(const std::vector<std::string>& paths) {
  PeersReport report;
  for (const std::string& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    RETURN_IF_ERROR(Annotate(AddFromJson(text, &report), path));
  }
  return report;
}

Status Run(const Options& options) {
  if (!options.table.empty()) {
    ASSIGN_OR_RETURN(const PeersReport report, ReadReports(options.table));
    fmt::print("{}", InTable(report));
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const PeersReport report, RunRounds(options));
  fmt::print("{}", InTable(report));
  if (options.json.empty()) return OkStatus();
  std::ofstream file(options.json, std::ios::binary | std::ios::trunc);
  file << InJson(report);
  file.close();
  return file ? OkStatus() : Unavailable("{} cannot be written", options.json);
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  carillon::Options options;
  CLI::App app("Carillon beside other servers, each with the same work");
  std::vector<std::string> names;
  for (const auto& kind : carillon::AllPeers()) names.emplace_back(kind.name);
  app.add_option("--dir", options.directory, "the disk to measure on");
  app.add_option("--seconds", options.workload.seconds, "of each workload that has no fixed amount")
      ->check(CLI::Range(0.1, 600.0));
  app.add_option("--rounds", options.rounds, "how often; the medians are shown")
      ->check(CLI::Range(1, 100));
  app.add_option("--first", options.first, "which server begins, counted from 0");
  app.add_option("--only", options.only, "these servers")->check(CLI::IsMember(names));
  app.add_option("--json", options.json, "write all measurements into this file");
  app.add_option("--table", options.table, "measure nothing: the table of such files");
  CLI11_PARSE(app, argc, argv);
  const carillon::Status status = carillon::Run(options);
  if (status.ok()) return 0;
  fmt::print(stderr, "peers_bench: {}\n", carillon::ToString(status));
  return 1;
}
