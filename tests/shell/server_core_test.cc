#include "server/shell/server_core.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "tests/storage/store_fixture.h"

namespace carillon {
namespace {

using testing::HasSubstr;

// Nodes on real directories, with real indexes.
class ServerCoreTest : public testing::Test {
 protected:
  std::string Directory(const std::string& name) const { return temporary_.path() + "/" + name; }

  StatusOr<std::unique_ptr<ServerCore>> TryOpen(const std::vector<std::string>& names) const {
    ServerCoreOptions options;
    for (const std::string& name : names) options.directories.push_back(Directory(name));
    options.partition_bits = kTestPartitionBits;
    options.threads.read_threads = 2;
    options.index = {.cache_bytes = 1 << 20, .write_buffer_bytes = 1 << 20};
    options.store.segment_bytes = 1 << 20;
    options.store.allocate_bytes = 64 << 10;
    options.store.ballast_bytes = 0;
    options.store.min_free = 0;  // the machine's own disk may be full
    return ServerCore::Open(options);
  }
  std::unique_ptr<ServerCore> Open(const std::vector<std::string>& names = {"a"}) const {
    auto core = TryOpen(names);
    EXPECT_TRUE(core.ok()) << ToString(core.status());
    return core.ok() ? std::move(*core) : nullptr;
  }
  StatusCode OpenCode(const std::vector<std::string>& names) const {
    return TryOpen(names).status().code();
  }

  template <typename I>
  static Answer Ask(ServerCore* core, I input) {
    input.request = core->node()->NewRequest();
    std::promise<Answer> answer;
    core->node()->Ask(input.request, input, [&](Answer given) { answer.set_value(given); });
    return answer.get_future().get();
  }
  static ChunkWrite ChunkOfNow() {
    return TestChunk(1, "value", Epoch(WallSeconds(SystemClock().WallNow())));
  }
  static Status Put(ServerCore* core, const ChunkWrite& write) {
    PutChunkInput input;
    input.bucket = write.bucket;
    input.key = ToString(write.key);
    input.value = write.value;
    input.value_crc = input.computed_crc = write.value_crc;
    return Ask(core, input).status;
  }
  static Status CreateBucket(ServerCore* core, const std::string& name) {
    return Ask(core, CreateBucketInput{.request = {}, .name = name, .properties = {}}).status;
  }

  TemporaryDirectory temporary_;
};

TEST_F(ServerCoreTest, ServesFromANewDirectory) {
  const auto core = Open();
  EXPECT_TRUE(core->Readiness().ok());
  const ChunkWrite write = ChunkOfNow();
  EXPECT_EQ(ToString(Put(core.get(), write)), "OK");
  EXPECT_TRUE(core->store().ReadChunk(RefOf(write)).ok());
}

TEST_F(ServerCoreTest, PreparesADirectoryThatItThenOpens) {
  ServerCoreOptions options;
  options.directories = {Directory("a"), Directory("b")};
  options.name = "first";
  options.rack = "r7";
  options.partition_bits = kTestPartitionBits + 1;
  const auto state = ServerCore::Prepare(options);
  ASSERT_TRUE(state.ok()) << ToString(state.status());
  EXPECT_EQ(ServerCore::Prepare(options).status().code(), StatusCode::kFailedPrecondition);
  const auto core = Open({"a", "b"});  // its own options do not count any more
  ASSERT_NE(core, nullptr);
  EXPECT_EQ(core->node()->state()->cluster, (*state)->cluster);
  EXPECT_EQ(core->node()->state()->partition_bits, kTestPartitionBits + 1);
  ASSERT_EQ(core->node()->state()->members.size(), 1u);
  EXPECT_EQ(core->node()->state()->members[0].node, core->self());
  EXPECT_EQ(core->node()->state()->members[0].name, "first");
  EXPECT_EQ(core->node()->state()->members[0].rack, "r7");
}

TEST_F(ServerCoreTest, PreparesNoDirectoryThatHoldsSomething) {
  ASSERT_NE(Open({"b"}), nullptr);
  ServerCoreOptions options;
  options.directories = {Directory("a"), Directory("b")};
  EXPECT_EQ(ServerCore::Prepare(options).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(MachineFileSystem()->Exists(Directory("a")));
}

TEST_F(ServerCoreTest, NeedsADirectory) {
  EXPECT_EQ(OpenCode({}), StatusCode::kInvalidArgument);
}

TEST_F(ServerCoreTest, IsTheSameNodeOfTheSameClusterAfterARestart) {
  auto core = Open();
  const NodeId self = core->self();
  const ClusterState state = *core->node()->state();
  ASSERT_TRUE(core->Stop().ok());
  core = nullptr;
  core = Open();
  EXPECT_EQ(core->self(), self);
  EXPECT_EQ(*core->node()->state(), state);
  EXPECT_EQ(state.members.at(0).node, self);
}

TEST_F(ServerCoreTest, KeepsWhatItAcknowledgedOverARestart) {
  auto core = Open();
  const ChunkWrite write = ChunkOfNow();
  ASSERT_TRUE(Put(core.get(), write).ok());
  core = nullptr;  // stops it
  core = Open();
  const auto chunk = core->store().ReadChunk(RefOf(write));
  ASSERT_TRUE(chunk.ok()) << ToString(chunk.status());
  EXPECT_EQ(chunk->value.view(), "value");
}

TEST_F(ServerCoreTest, KeepsChangesOfBucketsOverARestart) {
  auto core = Open();
  ASSERT_TRUE(CreateBucket(core.get(), "mine").ok());
  SetBucketInput set{.request = {}, .name = "mine", .change = {}};
  set.change.ttl_seconds = 3600;
  ASSERT_TRUE(Ask(core.get(), set).status.ok());
  core = nullptr;
  core = Open();
  const ClusterState state = *core->node()->state();
  ASSERT_NE(state.FindBucket("mine"), nullptr);
  EXPECT_EQ(state.FindBucket("mine")->ttl_seconds, 3600u);
  EXPECT_EQ(state.version.value(), 3u);
}

TEST_F(ServerCoreTest, RefusesASecondOpenerUntilTheFirstIsGone) {
  auto core = Open();
  EXPECT_EQ(OpenCode({"a"}), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(core->Readiness().ok());
  core = nullptr;
  EXPECT_EQ(OpenCode({"a"}), StatusCode::kOk);
}

TEST_F(ServerCoreTest, RefusesDirectoriesOfDifferentNodes) {
  ASSERT_NE(Open({"a"}), nullptr);
  ASSERT_NE(Open({"b"}), nullptr);
  EXPECT_EQ(OpenCode({"a", "b"}), StatusCode::kFailedPrecondition);
}

TEST_F(ServerCoreTest, TheOrderOfItsDirectoriesDoesNotMatter) {
  auto core = Open({"a", "b"});
  const NodeId self = core->self();
  ASSERT_TRUE(CreateBucket(core.get(), "mine").ok());
  core = nullptr;
  core = Open({"b", "a"});
  EXPECT_EQ(core->self(), self);
  EXPECT_NE(core->node()->state()->FindBucket("mine"), nullptr);
}

TEST_F(ServerCoreTest, TakesANewDirectoryBesideItsOldOnes) {
  auto core = Open({"a"});
  const NodeId self = core->self();
  ASSERT_TRUE(CreateBucket(core.get(), "mine").ok());
  core = nullptr;
  core = Open({"new", "a"});
  EXPECT_EQ(core->self(), self);
  EXPECT_EQ(core->store().disks(), 2u);
  EXPECT_NE(core->node()->state()->FindBucket("mine"), nullptr);
}

TEST_F(ServerCoreTest, DoesNotFoundAClusterOverADamagedState) {
  ASSERT_NE(Open(), nullptr);
  std::ofstream(Directory("a") + "/cluster-state.1") << "damaged";
  EXPECT_EQ(OpenCode({"a"}), StatusCode::kDataLoss);
}

TEST_F(ServerCoreTest, RefusesTheStateOfAnotherCluster) {
  ASSERT_NE(Open({"a"}), nullptr);
  Uuid other;
  other.bytes[0] = 1;
  const ClusterState state = FirstState(
      other, {.node = NodeId(other), .name = "other", .address = {}}, kTestPartitionBits);
  ASSERT_TRUE(StateFile(MachineFileSystem(), Directory("a")).Save(state).ok());
  EXPECT_EQ(OpenCode({"a"}), StatusCode::kFailedPrecondition);
}

TEST_F(ServerCoreTest, AfterStopItIsNotReadyAndRefusesWrites) {
  const auto core = Open();
  ASSERT_TRUE(core->Stop().ok());
  EXPECT_EQ(core->Readiness().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Put(core.get(), ChunkOfNow()).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(core->Stop().ok());
}

TEST_F(ServerCoreTest, ItsMetricsTellOfTheStoreAndTheNode) {
  const auto core = Open();
  ASSERT_TRUE(Put(core.get(), ChunkOfNow()).ok());
  ASSERT_TRUE(CreateBucket(core.get(), "mine").ok());
  const std::string text = core->metrics()->Render();
  EXPECT_THAT(text, HasSubstr("\ncarillon_segments 1\n"));
  EXPECT_THAT(text, HasSubstr("\ncarillon_commit_batches_total 1\n"));
  EXPECT_THAT(text, HasSubstr("\ncarillon_cluster_state_version 2\n"));
  EXPECT_THAT(text, HasSubstr("\ncarillon_requests_in_flight 0\n"));
  EXPECT_THAT(text, HasSubstr("\ncarillon_disk_failed 0\n"));
}

}  // namespace
}  // namespace carillon
