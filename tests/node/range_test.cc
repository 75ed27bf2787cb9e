#include "tests/node/node_fixture.h"

namespace carillon {
namespace {

class RangeTest : public NodeFixture {
 protected:
  void Read(std::uint64_t max_events = 0, ChunkFilter filter = {}) {
    Step(ReadRangeInput{.request = RequestId(1),
                        .bucket = "events",
                        .range = {Epoch(kNow - 10), Epoch(kNow)},
                        .filter = std::move(filter),
                        .max_events = max_events});
  }
  void Credit(std::uint32_t items) { Step(CreditInput{.request = RequestId(1), .items = items}); }
  static Second SecondOf(std::uint64_t epoch, int chunks, const std::string& type = "WEB") {
    Second second{.epoch = Epoch(epoch), .dc = "1", .chunks = {}};
    for (int i = 0; i < chunks; ++i) {
      second.chunks.push_back(Info(fmt::format("{}:1:c:{}:app:chunk{}", epoch, type, i)));
    }
    return second;
  }
  void Scanned(std::vector<Second> seconds, std::optional<Epoch> next = {}) {
    Step(ScanDone{.operation = TakeOne<ScanSeconds>().operation,
                  .status = OkStatus(),
                  .seconds = std::move(seconds),
                  .next_from = next});
  }
  void Answer(const ReadChunk& read) {
    Step(ReadDone{.operation = read.operation,
                  .status = OkStatus(),
                  .value = SharedBytes(Bytes(ToString(read.chunk.key)))});
  }
  std::vector<std::string> EmittedKeys() {
    std::vector<std::string> keys;
    for (const StreamItem& item : Take<StreamItem>()) {
      keys.push_back(item.kind == StreamItem::Kind::kChunk
                         ? item.key
                         : fmt::format("end {}{}", item.epoch, item.complete ? " complete" : ""));
    }
    return keys;
  }
};

TEST_F(RangeTest, EmitsChunksInEpochOrderWhateverOrderTheDiskAnswersIn) {
  Read();
  Credit(100);
  Scanned({SecondOf(kNow - 9, 2), SecondOf(kNow - 8, 1)});
  const auto reads = Take<ReadChunk>();
  ASSERT_EQ(reads.size(), 3u);
  Answer(reads[2]);
  Answer(reads[1]);
  EXPECT_TRUE(Take<StreamItem>().empty());
  Answer(reads[0]);
  EXPECT_EQ(EmittedKeys(),
            (std::vector<std::string>{"1699999991:1:c:WEB:app:chunk0",
                                      "1699999991:1:c:WEB:app:chunk1", "end 1699999991",
                                      "1699999992:1:c:WEB:app:chunk0", "end 1699999992"}));
  EXPECT_TRUE(TakeOne<StreamEnd>().status.ok());
}

TEST_F(RangeTest, SendsNothingWithoutCreditAndReadsOnlyAWindowAhead) {
  Read();
  Scanned({SecondOf(kNow - 9, 100)});
  auto reads = Take<ReadChunk>();
  EXPECT_EQ(reads.size(), OrderedReads::kMaxWindowItems);
  for (const ReadChunk& read : reads) Answer(read);
  EXPECT_TRUE(Take<StreamItem>().empty());
  EXPECT_TRUE(Take<ReadChunk>().empty());
  Credit(3);
  EXPECT_EQ(Take<StreamItem>().size(), 3u);
  EXPECT_EQ(Take<ReadChunk>().size(), 3u);
}

TEST_F(RangeTest, GoesOnWithTheNextPageWhenOneIsUsedUp) {
  Read();
  Credit(100);
  Scanned({SecondOf(kNow - 9, 1)}, Epoch(kNow - 5));
  Answer(TakeOne<ReadChunk>());
  const auto scan = TakeOne<ScanSeconds>();
  EXPECT_EQ(scan.range.first, Epoch(kNow - 5));
  EXPECT_EQ(scan.range.limit, Epoch(kNow));
  EXPECT_TRUE(Take<StreamEnd>().empty());
  Step(ScanDone{.operation = scan.operation, .status = OkStatus(), .seconds = {}, .next_from = {}});
  EXPECT_TRUE(TakeOne<StreamEnd>().status.ok());
}

TEST_F(RangeTest, StopsAfterTheSecondInWhichEnoughEventsAreReached) {
  Read(/*max_events=*/2);
  Credit(100);
  Scanned({SecondOf(kNow - 9, 1), SecondOf(kNow - 8, 3), SecondOf(kNow - 7, 1)}, Epoch(kNow - 5));
  for (const ReadChunk& read : Take<ReadChunk>()) Answer(read);
  EXPECT_EQ(Take<StreamItem>().size(), 6u);
  EXPECT_TRUE(TakeOne<StreamEnd>().status.ok());
}

TEST_F(RangeTest, NeverCallsAListedChunkNotFound) {
  Read();
  Credit(100);
  Scanned({SecondOf(kNow - 9, 1)});
  Step(ReadDone{
      .operation = TakeOne<ReadChunk>().operation, .status = NotFound("none"), .value = {}});
  const auto items = Take<StreamItem>();
  ASSERT_EQ(items.size(), 2u);
  EXPECT_EQ(items[0].status.code(), StatusCode::kDataLoss);
  EXPECT_TRUE(TakeOne<StreamEnd>().status.ok());
}

TEST_F(RangeTest, GivesOnlyWhatTheFilterMatches) {
  Read(0, {.dc = {}, .cell = {}, .type = "APP", .subtype = {}});
  Credit(100);
  Scanned({SecondOf(kNow - 9, 2), SecondOf(kNow - 8, 1, "APP")});
  for (const ReadChunk& read : Take<ReadChunk>()) Answer(read);
  EXPECT_EQ(EmittedKeys(),
            (std::vector<std::string>{"1699999992:1:c:APP:app:chunk0", "end 1699999992"}));
}

TEST_F(RangeTest, IsCutOffWhereTheBucketsTtlEnds) {
  Step(ReadRangeInput{.request = RequestId(1),
                      .bucket = "events",
                      .range = {Epoch(0), Epoch(kNow)},
                      .filter = {},
                      .max_events = 0});
  EXPECT_EQ(TakeOne<ScanSeconds>().range.first, Epoch(kNow - 8 * 86400));
}

TEST_F(RangeTest, ThatEndsBeforeItBeginsIsRefused) {
  Step(ReadRangeInput{.request = RequestId(1),
                      .bucket = "events",
                      .range = {Epoch(kNow), Epoch(kNow - 1)},
                      .filter = {},
                      .max_events = 0});
  EXPECT_EQ(TakeOne<StreamEnd>().status.code(), StatusCode::kInvalidArgument);
}

TEST_F(RangeTest, ThatIsCancelledSaysNothingMore) {
  Read();
  Credit(100);
  Scanned({SecondOf(kNow - 9, 1)});
  const auto read = TakeOne<ReadChunk>();
  Step(CancelInput{.request = RequestId(1)});
  Answer(read);
  EXPECT_TRUE(effects_.empty());
  EXPECT_EQ(node_.counters().in_flight, 0u);
}

TEST_F(RangeTest, MarksSecondsUpToTheWatermarkComplete) {
  Step(CommitInput{.request = RequestId(7),
                   .route = {},
                   .commit = {.bucket = "events",
                              .epoch = Epoch(kNow - 9),
                              .dc = "1",
                              .chunks = {},
                              .seal = Seal{.writer = 1, .epoch = Epoch(kNow - 9)}}});
  Step(WriteDone{.operation = TakeOne<StoreCommit>().operation, .status = OkStatus()});
  effects_.clear();
  Step(ListSecondsInput{.request = RequestId(8),
                        .bucket = "events",
                        .range = {Epoch(kNow - 10), Epoch(kNow)},
                        .filter = {},
                        .max_chunks = 0});
  Scanned({SecondOf(kNow - 9, 1), SecondOf(kNow - 8, 1)});
  const auto answer = TakeOne<carillon::Answer>();
  const auto& seconds = std::get<SecondsAnswer>(answer.value).seconds;
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_TRUE(seconds[0].complete);
  EXPECT_FALSE(seconds[1].complete);
}

TEST_F(RangeTest, AListedPageEndsWithTheSecondInWhichEnoughChunksAreReached) {
  Step(ListSecondsInput{.request = RequestId(8),
                        .bucket = "events",
                        .range = {Epoch(kNow - 10), Epoch(kNow)},
                        .filter = {},
                        .max_chunks = 2});
  // As the union of what several nodes say: each as much as was wanted of all.
  Scanned({SecondOf(kNow - 9, 1), SecondOf(kNow - 8, 2), SecondOf(kNow - 7, 1)}, Epoch(kNow - 5));
  const auto answer = TakeOne<carillon::Answer>();
  const auto& page = std::get<SecondsAnswer>(answer.value);
  ASSERT_EQ(page.seconds.size(), 2u);
  EXPECT_EQ(page.seconds[1].epoch, Epoch(kNow - 8));
  EXPECT_EQ(page.next_from, Epoch(kNow - 7));
}

TEST_F(RangeTest, APageThatGoesOnWhereItBeganIsNoAnswer) {
  Read();
  Credit(100);
  Scanned({}, Epoch(kNow - 10));
  EXPECT_EQ(TakeOne<StreamEnd>().status.code(), StatusCode::kUnavailable);
}

class GetTest : public NodeFixture {};

TEST_F(GetTest, AnswersEveryKeyInOrderAndABadOneWithItsOwnError) {
  Step(GetChunksInput{
      .request = RequestId(1),
      .bucket = "events",
      .keys = {"1700000000:1:c:WEB:app:chunk0", "nonsense", "1700000000:1:c:WEB:app:chunk1"}});
  Step(CreditInput{.request = RequestId(1), .items = 10});
  const auto reads = Take<ReadChunk>();
  ASSERT_EQ(reads.size(), 2u);
  Step(ReadDone{.operation = reads[1].operation, .status = NotFound("no chunk"), .value = {}});
  Step(ReadDone{
      .operation = reads[0].operation, .status = OkStatus(), .value = SharedBytes(Bytes("value"))});
  const auto items = Take<StreamItem>();
  ASSERT_EQ(items.size(), 3u);
  EXPECT_EQ(items[0].value.view(), "value");
  EXPECT_EQ(items[1].status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(items[2].status.code(), StatusCode::kNotFound);
  EXPECT_TRUE(TakeOne<StreamEnd>().status.ok());
}

TEST_F(GetTest, RefusesMoreKeysThanACallMayHave) {
  Step(GetChunksInput{.request = RequestId(1),
                      .bucket = "events",
                      .keys = std::vector<std::string>(kMaxKeysPerGet + 1, "x")});
  EXPECT_EQ(TakeOne<StreamEnd>().status.code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
