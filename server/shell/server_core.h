#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "server/shell/metrics.h"
#include "server/shell/node_loop.h"
#include "server/shell/ring_files.h"
#include "server/shell/store_threads.h"
#include "storage/rocksdb_key_value.h"
#include "storage/store.h"

namespace carillon {

struct ServerCoreOptions {
  std::vector<std::string> directories;  // the first of a new node also holds the cluster state
  std::string name = "node1";            // of this node, for people
  std::string rack = kDefaultRack;
  std::string address;  // HOST:PORT at which other nodes reach this one
  // Asks a member of a cluster to let a new node in; null: a new node founds a cluster of its own.
  std::function<StatusOr<SharedState>(const Member& self)> join;
  // Opens the way to other nodes of a cluster; what it returns outlives the node, and is stopped
  // before the core. Null: there are no others.
  std::function<StatusOr<PeerTransport*>(const Uuid& cluster)> open_peers;
  std::shared_ptr<Metrics> metrics;                      // null: the core makes its own
  std::uint32_t partition_bits = kDefaultPartitionBits;  // of a new cluster
  NodeOptions node;  // `self` is filled in from the data directory
  StoreThreads::Options threads;
  RocksdbOptions index;
  StoreOptions store;  // directories, identity, seams are filled in
};

// All of a node but its sockets: store, threads, node. Members are declared in the order they start
// and stop in reverse. Threads: Open and Stop one caller; the rest any.
class ServerCore {
 public:
  // Opens the data directories: formats new ones (and joins or founds a cluster), recovers old
  // ones. The node serves; it begins to gossip with NodeLoop::Start.
  static StatusOr<std::unique_ptr<ServerCore>> Open(ServerCoreOptions options);
  ~ServerCore();  // Stop

  NodeLoop* node() { return node_.get(); }
  const Store& store() const { return *store_; }
  Metrics* metrics() { return metrics_.get(); }
  const NodeId& self() const { return self_; }
  // Makes the data directories of the first node of a new cluster, as Open without `join` would,
  // and opens nothing. FAILED_PRECONDITION: one of them is there and not empty.
  static StatusOr<SharedState> Prepare(const ServerCoreOptions& options);

  // Serving: opened, not stopping, and no disk failed. Otherwise the reason.
  Status Readiness() const;

  // Answers what is under way (5 s at most), syncs, flushes, closes. Writes after it are refused.
  Status Stop();

 private:
  ServerCore() = default;

  NodeId self_;
  std::shared_ptr<Metrics> metrics_;
  std::unique_ptr<KeyValueFactory> indexes_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<RingFiles> ring_files_;
  std::unique_ptr<StoreThreads> threads_;
  std::unique_ptr<NodeLoop> node_;
  std::atomic<bool> stopping_{false};
};

}  // namespace carillon
