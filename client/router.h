#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "client/node_health.h"
#include "ring/cluster_state.h"

namespace carillon {

// What a request is about, as far as it matters to whom it is sent.
struct Aim {
  enum class Kind : std::uint8_t {
    kAnyNode,  // any node does as well as any other
    kWrite,    // best at the primary of `key`
    kRead,     // best at the first home of `key` that serves reads
  };
  Kind kind = Kind::kAnyNode;
  std::string bucket;
  std::string key;  // a chunk key's text, or ManifestKey()
};

struct Target {
  std::string endpoint;
  // The request's route: the ring it was aimed by. version 0: none, or it is for any node.
  StateVersion version;
  PartitionId partition;
  // It is avoided, and nobody is left who is not.
  bool is_last_resort = false;
};

// Decides which endpoint is asked for what, from the ring as far as it is known and from how the
// endpoints have behaved.
//
// Of a key its homes are asked in the ring's order, those avoided left out; then any other member,
// beginning at a place that depends on the partition; then the seeds. What is for any node goes to
// the members in turn. When all are avoided: the one whose pause ends first. Without a ring, and
// with one of a single member, everything goes to the first seed that is not avoided, and requests
// carry no route.
//
// Pure. One owner at a time. Memory: the ring, and NodeHealth.
class Router {
 public:
  using Ring = std::shared_ptr<const ClusterState>;

  // Requires: `seeds` is not empty.
  explicit Router(std::vector<std::string> seeds);

  // Goes by `ring` from now on and says so, if it is newer and of the same cluster: generation,
  // then version. Requires: every partition has homes, and they are indexes of members.
  bool Adopt(Ring ring);
  // Null: none is known, or it has a single member.
  const Ring& ring() const { return ring_; }
  // Of the newest state known, whatever its members. 0: none is known.
  StateVersion version() const { return newest_ ? newest_->version : StateVersion(); }

  Target Find(const Aim& aim, Instant now) const;
  // The same; and the request is sent.
  Target Pick(const Aim& aim, Instant now);

  // Reads of many keys, by endpoint: places in `keys`, ascending. One request goes to each.
  std::map<std::string, std::vector<std::size_t>> Group(const std::string& bucket,
                                                        const std::vector<std::string>& keys,
                                                        Instant now);
  // The first home of a key to read from that is not in `except`, good ones first.
  // Empty: there is none.
  std::string NextHome(const Aim& aim, const std::vector<std::string>& except, Instant now) const;

  NodeHealth* health() { return &health_; }
  const NodeHealth& health() const { return health_; }

 private:
  PartitionId PartitionFor(const Aim& aim) const;
  std::vector<std::string> HomesOf(const Aim& aim, PartitionId partition) const;
  std::vector<std::string> OthersOf(PartitionId partition) const;
  // The first that is not avoided; empty: none.
  std::string FirstGood(const std::vector<std::string>& endpoints, Instant now) const;
  // Whose pause ends first.
  std::string LastResort(const std::vector<std::string>& endpoints) const;
  Target FindOf(const Aim& aim, PartitionId partition, Instant now) const;
  Target FindAny(Instant now) const;

  const std::vector<std::string> seeds_;
  Ring newest_;
  Ring ring_;
  std::vector<std::string> gateways_;  // members' addresses, from ring_
  std::uint64_t turn_ = 0;             // of requests for any node
  NodeHealth health_;
};

}  // namespace carillon
