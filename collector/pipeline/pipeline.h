#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "client/client.h"
#include "collector/copies/spool_copier.h"
#include "collector/pipeline/deduplicator.h"
#include "collector/pipeline/intake.h"
#include "storage/file_system.h"

namespace carillon {

struct PipelineOptions {
  Client* client = nullptr;  // outlives the pipeline
  std::string directory;     // of the spool, absolute; made when it is not there; ours alone
  std::string dc = "1";      // of the chunks' keys
  std::string cell = "cell0";
  FileSystem* files = MachineFileSystem();
  const Clock* clock = &SystemClock();

  // Intake, outbox, and dead letters together. Requests that would go beyond it are refused; the
  // outbox may pass it by what the accepted ones compress to. At least kMinSpoolBytes.
  std::uint64_t max_spool_bytes = std::uint64_t{8} << 30;
  // A chunk that could not be stored for so long goes to the dead letters, so that what one tenant
  // cannot get rid of does not fill the spool of all.
  Duration max_backlog_age = std::chrono::hours(7 * 24);
  // How long after its end a second stays open, and how long late events gather.
  Duration lateness = std::chrono::seconds(1);
  std::uint32_t stale_percent = 20;       // 1..99: of the bytes sent while live chunks flow
  std::size_t max_chunk_bytes = 512'000;  // no more than the buckets'
  std::size_t max_in_flight = 64;         // puts at once; commits come on top
  // The upper half of chunk numbers, 31 bits. 0: the one in the spool, chosen at random when it was
  // made. Given: whoever gives it says that no other process uses it.
  std::uint64_t writer = 0;
  ClaimLimits claims;
  // Small chunks of one type are encoded with a dictionary, once one is in the ring. Only for a
  // client of the ring: whoever reads the chunks finds it there.
  bool dictionaries = false;
  // A copy of the spool is kept in step at one of these peers, for AckLevel::kReplicated.
  std::optional<CopierOptions> copies;

  // For those who keep in the ids of their events how far they have come. `found` is told by Open
  // of each request that the intake still has; `before_trim` is called, on a thread of the
  // pipeline's, before any of them goes. May be empty.
  std::function<void(const IntakeRequest&)> found;
  std::function<void()> before_trim;
};
inline constexpr std::uint64_t kMinSpoolBytes = std::uint64_t{1} << 20;

// What was taken from one tenant.
struct TenantIntake {
  std::uint64_t requests = 0;
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;    // of their JSON
  std::uint64_t refused = 0;  // requests
};

// Counts since Open; sizes and ages now.
struct PipelineStats {
  TenantIntake accepted;  // of all tenants
  // At most kMaxTenantStats names; those that came later are together under kOtherTenants.
  std::map<std::string, TenantIntake> tenants;

  std::uint64_t intake_bytes = 0;  // on the disk
  std::uint64_t outbox_bytes = 0;
  std::uint64_t dead_letter_bytes = 0;
  std::uint64_t waiting_bytes = 0;    // in memory: taken, and in no batch yet
  std::uint64_t unpacked_events = 0;  // taken, and in no chunk yet, also of an earlier process
  Duration oldest{0};                 // since the oldest chunk that is not committed was made

  std::uint64_t chunks_waiting = 0;  // in the outbox, not committed
  std::uint64_t live_chunks_sent = 0;
  std::uint64_t live_bytes_sent = 0;  // of values, attempts included
  std::uint64_t stale_chunks_sent = 0;
  std::uint64_t stale_bytes_sent = 0;
  std::uint64_t chunks_committed = 0;
  std::uint64_t events_committed = 0;
  std::uint64_t commits = 0;
  std::uint64_t failures = 0;      // puts and commits that did not succeed: tried again
  std::uint64_t renumbered = 0;    // chunks whose number was somebody else's
  std::uint64_t dead_letters = 0;  // chunks given up
  std::uint64_t dead_letter_events = 0;

  std::uint64_t dictionaries = 0;         // in use now
  std::uint64_t dictionary_failures = 0;  // times that the ring did not give or take one
  std::uint64_t dictionary_chunks = 0;    // encoded with one
  std::uint64_t dictionary_events = 0;    // of them

  std::uint64_t requests_watched = 0;  // kept, and answered only when they are stored

  DeduplicatorStats deduplicated;
  std::optional<CopierStats> copies;

  std::uint64_t recovered_requests = 0;  // read from the spool by Open, not all in the outbox yet
  std::uint64_t recovered_chunks = 0;    // not known to be committed
  std::uint64_t damaged = 0;             // stretches of the spool that were unreadable: lost events
  Status failure;                        // not OK: it has stopped and takes nothing more
};

// Between an accepted request and a committed second (docs/design/0006-collector.md): what Keep has
// answered with OK is committed in the store, each event once, whatever is killed when.
//
//   Keep -> intake log, fdatasync -> OK; claims -> batcher -> outbox log, fdatasync -> put, commit
//        -> trimmed
//
// Nothing that was accepted is dropped, but for an event whose id another one has claimed before
// (IntakeRequest::deduplicate_seconds). Chunks are sent for ever, with backoff, until the store
// takes them; one that it refuses for good, or that is older than max_backlog_age, goes to the dead
// letters: a log in the same directory, kept until somebody removes it, at most an eighth of
// max_spool_bytes (beyond it chunks stay in the outbox).
//
// It never seals a second: a late event may come at any time, and its second is then committed once
// more.
//
// With dictionaries: training and the ring's part in it have a thread of their own. While the ring
// is away, chunks are encoded without, or with what is known to be in it.
//
// With a copy: what is on the disk goes on, to claims, the outbox, and the store, only when the
// copy has it too, or there has been none for a while. So whatever the copy is when this disk is
// lost, a pipeline that is opened on it does what this one would have done after a crash.
//
// After a failed fdatasync of a log nothing more is written (PipelineStats::failure): Keep answers
// UNAVAILABLE, and the process should end; the next Open finds out what is on the disk.
//
// Bytes: docs/FORMATS.md, "Spool". Threads: any, at once; five of its own, one more with
// dictionaries, and three for a copy. Memory: about 400 MiB at most, of which 256 MiB wait for the
// disk, verdicts, or the packer; 20 MiB of dictionaries; and about 700 bytes a chunk of the
// backlog.
class Pipeline : public Intake, public ChunkIntake {
 public:
  // Opens the spool, reads what an earlier process left in it, and begins to send that.
  // INVALID_ARGUMENT: an option. FAILED_PRECONDITION: another process holds the spool.
  // UNIMPLEMENTED: a newer format. UNAVAILABLE, RESOURCE_EXHAUSTED: the disk. Damage is no error:
  // it is set aside and counted.
  static StatusOr<std::unique_ptr<Pipeline>> Open(PipelineOptions options);
  // Stops: what is not committed stays in the spool. Waits for the disk, not for the store.
  ~Pipeline() override = default;

  // From now on Keep answers UNAVAILABLE. Closes all open chunks and waits until everything is
  // committed or a dead letter, at most for `grace`.
  // DEADLINE_EXCEEDED: the rest stays in the spool and goes on being sent. Others: the failure that
  // stopped it.
  virtual Status Drain(Duration grace) = 0;

  // Cost: a copy of the tenants' counts under a lock.
  virtual PipelineStats stats() const = 0;
};

}  // namespace carillon
