#include "base/random.h"
#include "client/chunk_decoder.h"
#include "client/client.h"
#include "client/second_writer.h"
#include "crunch/chunk_codec.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/child_node.h"

namespace carillon {
namespace {

constexpr std::size_t kEventBytes = 300;
constexpr std::size_t kDistinctEvents = 20'000;
constexpr std::uint64_t kEventsPerSecond = 50'000;  // of an epoch

// 300-byte events of a web shop's kind: some fields repeat, some do not.
std::vector<std::string> MakeEvents() {
  static constexpr const char* kActions[] = {"view", "search", "click", "cart", "buy"};
  Random random(7);
  std::vector<std::string> events;
  for (std::size_t i = 0; i < kDistinctEvents; ++i) {
    std::string event = fmt::format(
        R"({{"timestamp":1700000000,"type":"WEB","subtype":"app","user":"{:016x}","action":)"
        R"({{"name":"{}","page":"/hotel/{}.html","wallclock_ms":{}}},"tuning":{{"variant":{},)"
        R"("fe":"fe-{:03d}"}},"agent":"Mozilla/5.0 X11 Linux x86_64","pad":")",
        random.Next(), kActions[random.Below(5)], random.Below(100'000), random.Below(900),
        random.Below(4), random.Below(200));
    event.append(event.size() < kEventBytes - 2 ? kEventBytes - 2 - event.size() : 0, 'x');
    event += "\"}";
    events.push_back(std::move(event));
  }
  return events;
}

StatusOr<Measurement> MeasureLoad(Client* client, const std::vector<std::string>& events,
                                  std::uint64_t first_epoch, int pid, double seconds) {
  const double cpu = OwnCpuSeconds(), server_cpu = CpuSecondsOf(pid);
  const auto writer = SecondWriter::Create(client, {});
  const Instant began = SystemClock().Now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(SystemClock().Now() - began).count();
  };
  Measurement result;
  while (elapsed() < seconds) {
    for (int i = 0; i < 1000; ++i, ++result.operations) {
      const std::string& event = events[result.operations % events.size()];
      RETURN_IF_ERROR(writer->Add(Epoch(first_epoch + result.operations / kEventsPerSecond), "WEB",
                                  "app", event));
    }
  }
  RETURN_IF_ERROR(writer->Finish());
  result.name = "load (SecondWriter)";
  result.value_bytes = kEventBytes;
  result.outstanding = 1;
  result.seconds = elapsed();
  result.client_cpu_seconds = OwnCpuSeconds() - cpu;
  result.server_cpu_seconds = CpuSecondsOf(pid) - server_cpu;
  return result;
}

StatusOr<Measurement> MeasureRead(Client* client, std::uint64_t first_epoch, std::uint64_t events,
                                  int pid) {
  const double cpu = OwnCpuSeconds(), server_cpu = CpuSecondsOf(pid);
  const Instant began = SystemClock().Now();
  const auto stream =
      client->ReadRange({.range = {.first = Epoch(first_epoch),
                                   .limit = Epoch(first_epoch + events / kEventsPerSecond + 1)}});
  ChunkDecoder decoder(client, "events");
  Measurement result;
  while (true) {
    ASSIGN_OR_RETURN(const auto item, stream->Next());
    if (!item) break;
    RETURN_IF_ERROR(item->status);
    if (!item->chunk) continue;
    ASSIGN_OR_RETURN(const Bytes ndjson, decoder.Decode(item->chunk->key, item->value));
    result.operations += ForEachEvent(ndjson, [](std::string_view) { return true; });
  }
  if (result.operations != events) {
    return DataLoss("{} events were written, {} read", events, result.operations);
  }
  result.name = "read (ReadRange, decoded)";
  result.value_bytes = kEventBytes;
  result.outstanding = 1;
  result.seconds = std::chrono::duration<double>(SystemClock().Now() - began).count();
  result.client_cpu_seconds = OwnCpuSeconds() - cpu;
  result.server_cpu_seconds = CpuSecondsOf(pid) - server_cpu;
  return result;
}

}  // namespace

Status RunEventBench(const BenchOptions& options, const Report& report) {
  ASSIGN_OR_RETURN(const auto directory, TemporaryDirectory::Make(options.directory));
  ASSIGN_OR_RETURN(
      const auto node,
      ChildProcess::Start({ProgramDirectory() + "/carillond", "--data", directory->path() + "/data",
                           "--listen", "127.0.0.1:0", "--http", "", "--log-level", "warning"}));
  ASSIGN_OR_RETURN(const auto client, Client::Connect({.endpoints = {node->address()}}));
  const std::uint64_t first_epoch = WallSeconds(SystemClock().WallNow()) - 3600;
  ASSIGN_OR_RETURN(const Measurement load, MeasureLoad(client.get(), MakeEvents(), first_epoch,
                                                       node->pid(), options.seconds));
  report(load);
  ASSIGN_OR_RETURN(const Measurement read,
                   MeasureRead(client.get(), first_epoch, load.operations, node->pid()));
  report(read);
  return OkStatus();
}

}  // namespace carillon
