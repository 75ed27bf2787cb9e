#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bucket.h"
#include "base/bytes.h"
#include "base/chunk_info.h"
#include "base/chunk_key.h"
#include "base/claim.h"
#include "base/clock.h"
#include "base/status.h"
#include "client/retry.h"

// The C++ client of a Carillon cluster: chunks and seconds in, ranges out.
//
//   ASSIGN_OR_RETURN(auto client, Client::Connect({.endpoints = {"127.0.0.1:7480"}}));
//   RETURN_IF_ERROR(client->PutChunk("events", key, value).status());
//   RETURN_IF_ERROR(client->CommitSecond(commit).status());
//
// For events rather than chunks use SecondWriter; to read a range, RangeStream.
namespace carillon {

inline constexpr char kDefaultEndpoint[] = "127.0.0.1:7480";

struct ClientOptions {
  std::vector<std::string> endpoints = {kDefaultEndpoint};  // HOST:PORT each; tried in turn
  Duration timeout = std::chrono::seconds(30);              // of one call, retries included
  Duration attempt_timeout = std::chrono::seconds(10);      // of one attempt
  RetryPolicy retry;
  // Learn the ring from any endpoint, ask nodes for what they have themselves, follow changes.
  // false: everything goes to the endpoints, which pass it on.
  bool ring_aware = true;
};

// What a client did since it was made.
struct ClientCounters {
  std::map<std::string, std::uint64_t> requests;  // attempts, by endpoint
  std::uint64_t retries = 0;                      // attempts after the first of a call
  std::uint64_t reroutes = 0;                     // of them, to another endpoint or by a newer ring
  std::uint64_t bytes_received = 0;               // of answers, as messages
  std::uint64_t ring_fetches = 0;
};

// "HOST:PORT[,HOST:PORT...]". INVALID_ARGUMENT: empty, or a part without a port.
StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view text);

struct Filter {  // empty: everything
  std::string dc;
  std::string cell;
  std::string type;
  std::optional<std::string> subtype;  // the empty subtype can be asked for
};

struct PutReply {
  bool already_stored = false;
  std::uint32_t replicas_written = 0;
  std::uint64_t bytes_between_nodes = 0;
};

struct ListQuery {
  std::string bucket = "events";
  EpochRange range;
  Filter filter;
  std::uint32_t max_chunks = 0;  // 0: 10,000
  // When too few homes can be asked: what there is, instead of UNAVAILABLE.
  bool allow_partial = false;
};
struct SecondsPage {
  std::vector<Second> seconds;     // by epoch, then dc
  std::optional<Epoch> next_from;  // nullopt: nothing more in the range
  // Too few homes could be asked: acknowledged commits may be missing; no second is complete.
  bool partial = false;
};

struct RangeQuery {
  std::string bucket = "events";
  EpochRange range;
  Filter filter;
  std::uint64_t max_events = 0;  // stop after the second that reaches it; 0: no limit
  bool allow_partial = false;    // as of ListQuery; no second is complete then
};

// One item of a range read: a chunk, or the end of a second.
struct RangeItem {
  std::optional<ChunkInfo> chunk;
  Status status;  // of a chunk that is listed but could not be read; value is empty then
  Bytes value;    // its CRC has been checked
  Epoch epoch;    // with the end of a second
  std::string dc;
  bool complete = false;
};

// A range as a stream, in epoch order. Memory: 16 MiB of chunks and two pages of manifests at most,
// however long the range: nodes stop sending when nobody calls Next. A stream that breaks goes on
// where it was: nothing is left out and nothing comes twice. ClientOptions::timeout and the
// attempts count from the last message; a node that sends nothing for that long is given up.
// Threads: one caller at a time; Next waits.
class RangeStream {
 public:
  virtual ~RangeStream() = default;  // ends the call if it has not ended
  // The next item; nullopt at the end. After an error: the same error again.
  virtual StatusOr<std::optional<RangeItem>> Next() = 0;
};

struct NamedBucket {
  std::string name;
  BucketProperties properties;
};

// Threads: any, at once. Every call is retried as its RetryPolicy says (all are idempotent) and
// ends within ClientOptions::timeout with DEADLINE_EXCEEDED if not before.
class Client {
 public:
  // Connects lazily: UNAVAILABLE comes with the first call. INVALID_ARGUMENT: a bad endpoint.
  static StatusOr<std::unique_ptr<Client>> Connect(ClientOptions options);
  virtual ~Client() = default;  // waits for calls under way; its RangeStreams must be gone

  // Stores one chunk; sends the value's CRC32C along. OK when w homes have it on disk.
  // ALREADY_EXISTS: the key holds other bytes.
  virtual StatusOr<PutReply> PutChunk(const std::string& bucket, const ChunkKey& key,
                                      SharedBytes value) = 0;
  // The same; `done` is called once, on a thread of the client's, and must not block.
  virtual void PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                             std::function<void(StatusOr<PutReply>)> done) = 0;

  // Makes stored chunks visible, all together.
  // FAILED_PRECONDITION: a chunk is not stored.
  virtual Status CommitSecond(const Commit& commit) = 0;
  virtual void CommitSecondAsync(const Commit& commit, std::function<void(Status)> done) = 0;

  // Claims ids for an owner: one verdict an id, in the order of `order.ids`. Asking again for the
  // same owner is safe, whatever became of the first time. INVALID_ARGUMENT: Validate(order).
  // NOT_FOUND: no such bucket. Any other error: nothing is known, the ids may be claimed or not.
  virtual StatusOr<std::vector<ClaimVerdict>> Claim(const ClaimOrder& order) = 0;
  // The same, with retries, within `timeout`, or ClientOptions::timeout if that is shorter; `done`
  // is called once, on a thread of the client's (on this one for a bad order), and must not block.
  virtual void ClaimAsync(const ClaimOrder& order, Duration timeout,
                          std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) = 0;

  virtual StatusOr<SecondsPage> ListSeconds(const ListQuery& query) = 0;

  // One value, its CRC checked. NOT_FOUND: no such chunk. DATA_LOSS: damaged.
  virtual StatusOr<Bytes> GetChunk(const std::string& bucket, const ChunkKey& key) = 0;
  // Many, in one call: `each` sees every key in order, with its value or its error.
  // Returns the first error of the call itself. At most 10,000 keys.
  virtual Status GetChunks(const std::string& bucket, const std::vector<ChunkKey>& keys,
                           const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) = 0;

  virtual std::unique_ptr<RangeStream> ReadRange(const RangeQuery& query) = 0;

  virtual StatusOr<std::vector<NamedBucket>> ListBuckets() = 0;
  virtual StatusOr<NamedBucket> CreateBucket(const std::string& name,
                                             const BucketChange& properties) = 0;
  virtual StatusOr<NamedBucket> SetBucket(const std::string& name, const BucketChange& change) = 0;

  virtual ClientCounters counters() const = 0;
};

}  // namespace carillon
