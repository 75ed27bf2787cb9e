#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/copies/spool_copier.h"
#include "collector/pipeline/chunk_batcher.h"
#include "collector/pipeline/chunk_numbers.h"
#include "collector/pipeline/commit_watch.h"
#include "collector/pipeline/dead_letters.h"
#include "collector/pipeline/deduplicator.h"
#include "collector/pipeline/intake_log.h"
#include "collector/pipeline/outbox_log.h"
#include "collector/pipeline/sender.h"
#include "crunch/dictionary_maker.h"

namespace carillon {

struct PackerOptions {
  const Clock* clock = nullptr;
  std::string dc;
  std::string cell;
  ChunkBatcherLimits batcher;
  std::optional<DictionaryShelf> dictionaries;  // nullopt: no chunk is encoded with one
};

// What the packer works on. All of it outlives the packer; the outbox, the numbers, and the dead
// letters are its own to write.
struct PackerParts {
  IntakeLog* intake = nullptr;
  OutboxLog* outbox = nullptr;
  ChunkNumbers* numbers = nullptr;
  DeadLetters* dead_letters = nullptr;
  Sender* sender = nullptr;
  Deduplicator* deduplicator = nullptr;
  CommitWatch* watch = nullptr;
  SpoolCopier* copier = nullptr;  // null: chunks are sent as soon as they are on this disk
};

// A chunk that came as one. `done` hears once whether it is on the disk, or, with a `stored_by`,
// whether it is committed by then; that is reserved with the watch. With a `copied_by`: whether a
// copy has it by then; reserved with the copier.
struct ReadyChunk {
  NewChunk chunk;
  std::optional<Instant> stored_by;
  std::optional<Instant> copied_by;
  std::function<void(Status)> done;
};

// What an earlier process left in the intake.
struct IntakeRecovery {
  std::function<Status(const SpoolLog::Visit&)> reader;
  std::vector<CoveredEvent> covered;  // ascending: in the outbox already
};

// The one thread between the logs: durable requests in, chunks on the disk out; and it writes to
// the outbox what the sender has found out. First it reads what an earlier process left: of that,
// too, requests that claim ids go through the deduplicator first, so many at a time.
//
// What is dropped as a duplicate is written with the next chunk, or once a second: never later than
// a chunk with an event of the same group.
//
// Small chunks are encoded with a dictionary once it is in the ring (DictionaryMaker): never waited
// for, and what is in the outbox stays as it is.
//
// When the outbox cannot be written it takes no more requests and tries again every second; after
// a failed fdatasync it stops.
//
// Threads: any, at once.
class Packer {
 public:
  // Told, on the packer's thread, that a request of `tenant` of so many bytes is in the batcher.
  using Packed = std::function<void(std::string_view tenant, std::size_t bytes)>;

  Packer(PackerOptions options, PackerParts parts, IntakeRecovery recovery, Packed packed);
  ~Packer();  // Stop

  void Start();
  void Add(std::vector<KeptRequest> requests);
  // Its number stays. What cannot be written at once is refused (UNAVAILABLE).
  void AddReady(ReadyChunk ready);
  void Handle(SenderRequests requests);

  // Closes all batches as they come from now on, and waits until what came so far is committed or
  // buried, or for `grace`, or until it fails. Nothing may be added meanwhile.
  // DEADLINE_EXCEEDED; or failure().
  Status Drain(Duration grace);
  // After a Drain that was OK: removes what the logs need not keep.
  void TrimAll();
  void Stop();  // leaves open batches: they are in the intake

  Status failure() const;
  std::uint64_t recovered_requests() const { return recovered_requests_; }
  std::uint64_t renumbered() const { return renumbered_; }
  std::uint64_t damaged() const { return damaged_; }
  // Encoded with a dictionary.
  std::uint64_t dictionary_chunks() const { return dictionary_chunks_; }
  std::uint64_t dictionary_events() const { return dictionary_events_; }
  const DictionaryMaker* dictionaries() const { return dictionaries_ ? &*dictionaries_ : nullptr; }

 private:
  struct Round {
    std::vector<KeptRequest> requests;
    std::vector<ReadyChunk> ready;
    SenderRequests sender;
    bool closing = false;
  };

  void Loop();
  std::optional<Round> WaitForRound(Duration wait);
  bool HasWork() const;
  Duration WaitFor() const;
  void RecoverIntake();
  Status RecoverItem(SpoolItem item);
  void RecoverRequest(KeptRequest kept);
  void FindFates(KeptRequest* kept);
  void EndRecoveredGroup();
  Status RunWhileRecovering(std::size_t most_bytes);
  void Run(Round round);
  void HandleSender(SenderRequests requests);
  void Bury(const ChunkToBury& burial);
  StatusOr<WaitingChunk> Renumber(OutboxId id);
  void AddRequest(const KeptRequest& request);
  void AddEvents(const KeptRequest& kept, std::vector<EventsOfChunk>* closed);
  void Pack(std::vector<EventsOfChunk> closed);
  void PackOne(EventsOfChunk events);
  std::vector<EncodedChunk> Encode(const EventsOfChunk& events);
  void TellDictionaryFailures();
  void WritePending(bool also_dropped_alone);
  void WriteReady(std::vector<ReadyChunk> ready);
  void Then(std::function<void()> next);
  void SendWritten(std::span<const NewChunk> chunks, const std::vector<Instant>& commit_at,
                   const std::vector<WaitingChunk>& waiting);
  Status NumberPending();
  void Upkeep();
  void Fail(const Status& status);
  void RefuseReady(const Status& status);
  void RefuseOne(const ReadyChunk& one, const Status& status);
  void AwaitReady(const ReadyChunk& one, OutboxId id);
  BatchTime Time() const;

  const PackerOptions options_;
  const PackerParts parts_;
  IntakeRecovery recovery_;
  const Packed packed_;

  // The thread's own.
  ChunkBatcher batcher_;
  IntakeRequest request_;  // decoded: kept for its memory
  std::vector<NewChunk> pending_;
  std::vector<Instant> pending_commit_at_;     // parallel to pending_
  std::vector<CoveredEvent> dropped_;          // not in the outbox yet
  std::size_t next_covered_ = 0;               // of the recovery's
  std::size_t read_bytes_ = 0;                 // of the intake, since the last round
  std::optional<ClaimOwner> recovered_group_;  // the last one read
  Instant retry_at_{};
  Instant upkeep_at_{};

  std::atomic<std::uint64_t> recovered_requests_{0};
  std::atomic<std::uint64_t> renumbered_{0};
  std::atomic<std::uint64_t> damaged_{0};
  std::atomic<std::uint64_t> dictionary_chunks_{0};
  std::atomic<std::uint64_t> dictionary_events_{0};
  std::optional<DictionaryMaker> dictionaries_;
  std::uint64_t told_failures_ = 0;  // of dictionaries_

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::condition_variable idle_;  // told after each round
  std::deque<KeptRequest> requests_;
  std::vector<ReadyChunk> ready_;
  SenderRequests sender_;
  std::size_t recovering_bytes_ = 0;  // of recovered requests that the deduplicator has
  bool recovered_ = false;
  bool busy_ = false;       // a round is under way
  bool unwritten_ = false;  // it has left events that are in no outbox record
  bool closing_ = false;    // batches are closed at once
  bool trim_all_ = false;   // asked for by TrimAll
  bool stopping_ = false;
  Status failure_;
  std::atomic<bool> failed_{false};  // whether failure_ is set
  std::thread thread_;
};

}  // namespace carillon
