#include "server/shell/server_core.h"

#include "base/log.h"
#include "storage/data_directory.h"

namespace carillon {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(5);

// Whose the data directories are; a new identity when all are new.
StatusOr<StoreIdentity> FindIdentity(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    ASSIGN_OR_RETURN(const auto identity, ReadIdentity(MachineFileSystem(), directory));
    if (identity) return *identity;
  }
  return StoreIdentity{.cluster = RandomUuid(), .node = RandomUuid()};
}

StatusOr<ClusterState> LoadOrFoundState(StateFile* file, const StoreIdentity& identity,
                                        const ServerCoreOptions& options) {
  ASSIGN_OR_RETURN(auto state, file->Load());
  if (!state) {
    state = FirstState(identity.cluster,
                       {.node = NodeId(identity.node), .name = options.name, .address = {}},
                       options.partition_bits);
    RETURN_IF_ERROR(Validate(*state));
    RETURN_IF_ERROR(file->Save(*state));
  }
  if (state->cluster != identity.cluster) {
    return FailedPrecondition("the cluster state is of cluster {}, the data of {}", state->cluster,
                              identity.cluster);
  }
  return *std::move(state);
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
  metrics->AddGauge("cluster_state_version", "Version of the cluster state of this node.",
                    [node] { return static_cast<double>(node->state().version.value()); });
}

}  // namespace

StatusOr<std::unique_ptr<ServerCore>> ServerCore::Open(ServerCoreOptions options) {
  if (options.directories.empty()) return InvalidArgument("a node needs a data directory");
  ASSIGN_OR_RETURN(const StoreIdentity identity, FindIdentity(options.directories));
  auto core = std::unique_ptr<ServerCore>(new ServerCore());
  core->self_ = NodeId(identity.node);
  core->indexes_ = NewRocksdbFactory(options.index);
  FileSystem* files = MachineFileSystem();
  core->state_file_ = std::make_unique<StateFile>(files, StateDirectory(options.directories));
  StoreOptions store = options.store;
  store.files = files;
  store.indexes = core->indexes_.get();
  store.clock = &SystemClock();
  store.directories = options.directories;
  store.identity = identity;
  store.random_seed = RandomSeed();
  ASSIGN_OR_RETURN(const auto earlier, core->state_file_->Load());
  store.partition_bits = earlier ? earlier->partition_bits : options.partition_bits;
  ASSIGN_OR_RETURN(core->store_, Store::Open(store));
  ASSIGN_OR_RETURN(ClusterState state,
                   LoadOrFoundState(core->state_file_.get(), identity, options));
  ASSIGN_OR_RETURN(std::vector<HeardSeal> seals, LoadSeals(*core->store_));
  core->threads_ = std::make_unique<StoreThreads>(core->store_.get(), options.threads);
  options.node.self = core->self_;
  core->node_ = std::make_unique<NodeLoop>(
      Node(options.node, std::move(state), std::move(seals)), core->threads_.get(), &SystemClock(),
      [file = core->state_file_.get()](const ClusterState& next) { return file->Save(next); });
  RegisterNumbers(&core->metrics_, core->store_.get(), core->node_.get());
  return core;
}

ServerCore::~ServerCore() {
  (void)Stop();
}  // errors were logged

Status ServerCore::Readiness() const {
  if (stopping_) return Unavailable("stopping");
  const StoreStats stats = store_->stats();
  if (stats.failed) return Unavailable("a disk failed and is read-only");
  return OkStatus();
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
