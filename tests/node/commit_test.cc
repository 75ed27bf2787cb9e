#include "tests/node/node_fixture.h"

namespace carillon {
namespace {

class CommitTest : public NodeFixture {
 protected:
  CommitInput Commit2(std::uint64_t request) {
    CommitInput input;
    input.request = RequestId(request);
    input.commit = {.bucket = "events", .epoch = Epoch(kNow), .dc = "1", .chunks = {}, .seal = {}};
    input.commit.chunks = {Info("1700000000:1:c:WEB:app:chunk0"),
                           Info("1700000000:1:c:WEB:app:chunk1")};
    return input;
  }
  static std::optional<ChunkFound> Stored() {
    return ChunkFound{.value_bytes = 5, .value_crc = 42};
  }
};

TEST_F(CommitTest, WritesTheManifestOnlyAfterEveryChunkWasFound) {
  Step(Commit2(1));
  const auto stat = TakeOne<StatChunks>();
  ASSERT_EQ(stat.chunks.size(), 2u);
  EXPECT_TRUE(Take<StoreCommit>().empty());
  Step(StatDone{.operation = stat.operation, .status = OkStatus(), .found = {Stored(), Stored()}});
  const auto write = TakeOne<StoreCommit>();
  EXPECT_EQ(write.commit.chunks.size(), 2u);
  EXPECT_EQ(write.place.partition, PartitionOf(HashKey("events", "1700000000-1"), 6));
  EXPECT_TRUE(Take<Answer>().empty());
  Step(WriteDone{.operation = write.operation, .status = OkStatus()});
  EXPECT_TRUE(TakeOne<Answer>().status.ok());
}

TEST_F(CommitTest, RefusesToNameAChunkThatIsNotStored) {
  Step(Commit2(1));
  Step(StatDone{.operation = TakeOne<StatChunks>().operation,
                .status = OkStatus(),
                .found = {Stored(), std::nullopt}});
  EXPECT_TRUE(Take<StoreCommit>().empty());
  const Status status = TakeOne<Answer>().status;
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(Message(status).find("chunk1"), std::string_view::npos);
}

TEST_F(CommitTest, RefusesAChunkThatIsStoredWithOtherBytes) {
  Step(Commit2(1));
  Step(StatDone{.operation = TakeOne<StatChunks>().operation,
                .status = OkStatus(),
                .found = {Stored(), ChunkFound{.value_bytes = 5, .value_crc = 43}}});
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kFailedPrecondition);
}

TEST_F(CommitTest, RefusesAChunkOfAnotherSecond) {
  auto input = Commit2(1);
  input.commit.chunks.push_back(Info("1700000001:1:c:WEB:app:chunk0"));
  Step(std::move(input));
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kInvalidArgument);
}

TEST_F(CommitTest, RefusesASealOfTheFuture) {
  auto input = Commit2(1);
  input.commit.seal = Seal{.writer = 1, .epoch = Epoch(kNow + 1000)};
  Step(std::move(input));
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kOutOfRange);
}

TEST_F(CommitTest, CallsASecondCompleteOnlyWhenItsSealIsDurable) {
  auto input = Commit2(1);
  input.commit.chunks.clear();
  input.commit.seal = Seal{.writer = 1, .epoch = Epoch(kNow)};
  Step(std::move(input));
  const auto write = TakeOne<StoreCommit>();
  EXPECT_TRUE(node_.WatermarksOf("events", kNow).empty());
  Step(WriteDone{.operation = write.operation, .status = OkStatus()});
  const auto marks = node_.WatermarksOf("events", kNow);
  ASSERT_EQ(marks.size(), 1u);
  EXPECT_EQ(marks[0].second, Epoch(kNow));
}

TEST(WatermarksTest, AreTheLeastSealOfLiveWriters) {
  Watermarks marks;
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 1, .epoch = Epoch(100)}, .heard_at = 100});
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 2, .epoch = Epoch(90)}, .heard_at = 100});
  EXPECT_EQ(marks.Of("e", "1", 100), Epoch(90));
  EXPECT_TRUE(marks.IsComplete("e", "1", Epoch(90), 100));
  EXPECT_FALSE(marks.IsComplete("e", "1", Epoch(91), 100));
  EXPECT_EQ(marks.Of("e", "2", 100), std::nullopt);
}

TEST(WatermarksTest, DoNotWaitForAWriterThatWentAway) {
  Watermarks marks;
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 1, .epoch = Epoch(90)}, .heard_at = 100});
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 2, .epoch = Epoch(400)}, .heard_at = 400});
  EXPECT_EQ(marks.Of("e", "1", 400), Epoch(400));
  EXPECT_EQ(marks.Of("e", "1", 100'000), Epoch(400));
}

TEST(WatermarksTest, NeverGoBack) {
  Watermarks marks;
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 1, .epoch = Epoch(90)}, .heard_at = 100});
  marks.Hear(
      {.bucket = "e", .dc = "1", .seal = {.writer = 1, .epoch = Epoch(80)}, .heard_at = 101});
  EXPECT_EQ(marks.Of("e", "1", 101), Epoch(90));
}

TEST(WatermarksTest, ForgetTheWriterHeardLongestAgoWhenThereAreTooMany) {
  Watermarks marks;
  for (std::uint64_t i = 0; i <= Watermarks::kMaxWriters; ++i) {
    marks.Hear({.bucket = "e",
                .dc = "1",
                .seal = {.writer = i, .epoch = Epoch(10 + i)},
                .heard_at = 100 + i});
  }
  EXPECT_EQ(marks.Of("e", "1", 101), Epoch(11));
}

class StateChangesTest : public NodeFixture {};

TEST_F(StateChangesTest, AreInForceOnlyWhenSaved) {
  Step(CreateBucketInput{.request = RequestId(1), .name = "logs", .properties = {}});
  EXPECT_EQ(node_.state().FindBucket("logs"), nullptr);
  EXPECT_TRUE(Take<Answer>().empty());
  EXPECT_GT(EndSaves(), 0);
  EXPECT_NE(node_.state().FindBucket("logs"), nullptr);
  EXPECT_TRUE(TakeOne<Answer>().status.ok());
}

TEST_F(StateChangesTest, OneWaitsForTheOtherAndSeesIt) {
  Step(CreateBucketInput{.request = RequestId(1), .name = "logs", .properties = {}});
  Step(CreateBucketInput{.request = RequestId(2), .name = "logs", .properties = {}});
  EndSaves();
  const auto answers = Take<Answer>();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_TRUE(answers[0].status.ok());
  EXPECT_EQ(answers[1].status.code(), StatusCode::kAlreadyExists);
}

TEST_F(StateChangesTest, ThatCannotBeSavedChangeNothing) {
  Step(CreateBucketInput{.request = RequestId(1), .name = "logs", .properties = {}});
  EndSaves(Unavailable("disk"));
  for (int i = 0; i < 100 && Take<Answer>().empty(); ++i) {
    Advance(std::chrono::seconds(1));
    Step(TickInput{});
    EndSaves(Unavailable("disk"));
  }
  EXPECT_EQ(node_.state().FindBucket("logs"), nullptr);
}

// The loop would turn without end.
TEST_F(StateChangesTest, AskForNoTickThatIsDueWhileTheDiskSaves) {
  Step(CreateBucketInput{.request = RequestId(1), .name = "logs", .properties = {}});
  EndSaves();
  for (int tick = 0; tick < 20; ++tick) {
    ASSERT_TRUE(node_.Deadline().has_value());
    if (*node_.Deadline() > time_.now) return;
    Step(TickInput{});
  }
  FAIL() << "ticks without end";
}

// The places of members may be others.
TEST_F(CommitTest, BeginsAgainUnderANewClusterState) {
  Step(Commit2(1));
  const auto before = TakeOne<StatChunks>();
  Step(CreateBucketInput{.request = RequestId(2), .name = "logs", .properties = {}});
  EndSaves();
  const auto after = TakeOne<StatChunks>();
  Step(
      StatDone{.operation = before.operation, .status = OkStatus(), .found = {Stored(), Stored()}});
  EXPECT_TRUE(Take<StoreCommit>().empty());
  Step(StatDone{.operation = after.operation, .status = OkStatus(), .found = {Stored(), Stored()}});
  EXPECT_EQ(Take<StoreCommit>().size(), 1u);
}

}  // namespace
}  // namespace carillon
