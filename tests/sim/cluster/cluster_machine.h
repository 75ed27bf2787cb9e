#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "server/node/effects.h"
#include "server/node/input.h"
#include "server/node/ring_control.h"
#include "storage/store.h"
#include "tests/sim/cluster/event_queue.h"
#include "tests/sim/support/simulated_file_system.h"
#include "tests/sim/support/simulated_key_value.h"

namespace carillon {

// The wall clock of one machine: the world's, off by so much.
class MachineClock final : public Clock {
 public:
  explicit MachineClock(const EventQueue* events) : events_(events) {}
  Instant Now() const override {
    return Instant(std::chrono::microseconds(events_->now()) + kBegin);
  }
  WallTime WallNow() const override {
    return WallTime(kWallBegin + std::chrono::microseconds(events_->now()) + offset);
  }

  static constexpr Duration kBegin = std::chrono::seconds(1'000);
  static constexpr std::chrono::seconds kWallBegin{1'700'000'000};
  Duration offset{};

 private:
  const EventQueue* events_;
};

// A machine's disk: the store on it, and what the node saved of the ring.
struct ClusterMachine {
  ClusterMachine(const EventQueue* events, const StoreIdentity& identity, std::uint64_t seed)
      : clock(events), identity(identity), seed(seed) {}

  Status Open();
  // The process ends; with it, what was not synced, in some manner.
  void Crash(CrashManner manner, Random* random);

  // What the store says to an effect that reads; for writes see ToWrite.
  DigestsDone Read(const ListDigests& effect) const;
  EntriesDone Read(const ListEntries& effect) const;
  ClaimsListed Read(const ListClaims& effect) const;
  HeldDone Read(const ListHeld& effect) const;
  MeasuredDone Read(const MeasureHeld& effect) const;
  StatDone Read(const StatChunks& effect) const;
  ReadDone Read(const ReadChunk& effect) const;
  ScanDone Read(const ScanSeconds& effect) const;

  std::vector<HeardSeal> Seals() const;
  // Everything of a partition, chunks and lines.
  std::vector<SyncEntry> AllOf(PartitionId partition) const;

  MachineClock clock;
  StoreIdentity identity;
  std::uint64_t seed;
  SimulatedFileSystem files;
  SimulatedKeyValueFactory indexes{&files};
  std::unique_ptr<Store> store;  // null: not running
  SavedRing saved;               // state null: knows no cluster yet
  std::uint64_t boots = 0;
  bool sync_failed = false;
};

WriteRequest ToWrite(StoreChunk effect);
WriteRequest ToWrite(StoreCommit effect);

}  // namespace carillon
