#include "collector/agent.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include <simdjson.h>

namespace carillon {
namespace {

constexpr char kProc[] = "/proc";

std::string MachineName() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

AgentConfig WithDefaults(AgentConfig config, const std::string& tenant) {
  if (config.host_name.empty()) config.host_name = MachineName();
  if (config.host.tenant.empty()) config.host.tenant = tenant;
  for (TailOptions& tail : config.tails) {
    if (tail.tenant.empty()) tail.tenant = tenant;
  }
  return config;
}

}  // namespace

HostReporter::HostReporter(HostConfig config, std::string host, LocalSource source)
    : config_(std::move(config)),
      source_(std::move(source)),
      sampler_(kProc, std::move(host), ProbeSpace),
      thread_([this] { Loop(); }) {}

HostReporter::~HostReporter() {
  Stop();
}

void HostReporter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void HostReporter::Loop() {
  const Clock& clock = SystemClock();
  const auto every = std::chrono::seconds(config_.every_seconds);
  (void)sampler_.SampleWhole(Epoch(0), 0);  // rates are those since the call before
  Instant before = clock.Now();
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait_for(lock, before + every - clock.Now(), [this] { return stopping_; });
    if (stopping_) break;
    lock.unlock();
    const Instant now = clock.Now();
    Report(Epoch(WallSeconds(clock.WallNow())),
           std::chrono::duration<double>(now - before).count());
    before = now;
    lock.lock();
  }
  wake_.wait(lock, [this] { return !busy_; });
}

void HostReporter::Report(Epoch epoch, double seconds) {
  {
    const std::lock_guard lock(mutex_);
    if (busy_) {  // the disk is slow
      ++left_out_;
      return;
    }
    busy_ = true;
  }
  auto event = sampler_.SampleWhole(epoch, seconds);
  const auto done = [this](const Status& status) {
    if (!status.ok()) ++left_out_;
    const std::lock_guard lock(mutex_);
    busy_ = false;
    wake_.notify_all();
  };
  if (!event.ok()) return done(event.status());
  // Names of processes and devices may be any bytes.
  if (!simdjson::validate_utf8(*event)) {
    std::replace_if(
        event->begin(), event->end(), [](char c) { return (c & 0x80) != 0; }, '?');
  }
  events_.Clear();
  events_.Add({.stream = config_.stream,
               .time_us = static_cast<std::int64_t>(epoch.value()) * 1'000'000,
               .json = *event});
  source_.Keep(config_.tenant, &events_,
               [done](const EdgeOutcome& outcome) { done(outcome.status); });
}

StatusOr<std::unique_ptr<Agent>> Agent::Open(AgentConfig config, const std::string& tenant,
                                             const std::string& spool) {
  std::unique_ptr<Agent> agent(new Agent(WithDefaults(std::move(config), tenant)));
  // Those of tails that are not there today are kept as well: somebody may add them again.
  if (!agent->config_.tails.empty() || MachineFileSystem()->Exists(spool + "/TAIL")) {
    ASSIGN_OR_RETURN(agent->positions_, TailStore::Open(MachineFileSystem(), spool));
  }
  return agent;
}

void Agent::Start(const Reception* reception, CollectorMetrics* metrics) {
  if (!config_.tails.empty()) {
    lines_ = std::make_unique<LocalSource>(reception, &SystemClock());
    tailer_ = std::make_unique<FileTailer>(config_.tails, config_.host_name, positions_.get(),
                                           [this](const std::string& tenant, EventBatch* events,
                                                  std::function<void(EdgeOutcome)> done) {
                                             lines_->Keep(tenant, events, std::move(done));
                                           });
    AddNumbers(metrics);
    tailer_->Start();
  }
  if (config_.host.every_seconds > 0) {
    reporter_ = std::make_unique<HostReporter>(config_.host, config_.host_name,
                                               LocalSource(reception, &SystemClock()));
    metrics->AddNumber("host_events_left_out_total", "Events of the host that could not be kept.",
                       [this] { return static_cast<double>(reporter_->left_out()); });
  }
}

void Agent::AddNumbers(CollectorMetrics* metrics) {
  const auto add = [&](const char* name, const char* help,
                       const std::atomic<std::uint64_t>& number) {
    metrics->AddNumber(name, help, [&number] { return static_cast<double>(number); });
  };
  const TailCounts& counts = tailer_->counts();
  add("tail_files", "Files that are followed.", counts.files);
  add("tail_lag_bytes", "Of files that are followed, not read yet.", counts.behind);
  add("tail_lines_total", "Lines that were kept.", counts.lines);
  add("tail_bytes_total", "Bytes that were read and kept.", counts.bytes);
  add("tail_cut_lines_total", "Lines that were too long, and cut off.", counts.cut);
  add("tail_unparsed_lines_total", "Lines that should have been JSON.", counts.no_json);
  add("tail_refused_lines_total", "Lines that no chunk can hold, or a rule blocks.",
      counts.refused);
  add("tail_replaced_files_total", "Files that were truncated.", counts.replaced);
  add("tail_unfollowed_files_total", "Times that a file was one too many.", counts.too_many);
}

void Agent::Stop() {
  if (reporter_ != nullptr) reporter_->Stop();
  if (tailer_ != nullptr) tailer_->Stop();
}

}  // namespace carillon
