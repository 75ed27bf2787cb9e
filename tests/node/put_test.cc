#include "tests/node/node_fixture.h"

namespace carillon {
namespace {

class PutTest : public NodeFixture {
 protected:
  const std::string key_ = "1700000000:1:cell0:WEB:app:chunk0";

  Status Refusal(PutChunkInput input) {
    Step(std::move(input));
    EXPECT_TRUE(Take<StoreChunk>().empty());
    return TakeOne<Answer>().status;
  }
};

TEST_F(PutTest, StoresTheChunkUnderItsPartitionAndAnswersWhenItIsOnDisk) {
  Step(Put(1, key_, "value"));
  const auto store = TakeOne<StoreChunk>();
  EXPECT_EQ(store.place.partition, PartitionOf(HashKey("events", key_), 6));
  EXPECT_EQ(ToString(store.key), key_);
  EXPECT_TRUE(Take<Answer>().empty());
  Step(WriteDone{.operation = store.operation, .status = OkStatus()});
  const auto answer = TakeOne<Answer>();
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.request, RequestId(1));
  EXPECT_EQ(std::get<WriteAnswer>(answer.value).cost.replicas_written, 1u);
  EXPECT_EQ(answer.version, node_.state().version);
}

TEST_F(PutTest, AnswersAFailedWriteWithItsError) {
  Step(Put(1, key_, "value"));
  const auto store = TakeOne<StoreChunk>();
  Step(WriteDone{.operation = store.operation, .status = AlreadyExists("other bytes")});
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kAlreadyExists);
}

TEST_F(PutTest, AnswersOnceWhateverTheStoreRepeats) {
  Step(Put(1, key_, "value"));
  const auto store = TakeOne<StoreChunk>();
  Step(WriteDone{.operation = store.operation, .status = OkStatus()});
  Step(WriteDone{.operation = store.operation, .status = OkStatus()});
  Step(WriteDone{.operation = OperationId(999), .status = OkStatus()});
  EXPECT_EQ(Take<Answer>().size(), 1u);
}

TEST_F(PutTest, RefusesAnUnknownBucket) {
  auto input = Put(1, key_, "value");
  input.bucket = "nowhere";
  EXPECT_EQ(Refusal(std::move(input)).code(), StatusCode::kNotFound);
}

TEST_F(PutTest, RefusesABadKeyNamingTheField) {
  const Status status = Refusal(Put(1, "1700000000:d c:cell0:WEB:app:chunk0", "value"));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(Message(status).find("dc"), std::string_view::npos);
}

TEST_F(PutTest, RefusesAValueWhoseCrcIsNotTheSenders) {
  auto input = Put(1, key_, "value");
  input.value_crc ^= 1;
  EXPECT_EQ(Refusal(std::move(input)).code(), StatusCode::kInvalidArgument);
}

TEST_F(PutTest, RefusesAnEmptyValueAndOneAboveTheBucketsLimit) {
  EXPECT_EQ(Refusal(Put(1, key_, "")).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Refusal(Put(2, key_, std::string(512'001, 'x'))).code(), StatusCode::kInvalidArgument);
  Step(Put(3, key_, std::string(512'000, 'x')));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
}

TEST_F(PutTest, TellsMillisecondsFromSeconds) {
  const Status status = Refusal(Put(1, "1700000000000:1:c:WEB:app:chunk0", "value"));
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(Message(status).find("milliseconds"), std::string_view::npos);
}

TEST_F(PutTest, TakesEpochsWithinTheWindowAndNoOthers) {
  const auto at = [&](std::uint64_t request, std::uint64_t epoch) {
    return Put(request, fmt::format("{}:1:c:WEB:app:chunk0", epoch), "value");
  };
  const std::uint64_t ttl = 8 * 86400;
  EXPECT_EQ(Refusal(at(1, kNow + 301)).code(), StatusCode::kOutOfRange);
  EXPECT_EQ(Refusal(at(2, kNow - ttl - 1)).code(), StatusCode::kOutOfRange);
  Step(at(3, kNow + 300));
  Step(at(4, kNow - ttl));
  EXPECT_EQ(Take<StoreChunk>().size(), 2u);
}

TEST_F(PutTest, TakesWhatIsNowThoughItsClockIsSetBack) {
  const auto at = [&](std::uint64_t request, std::uint64_t epoch) {
    return Put(request, fmt::format("{}:1:c:WEB:app:chunk0", epoch), "value");
  };
  Advance(std::chrono::seconds(10));
  time_.wall -= std::chrono::hours(1);
  Step(at(1, kNow + 310));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
  EXPECT_EQ(Refusal(at(2, kNow + 311)).code(), StatusCode::kOutOfRange);
  time_.wall += std::chrono::hours(2);  // what is ahead is believed
  Step(at(3, kNow + 3600));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
  time_.wall -= std::chrono::hours(1);
  EXPECT_EQ(Refusal(at(4, kNow + 3600)).code(), StatusCode::kOutOfRange);
}

TEST_F(PutTest, RefusesARouteToAnotherPartition) {
  auto input = Put(1, key_, "value");
  const PartitionId right = PartitionOf(HashKey("events", key_), 6);
  input.route = {.version = StateVersion(1),
                 .partition = PartitionId(static_cast<std::uint16_t>(right.value() ^ 1))};
  EXPECT_EQ(Refusal(input).code(), StatusCode::kFailedPrecondition);
  input.request = RequestId(2);
  input.route = {.version = StateVersion(9), .partition = right};
  EXPECT_EQ(Refusal(input).code(), StatusCode::kUnavailable);
  input.request = RequestId(3);
  input.route.version = StateVersion(1);
  Step(input);
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
}

class BusyPutTest : public NodeFixture {
 protected:
  BusyPutTest() : NodeFixture({.max_requests = 3, .max_value_bytes = 10}) {}
  const std::string key_ = "1700000000:1:cell0:WEB:app:chunk0";
};

TEST_F(BusyPutTest, RefusesMoreRequestsAndBytesThanItMayHave) {
  Step(Put(1, key_, "12345678"));
  Step(Put(2, key_, "1234"));
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kResourceExhausted);
  Step(Put(3, key_, "1"));
  Step(Put(4, key_, "1"));
  EXPECT_EQ(TakeOne<Answer>().status.code(), StatusCode::kResourceExhausted);
  const auto stored = Take<StoreChunk>();
  ASSERT_EQ(stored.size(), 2u);
  Step(WriteDone{.operation = stored[0].operation, .status = OkStatus()});
  Take<Answer>();
  Step(Put(5, key_, "1234"));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
}

TEST_F(PutTest, HoldsABucketToItsQuotaAndForgivesWithTime) {
  Step(SetBucketInput{
      .request = RequestId(1), .name = "events", .change = {.quota_bytes_per_second = 100}});
  EndSaves();
  Take<Answer>();
  Step(Put(2, key_, std::string(80, 'x')));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
  EXPECT_EQ(Refusal(Put(3, key_, std::string(80, 'x'))).code(), StatusCode::kResourceExhausted);
  Advance(std::chrono::seconds(1));
  Step(Put(4, key_, std::string(80, 'x')));
  EXPECT_EQ(Take<StoreChunk>().size(), 1u);
}

}  // namespace
}  // namespace carillon
