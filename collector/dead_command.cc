#include "collector/dead_command.h"

#include <cstdio>
#include <ctime>
#include <filesystem>

#include "base/clock.h"
#include "client/chunk_decoder.h"
#include "client/client.h"
#include "collector/config.h"
#include "collector/pipeline/dead_letter_box.h"
#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr Duration kAskRing = std::chrono::seconds(10);

std::string TimeText(std::uint64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Status List(const DeadCommand& command, const std::string& spool) {
  DeadLetterCounts counts;
  RETURN_IF_ERROR(VisitDeadLetters(MachineFileSystem(), spool, [&](const DeadChunk& dead) {
    const OutboxChunk& chunk = dead.chunk;
    if (!command.tenant.empty() && chunk.tenant != command.tenant) return OkStatus();
    ++counts.chunks;
    counts.events += chunk.info.events;
    fmt::print("{}\n  made {}, tenant {}, bucket {}, {} events, {} bytes\n  {}\n",
               ToString(chunk.info.key), TimeText(chunk.created), chunk.tenant, chunk.bucket,
               chunk.info.events, dead.value.size(), dead.reason);
    return OkStatus();
  }));
  fmt::print("{} chunks, {} events\n", counts.chunks, counts.events);
  return OkStatus();
}

// The ring is asked only for a dictionary.
StatusOr<Bytes> EventsOf(const DeadChunk& dead, const std::vector<std::string>& endpoints) {
  if (DictionaryIdOf(dead.value) == 0) return DecodeChunkValue(dead.value);
  ASSIGN_OR_RETURN(const auto client,
                   Client::Connect({.endpoints = endpoints, .timeout = kAskRing}));
  return ChunkDecoder(client.get(), dead.chunk.bucket).Decode(dead.chunk.info.key, dead.value);
}

// The events as lines, and nothing else, so that they can be sent again by other means.
Status Show(const DeadCommand& command, const std::string& spool,
            const std::vector<std::string>& endpoints) {
  bool found = false;
  RETURN_IF_ERROR(VisitDeadLetters(MachineFileSystem(), spool, [&](const DeadChunk& dead) {
    if (found || ToString(dead.chunk.info.key) != command.keys.front()) return OkStatus();
    found = true;
    ASSIGN_OR_RETURN(const Bytes events, EventsOf(dead, endpoints));
    std::fwrite(events.data(), 1, events.size(), stdout);
    return OkStatus();
  }));
  return found ? OkStatus() : NotFound("{}: no such dead letter", command.keys.front());
}

Status Take(const DeadCommand& command, const std::string& spool) {
  const bool again = command.verb == DeadCommand::Verb::kRetry;
  const int ways =
      (command.all ? 1 : 0) + (command.tenant.empty() ? 0 : 1) + (command.keys.empty() ? 0 : 1);
  if (ways != 1) return InvalidArgument("want keys, or --tenant, or --all");
  const DeadLetterChoice choice{.all = command.all,
                                .tenant = command.tenant,
                                .keys = {command.keys.begin(), command.keys.end()}};
  ASSIGN_OR_RETURN(DeadLetterBox box,
                   DeadLetterBox::Open(MachineFileSystem(), &SystemClock(), spool));
  ASSIGN_OR_RETURN(const DeadLetterCounts counts, again ? box.Retry(choice) : box.Drop(choice));
  fmt::print("{} chunks, {} events: {}\n", counts.chunks, counts.events,
             again ? "sent when the collector starts" : "dropped");
  return OkStatus();
}

}  // namespace

Status RunDead(const DeadCommand& command, const CollectorConfig& config) {
  if (config.spool.empty())
    return InvalidArgument("want --spool DIR, or --config FILE that names it");
  const std::string path = std::filesystem::absolute(config.spool).lexically_normal();
  switch (command.verb) {
    case DeadCommand::Verb::kList:
      return List(command, path);
    case DeadCommand::Verb::kShow:
      return Show(command, path, config.endpoint);
    case DeadCommand::Verb::kRetry:
    case DeadCommand::Verb::kDrop:
      return Take(command, path);
  }
  return Internal("a verb that is none");
}

}  // namespace carillon
