#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/client.h"
#include "tools/carillon/bench/load_loop.h"

// The workloads of `carillon bench WORKLOAD`: what loggers and dashboards do to a cluster.
namespace carillon {

enum class Workload : std::uint8_t {
  kPut,     // chunks of one size, each to a key of its own
  kSecond,  // a logger's second: `chunks` chunks in parallel, then the commit
  kGet,     // chunks read at random
  kRange,   // a dashboard: `range_seconds` seconds of `chunks` chunks, in order
  kTail,    // seconds are committed at a rate; how long until another client has read them
};

struct LoadSpec {
  Workload workload = Workload::kPut;
  std::string bucket;
  std::size_t value_bytes = 100'000;
  std::uint64_t chunks = 200;        // of a second
  std::uint64_t range_seconds = 60;  // of a range
  std::uint64_t keys = 1'000;        // that kGet chooses from
  std::uint64_t process = 0;         // of those at work; each writes keys of its own
  std::uint64_t run = 0;             // tells the keys of runs apart
  Epoch now;                         // keys' seconds are at and before it
};

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
