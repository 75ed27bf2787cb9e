#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "client/client.h"

namespace carillon {

struct SecondWriterOptions {
  std::string bucket = "events";
  std::string dc = "1";
  std::string cell = "cell0";
  std::size_t max_chunk_bytes = 512'000;       // no more than the bucket's
  std::size_t max_buffered_bytes = 64u << 20;  // of events in open seconds; then the oldest closes
  std::size_t max_open_seconds = 4096;         // likewise
  std::size_t max_in_flight = 64;              // chunks and commits on their way; then Add waits
  std::uint64_t writer = 0;                    // the writer's number, 31 bits; 0: chosen at random
  // Small chunks of one type are encoded with a dictionary, once one is found, or trained and
  // stored.
  bool dictionaries = true;
};

struct SecondWriterStats {
  std::uint64_t events = 0;        // taken by Add
  std::uint64_t raw_bytes = 0;     // of them
  std::uint64_t chunks = 0;        // stored
  std::uint64_t value_bytes = 0;   // of them
  std::uint64_t seconds = 0;       // commits acknowledged
  std::uint64_t dictionaries = 0;  // in use now
};

// Turns events into chunks, chunks into committed seconds: events of one (epoch, type, subtype) are
// packed into chunks (NDJSON, zstd level 1) of at most max_chunk_bytes; a second's chunks are put
// in parallel, and its commit is sent when all of them are acknowledged. An event may come for any
// epoch in any order: a second that was closed before is simply committed once more with new
// chunks.
//
// After the first failure (of a put or a commit, retries exhausted) the writer is broken: Add and
// Finish return that error. What was committed stays committed.
//
// A dictionary that cannot be stored, or is not worth it, is done without (DictionaryMaker).
//
// A chunk whose number turns out to be somebody else's is put again under a new one of a writer
// chosen at random. Compression runs on one or two threads of the writer's own.
//
// Threads: one caller at a time. `client` must outlive the writer. Cost of Add: about 0.2 us.
class SecondWriter {
 public:
  // Requires: max_chunk_bytes 1..8 MiB, max_in_flight > 0, writer of 31 bits.
  static std::unique_ptr<SecondWriter> Create(Client* client, SecondWriterOptions options);
  virtual ~SecondWriter() = default;  // waits for what is in flight; commits nothing more

  // Adds one event: a JSON object as one line, stored as it is. Waits while too much is in flight.
  // INVALID_ARGUMENT: a bad type or subtype, a newline in the event; RESOURCE_EXHAUSTED: the event
  // alone is larger than a chunk; FAILED_PRECONDITION: its second was sealed. Only this event is
  // refused then.
  virtual Status Add(Epoch epoch, std::string_view type, std::string_view subtype,
                     std::string_view event) = 0;

  // Closes the second `epoch`: it is committed as soon as its chunks are stored. With `seal`,
  // closes all before it too, and seals it when every one of them is committed: nothing of it or
  // before can follow. Returns when its chunks are on their way; Finish says how it ended.
  virtual Status CommitSecond(Epoch epoch, bool seal) = 0;

  // Commits everything that is open and waits until all of it is acknowledged. Events may follow.
  virtual Status Finish() = 0;

  // Acknowledged so far; from any thread.
  virtual SecondWriterStats stats() const = 0;
};

}  // namespace carillon
