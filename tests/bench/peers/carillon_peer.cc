// Carillon itself, through its C++ client: all connections share one client, as they would in one
// program of a user's.
#include <future>

#include "base/checksum.h"
#include "client/client.h"
#include "tests/bench/peers/peer.h"
#include "tests/bench/peers/server_process.h"
#include "tools/carillon/bench/child_node.h"
#include "tools/carillon/bench/local_cluster.h"
#include "tools/carillon/bench/second_load.h"

namespace carillon {
namespace {

constexpr char kBucket[] = "peers";
constexpr std::uint64_t kSecondsBack = 3600;  // second 0 of a group is so long ago
constexpr std::uint64_t kTtlSeconds = 3 * kSecondsBack;

class CarillonConnection final : public PeerConnection {
 public:
  CarillonConnection(Client* client, Epoch first) : client_(client), first_(first) {}

  Status Put(const PeerKey& key, const SharedBytes& value) override {
    return client_->PutChunk(kBucket, KeyOf(key), value).status();
  }

  Status Get(const PeerKey& key, std::string* value) override {
    ASSIGN_OR_RETURN(*value, client_->GetChunk(kBucket, KeyOf(key)));
    return OkStatus();
  }

  Status WriteSecond(const PeerRange& second, const SharedBytes& value) override {
    Commit commit{.bucket = kBucket,
                  .epoch = EpochOf(second.first),
                  .dc = std::string(1, second.group),
                  .chunks = {},
                  .seal = {}};
    const std::uint32_t crc = Crc32c(value.view());
    for (std::uint64_t n = 0; n < second.chunks; ++n) {
      commit.chunks.push_back({.key = KeyOf({second.group, second.first, n}),
                               .events = 1,
                               .raw_bytes = value.size(),
                               .value_bytes = static_cast<std::uint32_t>(value.size()),
                               .value_crc = crc});
    }
    std::promise<Status> ended;
    carillon::WriteSecond(client_, value, std::move(commit),
                          [&ended](const OperationEnd& end) { ended.set_value(end.status); });
    return ended.get_future().get();
  }

  StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) override {
    const auto stream = client_->ReadRange(
        {.bucket = kBucket,
         .range = {.first = EpochOf(range.first), .limit = EpochOf(range.first + range.count)},
         .filter = {.dc = std::string(1, range.group), .cell = "", .type = "", .subtype = {}}});
    std::uint64_t bytes = 0;
    while (true) {
      ASSIGN_OR_RETURN(const auto item, stream->Next());
      if (!item) return bytes;
      RETURN_IF_ERROR(item->status);
      if (item->chunk) bytes += item->value.size();
    }
  }

 private:
  Epoch EpochOf(std::uint64_t second) const { return Epoch(first_.value() + second); }
  ChunkKey KeyOf(const PeerKey& key) const {
    return {.epoch = EpochOf(key.second),
            .dc = std::string(1, key.group),
            .cell = "bench",
            .type = "BENCH",
            .subtype = "",
            .number = key.number};
  }

  Client* const client_;
  const Epoch first_;
};

class CarillonPeer final : public Peer {
 public:
  static StatusOr<std::unique_ptr<Peer>> Start(std::size_t nodes, const std::string& directory) {
    auto peer = std::make_unique<CarillonPeer>();
    ASSIGN_OR_RETURN(peer->cluster_, LocalCluster::Start(nodes, directory));
    ASSIGN_OR_RETURN(peer->client_, Client::Connect({.endpoints = peer->cluster_->endpoints()}));
    BucketChange properties;
    properties.n_val = static_cast<std::uint32_t>(nodes);
    properties.ttl_seconds = kTtlSeconds;
    properties.sync = SyncMode::kAlways;
    RETURN_IF_ERROR(peer->client_->CreateBucket(kBucket, properties).status());
    peer->first_ = Epoch(WallSeconds(SystemClock().WallNow()) - kSecondsBack);
    peer->description_ = {
        .name = nodes == 1 ? "carillon" : fmt::format("carillon x {}", nodes),
        .version = FirstLineOf(ProgramDirectory() + "/carillond --version"),
        .settings = nodes == 1 ? "one node, n_val 1, sync always"
                               : fmt::format("{0} nodes, n_val {0}, w {1}, sync always; nothing "
                                             "beside it here keeps more than one copy",
                                             nodes, nodes / 2 + 1)};
    return peer;
  }

  const PeerDescription& description() const override { return description_; }
  StatusOr<std::unique_ptr<PeerConnection>> Connect() override {
    return std::make_unique<CarillonConnection>(client_.get(), first_);
  }

 private:
  PeerDescription description_;
  std::unique_ptr<LocalCluster> cluster_;
  std::unique_ptr<Client> client_;  // goes before the nodes
  Epoch first_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> StartCarillon(const std::string& directory) {
  return CarillonPeer::Start(1, directory);
}

StatusOr<std::unique_ptr<Peer>> StartCarillonThree(const std::string& directory) {
  return CarillonPeer::Start(3, directory);
}

const std::vector<PeerKind>& AllPeers() {
  static const std::vector<PeerKind> kAll = {
      {"carillon", StartCarillon}, {"carillon3", StartCarillonThree},
      {"redis", StartRedis},       {"postgresql", StartPostgres},
      {"nats", StartNats},         {"nginx", StartNginx}};
  return kAll;
}

}  // namespace carillon
