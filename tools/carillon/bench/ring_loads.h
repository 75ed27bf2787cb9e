#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/client.h"
#include "tools/carillon/bench/load_loop.h"
#include "tools/carillon/bench/load_spec.h"

// The workloads of `carillon bench WORKLOAD`: what loggers and dashboards do to a cluster.
namespace carillon {

// One workload in this process. Threads: Start is for RunLoad; its operations may overlap.
class RingLoad {
 public:
  // The clients must outlive it; `reader` is the other client of kTail. `callers`: operations at
  // once, each with a thread of its own where the client's call waits.
  static std::unique_ptr<RingLoad> Make(LoadSpec spec, Client* client, Client* reader,
                                        std::uint64_t callers);
  virtual ~RingLoad() = default;

  virtual void Start(std::uint64_t i, OperationDone done) = 0;
};

// Stores what kGet and kRange read; nothing for the others.
Status Preload(const LoadSpec& spec, Client* client);

}  // namespace carillon
