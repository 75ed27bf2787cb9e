#include "collector/drain.h"

#include <signal.h>

#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "client/client.h"
#include "collector/copies/copy_slot.h"
#include "collector/pipeline/pipeline.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
constexpr Duration kLook = std::chrono::seconds(1);

sigset_t BlockSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  for (const int one : {SIGTERM, SIGINT}) sigaddset(&signals, one);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Until all is committed, or a signal.
Status DrainUntilStopped(Pipeline* pipeline, const sigset_t& signals) {
  const timespec now{};
  while (true) {
    const Status drained = pipeline->Drain(kLook);
    if (drained.code() != StatusCode::kDeadlineExceeded) return drained;
    if (::sigtimedwait(&signals, nullptr, &now) > 0) {
      return Cancelled("stopped: {}", Message(drained));
    }
  }
}

}  // namespace

Status DrainCopy(const CollectorConfig& config) {
  if (config.spool.empty()) return InvalidArgument("no copy: give --spool SPOOL/copies/NAME/N");
  StartLogging({.level = *ParseLogLevel(config.log_level), .json = config.log_json});
  const sigset_t signals = BlockSignals();
  const std::string spool = std::filesystem::absolute(config.spool).lexically_normal();
  FileSystem* files = MachineFileSystem();
  if (const Status begun = BeginDraining(files, spool); !begun.ok()) {
    return InvalidArgument("{}", Message(begun));
  }
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = config.endpoint}));
  PipelineOptions options;
  options.client = client.get();
  options.directory = spool;
  options.dc = config.dc;
  options.cell = config.cell;
  options.max_spool_bytes = config.spool_mib * kMiB;
  options.max_backlog_age = std::chrono::hours(config.max_backlog_hours);
  ASSIGN_OR_RETURN(auto pipeline, Pipeline::Open(options));
  RETURN_IF_ERROR(DrainUntilStopped(pipeline.get(), signals));
  const PipelineStats stats = pipeline->stats();
  pipeline.reset();
  std::printf("%lu events of %lu chunks are in the ring\n", stats.events_committed,
              stats.chunks_committed);
  if (stats.dead_letter_bytes > 0) {
    std::printf("%s/dead has what the ring has refused: it stays\n", spool.c_str());
    return OkStatus();
  }
  return RemoveDrainedCopy(files, spool);
}

}  // namespace carillon
