#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "client/chunk_feed.h"
#include "client/client.h"
#include "ring/hash_ring.h"
#include "tests/client/map_server.h"

namespace carillon {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr std::uint32_t kBits = 3;

ChunkKey Key(std::uint64_t epoch, std::uint64_t number) {
  return {Epoch(epoch), "1", "c", "T", "", number};
}

// Three servers; partition p has the homes p and p + 1 (modulo 3). The client knows the last one.
class RingClientTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kServers = 3;

  RingClientTest() {
    SetState(1);
    Connect();
  }

  // `shift`: how far every partition's homes move on.
  v1::GetClusterStateResponse State(std::uint64_t version, std::uint32_t shift) {
    v1::GetClusterStateResponse state;
    state.set_cluster_uuid(ToString(Uuid{{1}}));
    state.set_version(version);
    state.set_partitions(1u << kBits);
    for (std::size_t i = 0; i < kServers; ++i) {
      v1::Member* member = state.add_members();
      member->set_node_uuid(ToString(Uuid{{static_cast<std::uint8_t>(i + 1)}}));
      member->set_address(servers_[i].endpoint());
      member->set_role(v1::MEMBER_ROLE_NORMAL);
    }
    for (std::uint32_t p = 0; p < 1u << kBits; ++p) {
      v1::Partition* partition = state.add_placement();
      partition->add_homes((p + shift) % kServers);
      partition->add_homes((p + shift + 1) % kServers);
      partition->set_phase(v1::PHASE_STABLE);
    }
    v1::Bucket* bucket = state.add_buckets();
    bucket->set_name("events");
    bucket->mutable_properties()->set_n_val(2);
    bucket->mutable_properties()->set_max_chunk_bytes(512'000);
    return state;
  }
  void SetState(std::uint64_t version, std::uint32_t shift = 0) {
    for (MapServer& server : servers_) server.SetState(State(version, shift));
  }

  ClientOptions Options() const {
    return {.endpoints = {servers_.back().endpoint()},
            .retry = {.max_attempts = 5, .first_delay = std::chrono::milliseconds(1)}};
  }
  void Connect() { client_ = *Client::Connect(Options()); }

  static std::size_t HomeOf(std::string_view key, std::size_t place = 0) {
    return (PartitionOf(HashKey("events", key), kBits).value() + place) % kServers;
  }
  static std::size_t HomeOf(const ChunkKey& key, std::size_t place = 0) {
    return HomeOf(ToString(key), place);
  }
  // The first number whose key of epoch 5 has its primary at `server`.
  static ChunkKey KeyAt(std::size_t server) {
    for (std::uint64_t number = 0;; ++number) {
      if (HomeOf(Key(5, number)) == server) return Key(5, number);
    }
  }
  Status Put(const ChunkKey& key, const std::string& value = "value") {
    return client_->PutChunk("events", key, SharedBytes(value)).status();
  }
  bool Has(std::size_t server, const ChunkKey& key) const {
    return servers_[server].values().contains(ToString(key));
  }

  void Commit(std::uint64_t epoch, std::size_t chunks, std::size_t value_bytes = 3) {
    carillon::Commit commit{.bucket = "events", .epoch = Epoch(epoch), .dc = "1"};
    for (std::size_t i = 0; i < chunks; ++i) {
      const std::string value(value_bytes, static_cast<char>('a' + i % 26));
      ASSERT_TRUE(Put(Key(epoch, i), value).ok());
      commit.chunks.push_back({.key = Key(epoch, i),
                               .events = 1,
                               .value_bytes = static_cast<std::uint32_t>(value.size()),
                               .value_crc = Crc32c(value)});
    }
    ASSERT_TRUE(client_->CommitSecond(commit).ok());
  }
  static std::vector<std::string> Read(Client* client, std::uint64_t max_events = 0) {
    std::vector<std::string> items;
    const auto stream = client->ReadRange(
        {.bucket = "events", .range = {Epoch(0), Epoch(100)}, .max_events = max_events});
    while (true) {
      const auto item = stream->Next();
      if (!item.ok()) {
        items.push_back(item.status().ToString());
        return items;
      }
      if (!*item) return items;
      const RangeItem& it = **item;
      const std::string what = it.chunk ? ToString(it.chunk->key) + "=" + it.value : it.dc;
      items.push_back(
          fmt::format("{} {} {}", it.epoch, what, it.chunk ? it.status.ok() : it.complete));
    }
  }
  std::vector<std::string> PlainRead() {
    ClientOptions options = Options();
    options.ring_aware = false;
    return Read(Client::Connect(options)->get());
  }
  std::size_t KeysAsked() const {
    std::size_t keys = 0;
    for (const MapServer& server : servers_) keys += server.keys_asked().size();
    return keys;
  }

  const std::shared_ptr<MapCluster> cluster_ = std::make_shared<MapCluster>();
  std::array<MapServer, kServers> servers_{MapServer(cluster_), MapServer(cluster_),
                                           MapServer(cluster_)};
  std::unique_ptr<Client> client_;
};

TEST_F(RingClientTest, PutsChunksAtTheirPrimaries) {
  for (std::uint64_t number = 0; number < 30; ++number) {
    ASSERT_TRUE(Put(Key(5, number)).ok());
    for (std::size_t server = 0; server < kServers; ++server) {
      EXPECT_EQ(Has(server, Key(5, number)), HomeOf(Key(5, number)) == server);
    }
  }
  EXPECT_EQ(client_->counters().ring_fetches, 1u);
  EXPECT_EQ(client_->counters().retries, 0u);
  EXPECT_THAT(client_->counters().requests, SizeIs(kServers));
}

TEST_F(RingClientTest, CommitsASecondAtThePrimaryOfItsManifest) {
  for (std::uint64_t epoch = 0; epoch < 9; ++epoch) {
    Commit(epoch, 1);
    const MapServer& primary = servers_[HomeOf(ManifestKey(Epoch(epoch), "1"))];
    ASSERT_THAT(primary.commits(), Not(IsEmpty()));
    EXPECT_EQ(primary.commits().back().epoch(), epoch);
    EXPECT_EQ(primary.commits().back().route().state_version(), 1u);
  }
}

TEST_F(RingClientTest, FollowsANewerVersionWhenItsRouteIsRefused) {
  ASSERT_TRUE(Put(KeyAt(0)).ok());
  SetState(2, 1);
  const ChunkKey key = KeyAt(1);  // of version 1: the second server's; of 2: the third's
  ASSERT_TRUE(Put(key).ok());
  EXPECT_TRUE(Has(2, key));
  EXPECT_FALSE(Has(1, key));
}

TEST_F(RingClientTest, FollowsANewerVersionThatAnAnswerNames) {
  ASSERT_TRUE(Put(KeyAt(0)).ok());
  SetState(2, 1);
  ASSERT_TRUE(client_->ListSeconds({.range = {Epoch(0), Epoch(9)}}).ok());
  while (client_->counters().ring_fetches < 2) {
    ASSERT_TRUE(client_->ListSeconds({.range = {Epoch(0), Epoch(9)}}).ok());
  }
  const ChunkKey key = KeyAt(1);
  ASSERT_TRUE(Put(key).ok());
  EXPECT_TRUE(Has(2, key));
}

TEST_F(RingClientTest, SaysThatACommitNamesAnUnstoredChunk) {
  carillon::Commit commit{.bucket = "events", .epoch = Epoch(5), .dc = "1"};
  commit.chunks.push_back({.key = Key(5, 0), .value_bytes = 1});
  EXPECT_EQ(client_->CommitSecond(commit).code(), StatusCode::kFailedPrecondition);
}

TEST_F(RingClientTest, PassesByADeadPrimaryAtOnce) {
  ASSERT_TRUE(Put(KeyAt(0), "first").ok());
  servers_[0].Stop();
  for (std::uint64_t number = 0; number < 30; ++number) {
    ASSERT_TRUE(Put(Key(6, number)).ok());
    const bool was_dead = HomeOf(Key(6, number)) == 0;
    EXPECT_TRUE(Has(was_dead ? 1 : HomeOf(Key(6, number)), Key(6, number)));
  }
  EXPECT_GE(client_->counters().reroutes, 1u);
}

TEST_F(RingClientTest, ConnectsThroughTheEndpointThatLives) {
  ClientOptions options = Options();
  options.endpoints = {servers_[0].endpoint(), servers_[1].endpoint()};
  servers_[0].Stop();
  client_ = *Client::Connect(options);
  ASSERT_TRUE(Put(KeyAt(2)).ok());
  EXPECT_TRUE(Has(2, KeyAt(2)));
}

TEST_F(RingClientTest, PassesByANodeThatDoesNotAnswer) {
  ClientOptions options = Options();
  options.attempt_timeout = std::chrono::milliseconds(50);
  client_ = *Client::Connect(options);
  servers_[0].HoldPuts();
  ASSERT_TRUE(Put(KeyAt(0)).ok());
  EXPECT_TRUE(Has(1, KeyAt(0)));
  servers_[1].Preload(KeyAt(0), "value");
  servers_[0].HoldGets();
  const auto value = client_->GetChunk("events", KeyAt(0));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "value");
  servers_[0].Release();
}

TEST_F(RingClientTest, DoesNotWaitAnAttemptsTimeForANodeThatIsSilentWhileOthersAnswer) {
  ClientOptions options = Options();
  options.attempt_timeout = options.timeout = std::chrono::seconds(5);
  client_ = *Client::Connect(options);
  const std::string large(20'000, 'x');  // small ones go in batches first
  ASSERT_TRUE(Put(KeyAt(1), large).ok());
  servers_[0].HoldPuts();
  EXPECT_TRUE(Put(KeyAt(0), large).ok());
  EXPECT_TRUE(Has(1, KeyAt(0)));
  servers_[0].Release();
}

TEST_F(RingClientTest, GetsManyChunksFromTheirPrimariesInTheOrderOfTheKeys) {
  std::vector<ChunkKey> keys;
  for (std::uint64_t number = 0; number < 300; ++number) {
    keys.push_back(Key(5, number));
    servers_[HomeOf(keys.back())].Preload(keys.back(), std::to_string(number));
  }
  std::vector<ChunkKey> answered;
  ASSERT_TRUE(client_
                  ->GetChunks("events", keys,
                              [&](const ChunkKey& key, const StatusOr<Bytes>& value) {
                                answered.push_back(key);
                                EXPECT_EQ(value.ok() ? *value : "", std::to_string(key.number));
                              })
                  .ok());
  EXPECT_EQ(answered, keys);
  for (std::size_t server = 0; server < kServers; ++server) {
    for (const std::string& key : servers_[server].keys_asked()) EXPECT_EQ(HomeOf(key), server);
  }
}

TEST_F(RingClientTest, AsksTheNextHomeForWhatThePrimaryMisses) {
  servers_[1].Preload(KeyAt(0), "value");
  const auto value = client_->GetChunk("events", KeyAt(0));
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(*value, "value");
  EXPECT_EQ(client_->GetChunk("events", KeyAt(1)).status().code(), StatusCode::kNotFound);
}

TEST_F(RingClientTest, AsksTheNextHomeForWhatComesDamaged) {
  for (const std::size_t server : {0, 1}) servers_[server].Preload(KeyAt(0), "value");
  servers_[0].DamageValues();
  EXPECT_TRUE(client_->GetChunk("events", KeyAt(0)).ok());
  servers_[1].DamageValues();
  EXPECT_EQ(client_->GetChunk("events", KeyAt(0)).status().code(), StatusCode::kDataLoss);
}

TEST_F(RingClientTest, GoesOnAtOtherHomesWhenStreamsBreak) {
  std::vector<ChunkKey> keys;
  for (std::uint64_t number = 0; number < 60; ++number) {
    keys.push_back(Key(5, number));
    for (MapServer& server : servers_) server.Preload(keys.back(), std::to_string(number));
  }
  servers_[0].BreakStreamsAfter({3, 0});
  servers_[1].BreakStreamsAfter({5});
  std::vector<ChunkKey> answered;
  const Status status =
      client_->GetChunks("events", keys, [&](const ChunkKey& key, const StatusOr<Bytes>& value) {
        EXPECT_TRUE(value.ok());
        answered.push_back(key);
      });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(answered, keys);
}

TEST_F(RingClientTest, EndsWhenNobodyAnswersAnyMore) {
  ASSERT_TRUE(Put(KeyAt(0)).ok());
  for (MapServer& server : servers_) server.Stop();
  EXPECT_EQ(client_->GetChunk("events", KeyAt(0)).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Put(KeyAt(0)).code(), StatusCode::kUnavailable);
}

TEST_F(RingClientTest, ReadsARangeFromThePrimariesAsThePlainReadGivesIt) {
  for (MapServer& server : servers_) server.ListAtMost(10);
  for (std::uint64_t epoch = 1; epoch < 20; ++epoch) Commit(epoch, epoch % 7 + 1);
  const auto items = Read(client_.get());
  EXPECT_EQ(items, PlainRead());
  EXPECT_THAT(items, Contains("3 1 true"));
  EXPECT_THAT(items, Contains("4 1 false"));
  for (std::size_t server = 0; server < kServers; ++server) {
    EXPECT_THAT(servers_[server].keys_asked(), Not(IsEmpty()));
    for (const std::string& key : servers_[server].keys_asked()) EXPECT_EQ(HomeOf(key), server);
    EXPECT_EQ(servers_[server].range_reads(), server == 2 ? 1 : 0);  // the plain one
  }
}

TEST_F(RingClientTest, StopsARangeAfterTheSecondThatReachesTheEvents) {
  for (std::uint64_t epoch = 1; epoch < 9; ++epoch) Commit(epoch, 3);
  const auto items = Read(client_.get(), 4);
  ASSERT_THAT(items, SizeIs(8));
  EXPECT_EQ(items.back(), "2 1 false");
  EXPECT_EQ(KeysAsked(), 6u);
}

TEST_F(RingClientTest, ReadsARangeWhoseHomesDieOnTheWay) {
  for (std::uint64_t epoch = 1; epoch < 20; ++epoch) Commit(epoch, 5);
  for (const auto& [key, value] : cluster_->values) {
    servers_[HomeOf(key, 1)].Preload(*ParseChunkKey(key), value);
  }
  const auto whole = PlainRead();
  servers_[1].Stop();
  EXPECT_EQ(Read(client_.get()), whole);
}

TEST_F(RingClientTest, SaysOfAListedChunkThatNobodyHasThatItIsLost) {
  Commit(5, 1);
  SetState(2, 1);
  Connect();
  const auto stream = client_->ReadRange({.range = {Epoch(0), Epoch(100)}});
  const auto item = stream->Next();
  ASSERT_TRUE(item.ok() && *item && (*item)->chunk);
  EXPECT_EQ((*item)->status.code(), StatusCode::kDataLoss);
  EXPECT_EQ((*item)->value, "");
}

TEST_F(RingClientTest, AsksForNoMoreThanItsWindow) {
  constexpr std::size_t kValueBytes = 1 << 20;
  constexpr std::size_t kChunks = 60;
  Commit(5, kChunks, kValueBytes);
  const auto stream = client_->ReadRange({.range = {Epoch(0), Epoch(100)}});
  ASSERT_TRUE(stream->Next().ok());
  EXPECT_LE(KeysAsked() * kValueBytes, ChunkFeed::kWindowBytes);
  for (std::size_t i = 0; i < kChunks; ++i) ASSERT_TRUE(stream->Next().ok());
  EXPECT_EQ(KeysAsked(), kChunks);
}

TEST_F(RingClientTest, GoesToItsEndpointAloneWhenToldNotToKnowTheRing) {
  ClientOptions options = Options();
  options.ring_aware = false;
  client_ = *Client::Connect(options);
  for (std::uint64_t number = 0; number < 9; ++number) ASSERT_TRUE(Put(Key(5, number)).ok());
  EXPECT_THAT(servers_[2].values(), SizeIs(9));
  EXPECT_EQ(servers_[2].state_reads(), 0);
}

TEST_F(RingClientTest, TakesAStateThatCannotBeForNone) {
  v1::GetClusterStateResponse state = State(2, 0);
  state.mutable_placement(3)->set_homes(0, 17);
  for (MapServer& server : servers_) server.SetState(state);
  ASSERT_TRUE(Put(KeyAt(0)).ok());
  EXPECT_TRUE(Has(2, KeyAt(0)));
}

}  // namespace
}  // namespace carillon
