#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "storage/store.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"
#include "tests/sim/support/simulated_key_value.h"
#include "tests/sim/support/store_model.h"

namespace carillon {

// A machine with a store on it, all simulated: tiny segments, so that little work does everything.
struct StoreMachine {
  explicit StoreMachine(std::uint64_t seed);

  // With options() unless given others.
  Status Open();
  StoreOptions options();

  std::uint64_t seed;
  SimulatedFileSystem files;
  SimulatedKeyValueFactory indexes{&files};
  SimulatedClock clock{1'700'000'000};
  std::vector<std::string> directories = {"/srv/data"};
  std::uint32_t partition_bits = 2;
  std::uint64_t sync_failures = 0;  // how often on_sync_failure was called
  std::unique_ptr<Store> store;     // null: not open
};

struct WorkloadOptions {
  std::size_t steps = 30;
  bool drops = true;      // of partitions
  bool weak_sync = true;  // some writes with sync = os or interval
  bool restarts = true;   // clean ones
  bool splits = false;    // of all partitions, once or twice
};

// A seeded sequence of what nodes ask of a store: batches of chunks in several ttl classes,
// repeats, commits, upkeep, time, drops, clean restarts. Goes on whatever the store answers; keeps
// `model` of what was answered. Answers that no fault explains are added to `violations`.
//
// `faults`: answers may be errors at any time; otherwise every error is a violation.
void RunWorkload(const WorkloadOptions& options, bool faults, Random* random, StoreMachine* machine,
                 StoreModel* model, std::vector<std::string>* violations);

}  // namespace carillon
