#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collector/agent_config.h"
#include "collector/edge/collector_metrics.h"
#include "collector/local_source.h"
#include "collector/tail/tail_store.h"
#include "host/host_sampler.h"

namespace carillon {

// Says what the machine does, every few seconds, as one event. One that cannot be kept is left out:
// the next one says more. Threads: one of its own.
class HostReporter {
 public:
  HostReporter(HostConfig config, std::string host, LocalSource source);
  ~HostReporter();  // Stop

  // Waits for an event that is being kept.
  void Stop();
  std::uint64_t left_out() const { return left_out_; }

 private:
  void Loop();
  void Report(Epoch epoch, double seconds);

  const HostConfig config_;
  LocalSource source_;
  HostSampler sampler_;
  EventBatch events_;
  std::atomic<std::uint64_t> left_out_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

// All that the collector does as the agent of a host.
//
// Threads: one caller.
class Agent {
 public:
  // Opens the positions of files, if some are followed or were before; their ids are to be told of
  // by the pipeline that is opened next (PipelineOptions::found). `tenant`: of those that say none.
  // Errors: as TailStore::Open.
  static StatusOr<std::unique_ptr<Agent>> Open(AgentConfig config, const std::string& tenant,
                                               const std::string& spool);

  // nullptr: there are no positions.
  TailStore* positions() { return positions_.get(); }

  // `reception` outlives this, or Stop. Begins to read.
  void Start(const Reception* reception, CollectorMetrics* metrics);
  // Returns when nothing of it is under way.
  void Stop();

 private:
  explicit Agent(AgentConfig config) : config_(std::move(config)) {}
  void AddNumbers(CollectorMetrics* metrics);

  const AgentConfig config_;
  std::unique_ptr<TailStore> positions_;
  std::unique_ptr<LocalSource> lines_;
  std::unique_ptr<FileTailer> tailer_;
  std::unique_ptr<HostReporter> reporter_;
};

}  // namespace carillon
