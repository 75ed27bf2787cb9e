#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>

#include <unistd.h>

#include "base/json_writer.h"
#include "client/second_writer.h"
#include "host/host_sampler.h"
#include "tools/carillon/input/time_argument.h"
#include "tools/carillon/input/time_text.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/stop_signal.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

struct HostOptions {
  std::string dc = "1";
  std::string cell = "cell0";
  std::string host;
  std::string proc = "/proc";
  std::string run_for;
};

const VerbText kText = {
    .name = "host",
    .group = kForLoggers,
    .description = "Log this machine: CPU, memory, disk, network, processes, every second",
    .examples =
        "Events of type SYS, subtypes cpu, memory, disk, network, processes; each second is\n"
        "committed and sealed. A second that cannot be stored is lost, with a warning; then the\n"
        "exit code is 3. Ends with Ctrl-C or --for.\n\n"
        "  carillon host\n"
        "  carillon host --for 10 && carillon read --from -1m --type SYS --subtype cpu",
};

struct HostCounts {
  std::uint64_t seconds = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost = 0;  // seconds
};

std::string HostName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

// Samples and stores, a second at a time.
class HostLogger {
 public:
  HostLogger(Client* client, SecondWriterOptions writer_options, HostSampler sampler)
      : client_(client), writer_options_(std::move(writer_options)), sampler_(std::move(sampler)) {}

  // The first call has nothing to compare with and stores nothing.
  Status LogSecond(Epoch epoch, Instant now) {
    const double seconds =
        last_.has_value() ? std::chrono::duration<double>(now - *last_).count() : 0;
    ASSIGN_OR_RETURN(const std::vector<HostEvent> events, sampler_.Sample(epoch, seconds));
    const bool first = !last_.has_value();
    last_ = now;
    // The clock may stand or go back: what is sealed stays so.
    if (first || (sealed_.has_value() && epoch <= *sealed_)) return OkStatus();
    const Status stored = Store(epoch, events);
    if (!stored.ok()) {
      ++counts_.lost;
      writer_.reset();  // broken: the next second begins anew
    }
    return stored;
  }

  const HostCounts& counts() const { return counts_; }

 private:
  Status Store(Epoch epoch, const std::vector<HostEvent>& events) {
    if (writer_ == nullptr) writer_ = SecondWriter::Create(client_, writer_options_);
    std::uint64_t bytes = 0;
    for (const HostEvent& event : events) {
      RETURN_IF_ERROR(writer_->Add(epoch, kHostEventType, event.subtype, event.json));
      bytes += event.json.size();
    }
    RETURN_IF_ERROR(writer_->CommitSecond(epoch, true));
    RETURN_IF_ERROR(writer_->Finish());
    sealed_ = epoch;
    counts_.seconds += 1;
    counts_.events += events.size();
    counts_.bytes += bytes;
    return OkStatus();
  }

  Client* const client_;
  const SecondWriterOptions writer_options_;
  HostSampler sampler_;
  std::unique_ptr<SecondWriter> writer_;
  std::optional<Instant> last_;
  std::optional<Epoch> sealed_;
  HostCounts counts_;
};

void PrintStatus(Epoch epoch, const HostCounts& counts) {
  std::fprintf(stderr, "\r\033[K%s  %s seconds  %s events  %s%s", FormatTime(epoch).c_str(),
               FormatCount(counts.seconds).c_str(), FormatCount(counts.events).c_str(),
               FormatBytes(counts.bytes).c_str(),
               counts.lost > 0 ? fmt::format("  {} lost", counts.lost).c_str() : "");
}

void PrintSummary(Session* session, const HostCounts& counts) {
  if (session->json()) {
    JsonWriter json;
    json.BeginObject().Field("seconds", counts.seconds).Field("events", counts.events);
    json.Field("bytes", counts.bytes).Field("lost_seconds", counts.lost).EndObject();
    std::fprintf(stderr, "%s\n", json.Take().c_str());
    return;
  }
  std::fprintf(stderr, "carillon: stored %s seconds, %s events, %s; %s seconds lost\n",
               FormatCount(counts.seconds).c_str(), FormatCount(counts.events).c_str(),
               FormatBytes(counts.bytes).c_str(), FormatCount(counts.lost).c_str());
}

// Samples just after each second has begun, and files it under that second.
Outcome LogUntilStopped(Session* session, HostLogger* logger, Instant end) {
  const bool terminal = IsTerminal(2);
  const Clock& clock = SystemClock();
  StopSignal stop;
  while (true) {
    const Epoch epoch = Now();
    const Status logged = logger->LogSecond(epoch, clock.Now());
    if (!logged.ok()) {
      if (logger->counts().seconds == 0) return logged;
      PrintError(fmt::format("second {} is lost: {}", epoch, Explain(logged)));
    } else if (terminal) {
      PrintStatus(epoch, logger->counts());
    }
    const auto into_second = clock.WallNow().time_since_epoch() % std::chrono::seconds(1);
    const Instant next = clock.Now() + (std::chrono::seconds(1) - into_second);
    if (next > end || stop.WaitUntil(next)) break;
  }
  if (terminal) std::fputs("\n", stderr);
  PrintSummary(session, logger->counts());
  return logger->counts().lost == 0 ? ExitCode::kDone : ExitCode::kPartial;
}

Outcome RunHost(Session* session, const HostOptions& options) {
  Instant end = Instant::max();
  if (!options.run_for.empty()) {
    ASSIGN_OR_USAGE(const double seconds, ParseSecondsArgument("--for", options.run_for));
    // The first second only primes the rates: one more is needed.
    end = SystemClock().Now() +
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)) +
          std::chrono::milliseconds(50);
  }
  if (const Status dc = CheckName("--dc", options.dc); !dc.ok()) return UsageError(dc);
  if (const Status cell = CheckName("--cell", options.cell); !cell.ok()) return UsageError(cell);
  ASSIGN_OR_RETURN(Client* const client, session->client());
  ASSIGN_OR_RETURN(const NamedBucket bucket, session->FindBucket());
  SecondWriterOptions writer_options;
  writer_options.bucket = bucket.name;
  writer_options.dc = options.dc;
  writer_options.cell = options.cell;
  writer_options.max_chunk_bytes = bucket.properties.max_chunk_bytes;
  HostLogger logger(
      client, writer_options,
      HostSampler(options.proc, options.host.empty() ? HostName() : options.host, ProbeSpace));
  return LogUntilStopped(session, &logger, end);
}

}  // namespace

void AddHost(CommandParser* parser, Session* session) {
  auto options = std::make_shared<HostOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--dc", &options->dc, "data centre of this machine");
  verb.Value("--cell", &options->cell, "its cell");
  verb.Value("--host", &options->host, "its name in the events (the host name)");
  verb.Value("--for", &options->run_for, "end after so many seconds");
  verb.Value("--proc", &options->proc, "where /proc is");
  verb.OnRun([=] { return RunHost(session, *options); });
}

}  // namespace carillon
