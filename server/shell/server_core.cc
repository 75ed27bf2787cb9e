#include "server/shell/server_core.h"

#include "base/log.h"
#include "server/node/node_view.h"
#include "storage/data_directory.h"

namespace carillon {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(5);

// A node as it comes up: whose its data are, and what it knows of the ring.
struct Identity {
  StoreIdentity store;
  std::optional<SavedRing> joined;  // of a new node: what it was let in with
};

Member MemberOf(const Uuid& node, const ServerCoreOptions& options) {
  return {
      .node = NodeId(node), .name = options.name, .address = options.address, .rack = options.rack};
}

// Whose the data directories are. When all are new: a member of the cluster that it may join, or
// the founder of a new one.
StatusOr<Identity> FindIdentity(const ServerCoreOptions& options) {
  for (const std::string& directory : options.directories) {
    ASSIGN_OR_RETURN(const auto identity, ReadIdentity(MachineFileSystem(), directory));
    if (identity) return Identity{.store = *identity, .joined = {}};
  }
  Identity identity{.store = {.cluster = RandomUuid(), .node = RandomUuid()}, .joined = {}};
  if (!options.join) return identity;
  ASSIGN_OR_RETURN(SharedState state, options.join(MemberOf(identity.store.node, options)));
  identity.store.cluster = state->cluster;
  identity.joined = SavedRing{.state = std::move(state)};
  return identity;
}

StatusOr<SavedRing> LoadOrFoundRing(RingFiles* files, const Identity& identity,
                                    const ServerCoreOptions& options) {
  ASSIGN_OR_RETURN(auto saved, files->Load());
  if (!saved) {
    saved = identity.joined;
    if (!saved) {
      ClusterState state = FirstState(
          identity.store.cluster, MemberOf(identity.store.node, options), options.partition_bits);
      RETURN_IF_ERROR(Validate(state));
      LogWarning(
          "founded a new cluster {} of {} partitions, with this node alone: its data directory was "
          "empty and no member to join was named (--join)",
          state.cluster, state.partitions());
      saved = SavedRing{.state = Share(std::move(state))};
    }
    RETURN_IF_ERROR(files->Save(saved->state));
  }
  if (saved->state->cluster != identity.store.cluster) {
    return FailedPrecondition("the cluster state is of cluster {}, the data of {}",
                              saved->state->cluster, identity.store.cluster);
  }
  return *std::move(saved);
}

StatusOr<std::vector<HeardSeal>> LoadSeals(const Store& store) {
  ASSIGN_OR_RETURN(const auto stored, store.Seals());
  std::vector<HeardSeal> seals;
  for (const WriterSeal& seal : stored) {
    seals.push_back({.bucket = seal.bucket,
                     .dc = seal.dc,
                     .seal = {.writer = seal.writer, .epoch = seal.sealed},
                     .heard_at = seal.heard_at});
  }
  return seals;
}

// The directory that holds the cluster state: wherever it is, so that the order of directories does
// not matter; the first, for a new node.
std::string StateDirectory(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    for (const char* slot : {"/cluster-state.0", "/cluster-state.1"}) {
      if (MachineFileSystem()->Exists(directory + slot)) return directory;
    }
  }
  return directories.front();
}

struct StoreNumber {
  const char* name;
  const char* help;
  bool counter;
  double (*read)(const StoreStats&);
};

constexpr StoreNumber kStoreNumbers[] = {
    {"segments", "Segment files on disk.", false,
     [](const StoreStats& s) { return static_cast<double>(s.segments); }},
    {"segment_bytes", "Bytes of segment files, space allocated ahead included.", false,
     [](const StoreStats& s) { return static_cast<double>(s.segment_bytes); }},
    {"segments_missing", "Segments the index knows and the disk does not have.", false,
     [](const StoreStats& s) { return static_cast<double>(s.segments_missing); }},
    {"records_quarantined", "Damaged records that are not served.", false,
     [](const StoreStats& s) { return static_cast<double>(s.records_quarantined); }},
    {"records_repaired_total", "Damaged records that were written anew.", true,
     [](const StoreStats& s) { return static_cast<double>(s.records_repaired); }},
    {"punched_bytes_total", "Bytes given back by dropping partitions.", true,
     [](const StoreStats& s) { return static_cast<double>(s.punched_bytes); }},
    {"records_recovered", "Records replayed from the log at the last start.", false,
     [](const StoreStats& s) { return static_cast<double>(s.records_recovered); }},
    {"index_rebuilds_total", "Times an index was rebuilt from the segments.", true,
     [](const StoreStats& s) { return static_cast<double>(s.index_rebuilds); }},
    {"segments_expired_total", "Segments removed because their ttl had passed.", true,
     [](const StoreStats& s) { return static_cast<double>(s.segments_expired); }},
    {"segments_dropped_for_space_total", "Segments removed before their ttl, for space.", true,
     [](const StoreStats& s) { return static_cast<double>(s.segments_dropped_for_space); }},
    {"commit_batches_total", "Group commits.", true,
     [](const StoreStats& s) { return static_cast<double>(s.batches); }},
    {"log_syncs_total", "fdatasync calls on the log for writes.", true,
     [](const StoreStats& s) { return static_cast<double>(s.syncs); }},
    {"log_appended_bytes_total", "Bytes of records appended to the log.", true,
     [](const StoreStats& s) { return static_cast<double>(s.appended_bytes); }},
    {"disk_full", "1 while new data is refused because a disk is full.", false,
     [](const StoreStats& s) { return s.disk_full ? 1.0 : 0.0; }},
    {"disk_failed", "1 when a disk failed and is read-only.", false,
     [](const StoreStats& s) { return s.failed ? 1.0 : 0.0; }},
};

void RegisterIdentityNumbers(Metrics* metrics, const NodeLoop* node) {
  metrics->AddGauge("duplicate_members",
                    "Members as which two processes were seen to run, in the last minute.", [node] {
                      std::size_t duplicates = 0;
                      node->Look([&duplicates](const Node& it) {
                        const ClusterView view = ViewOf(it, SystemClock().Now(), 0);
                        for (const MemberHealth& health : view.health) {
                          duplicates += health.duplicate ? 1 : 0;
                        }
                      });
                      return static_cast<double>(duplicates);
                    });
  metrics->AddGauge("identity_refused",
                    "1 while this process must not act as its node: its data directory is a copy.",
                    [node] {
                      bool refused = false;
                      node->Look([&refused](const Node& it) { refused = it.ring().refused(); });
                      return refused ? 1.0 : 0.0;
                    });
}

void RegisterNumbers(Metrics* metrics, const Store* store, const NodeLoop* node) {
  for (const StoreNumber& number : kStoreNumbers) {
    const auto read = [store, number] { return number.read(store->stats()); };
    if (number.counter) {
      metrics->AddCounter(number.name, number.help, read);
    } else {
      metrics->AddGauge(number.name, number.help, read);
    }
  }
  metrics->AddGauge("requests_in_flight", "Requests the node is working on.",
                    [node] { return static_cast<double>(node->counters().in_flight); });
  metrics->AddCounter("requests_refused_busy_total",
                      "Requests refused because too much was under way, or over a quota.",
                      [node] { return static_cast<double>(node->counters().refused_busy); });
  metrics->AddCounter("peer_requests_stale_total",
                      "Requests of other nodes refused because they were made under an older ring.",
                      [node] { return static_cast<double>(node->counters().stale_requests); });
  metrics->AddCounter("syncs_total", "Pulls of partitions from other nodes that ended.",
                      [node] { return static_cast<double>(node->counters().syncs); });
  metrics->AddCounter("sync_chunks_total", "Chunks that pulls brought to this node.",
                      [node] { return static_cast<double>(node->counters().sync_chunks); });
  metrics->AddCounter("sync_bytes_total", "Bytes of chunks that pulls brought to this node.",
                      [node] { return static_cast<double>(node->counters().sync_bytes); });
  metrics->AddCounter("claims_mine_total", "Ids claimed through this node that the owner has.",
                      [node] { return static_cast<double>(node->counters().claims.mine); });
  metrics->AddCounter("claims_taken_total", "Ids claimed through this node that another owner has.",
                      [node] { return static_cast<double>(node->counters().claims.taken); });
  metrics->AddCounter("claims_undecided_total",
                      "Ids claimed through this node of which nobody could say who has them.",
                      [node] { return static_cast<double>(node->counters().claims.undecided); });
  metrics->AddCounter("sync_claims_total", "Claims that pulls brought to this node.",
                      [node] { return static_cast<double>(node->counters().sync_claims); });
  metrics->AddCounter("handoffs_total", "Foreign partitions this node gave away and dropped.",
                      [node] { return static_cast<double>(node->counters().handoffs); });
  metrics->AddGauge("cluster_state_version", "Version of the cluster state of this node.",
                    [node] { return static_cast<double>(node->state()->version.value()); });
  RegisterIdentityNumbers(metrics, node);
}

}  // namespace

StatusOr<std::unique_ptr<ServerCore>> ServerCore::Open(ServerCoreOptions options) {
  if (options.directories.empty()) return InvalidArgument("a node needs a data directory");
  ASSIGN_OR_RETURN(const Identity identity, FindIdentity(options));
  auto core = std::unique_ptr<ServerCore>(new ServerCore());
  core->metrics_ = options.metrics ? options.metrics : std::make_shared<Metrics>();
  core->self_ = NodeId(identity.store.node);
  core->indexes_ = NewRocksdbFactory(options.index);
  FileSystem* files = MachineFileSystem();
  core->ring_files_ = std::make_unique<RingFiles>(files, StateDirectory(options.directories));
  StoreOptions store = options.store;
  store.files = files;
  store.indexes = core->indexes_.get();
  store.clock = &SystemClock();
  store.directories = options.directories;
  store.identity = identity.store;
  store.random_seed = RandomSeed();
  ASSIGN_OR_RETURN(const auto earlier, core->ring_files_->Load());
  store.partition_bits = earlier           ? earlier->state->partition_bits
                         : identity.joined ? identity.joined->state->partition_bits
                                           : options.partition_bits;
  ASSIGN_OR_RETURN(core->store_, Store::Open(store));
  ASSIGN_OR_RETURN(SavedRing ring, LoadOrFoundRing(core->ring_files_.get(), identity, options));
  ASSIGN_OR_RETURN(std::vector<HeardSeal> seals, LoadSeals(*core->store_));
  core->threads_ = std::make_unique<StoreThreads>(core->store_.get(), options.threads);
  options.node.self = core->self_;
  options.node.random_seed = RandomSeed();
  options.node.address = options.address;
  const Member* member = ring.state->FindMember(core->self_);
  ASSIGN_OR_RETURN(
      options.node.boot,
      core->ring_files_->BeginLife(RandomSeed(), member == nullptr ? BootId{} : member->life));
  ring.lives.push_back(options.node.boot.id);
  PeerTransport* peers = nullptr;
  if (options.open_peers) {
    ASSIGN_OR_RETURN(peers, options.open_peers(identity.store.cluster));
  }
  const NodeTime now{.now = SystemClock().Now(), .wall = SystemClock().WallNow()};
  core->node_ = std::make_unique<NodeLoop>(
      std::make_unique<Node>(options.node, std::move(ring), std::move(seals), now),
      core->threads_.get(), &SystemClock(),
      [files = core->ring_files_.get()](const auto& what) { return files->Save(what); }, peers);
  RegisterNumbers(core->metrics_.get(), core->store_.get(), core->node_.get());
  return core;
}

StatusOr<SharedState> ServerCore::Prepare(const ServerCoreOptions& options) {
  if (options.directories.empty()) return InvalidArgument("a node needs a data directory");
  FileSystem* files = MachineFileSystem();
  for (const std::string& directory : options.directories) {
    if (!files->Exists(directory)) continue;
    ASSIGN_OR_RETURN(const auto names, files->List(directory));
    if (!names.empty()) return FailedPrecondition("{} is not empty", directory);
  }
  const Identity identity{.store = {.cluster = RandomUuid(), .node = RandomUuid()}, .joined = {}};
  for (const std::string& directory : options.directories) {
    RETURN_IF_ERROR(OpenDataDirectory(files, directory, identity.store, RandomUuid()).status());
  }
  RingFiles ring(files, options.directories.front());
  ASSIGN_OR_RETURN(SavedRing saved, LoadOrFoundRing(&ring, identity, options));
  return std::move(saved.state);
}

ServerCore::~ServerCore() {
  (void)Stop();
}  // errors were logged

Status ServerCore::Readiness() const {
  if (stopping_) return Unavailable("stopping");
  const StoreStats stats = store_->stats();
  if (stats.failed) return Unavailable("a disk failed and is read-only");
  std::string refusal;
  node_->Look([&refusal](const Node& node) { refusal = node.ring().guard().refusal(); });
  return refusal.empty() ? OkStatus() : Unavailable("{}", refusal);
}

Status ServerCore::Stop() {
  if (stopping_.exchange(true) || store_ == nullptr) return OkStatus();
  if (node_ != nullptr) node_->Stop(kStopGrace);
  if (threads_ != nullptr) threads_->Stop();
  const Status closed = store_->Close();
  if (!closed.ok()) LogError("closing the store: {}", ToString(closed));
  return closed;
}

}  // namespace carillon
