#include "server/shell/node_loop.h"

#include <gtest/gtest.h>

#include <thread>
#include <utility>

#include "tests/shell/node_loop_fixture.h"

namespace carillon {
namespace {

class NodeLoopTest : public NodeLoopFixture {};

TEST_F(NodeLoopTest, AnswersAPutWhoseBytesAreStored) {
  const Answer answer = Ask(PutOf(1, "bytes"));
  ASSERT_TRUE(answer.status.ok()) << ToString(answer.status);
  EXPECT_EQ(std::get<WriteAnswer>(answer.value).cost.replicas_written, 1u);
  const auto chunk = machine_.store->ReadChunk(RefOf(TestChunk(1, "")));
  ASSERT_TRUE(chunk.ok());
  EXPECT_EQ(chunk->value.view(), "bytes");
}

TEST_F(NodeLoopTest, HandsTheStoresRefusalOn) {
  ASSERT_TRUE(Ask(PutOf(1, "bytes")).status.ok());
  EXPECT_EQ(Ask(PutOf(1, "other")).status.code(), StatusCode::kAlreadyExists);
}

TEST_F(NodeLoopTest, ListsWhatWasCommitted) {
  PutAndCommit(3);
  const Answer answer = Ask(ListOf());
  ASSERT_TRUE(answer.status.ok()) << ToString(answer.status);
  const auto& seconds = std::get<SecondsAnswer>(answer.value).seconds;
  ASSERT_EQ(seconds.size(), 1u);
  EXPECT_EQ(seconds[0].chunks.size(), 3u);
}

TEST_F(NodeLoopTest, ACommitOfAnUnknownChunkIsRefused) {
  EXPECT_FALSE(Ask(CommitOf(1)).status.ok());
}

TEST_F(NodeLoopTest, StreamsARangeInItsOrderAndEndsIt) {
  PutAndCommit(5);
  const auto receiver = std::make_shared<RecordingReceiver>();
  loop_.AddCredit(OpenStream(RangeOf(), receiver), 100);
  EXPECT_TRUE(receiver->WaitForEnd().ok());
  const auto items = receiver->items();
  ASSERT_EQ(items.size(), 6u);
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_EQ(items[i].info.key.number, i);
  EXPECT_EQ(items[5].kind, StreamItem::Kind::kSecondEnd);
}

TEST_F(NodeLoopTest, SendsNothingBeforeThereIsCreditAndThenAsMuchAsThereIs) {
  PutAndCommit(5);
  const auto receiver = std::make_shared<RecordingReceiver>();
  const RequestId request = OpenStream(RangeOf(), receiver);
  Settle();
  EXPECT_EQ(receiver->items().size(), 0u);
  loop_.AddCredit(request, 2);
  Settle();
  EXPECT_EQ(receiver->items().size(), 2u);
  EXPECT_EQ(receiver->ends(), 0);
  loop_.AddCredit(request, 4);
  EXPECT_TRUE(receiver->WaitForEnd().ok());
  EXPECT_EQ(receiver->items().size(), 6u);
}

TEST_F(NodeLoopTest, EndsAStreamThatIsRefused) {
  const auto receiver = std::make_shared<RecordingReceiver>();
  ReadRangeInput input = RangeOf();
  input.bucket = "nobody";
  OpenStream(input, receiver);
  EXPECT_EQ(receiver->WaitForEnd().code(), StatusCode::kNotFound);
}

TEST_F(NodeLoopTest, ACancelledStreamHearsNothingMore) {
  PutAndCommit(5);
  const auto receiver = std::make_shared<RecordingReceiver>();
  const RequestId request = OpenStream(RangeOf(), receiver);
  loop_.AddCredit(request, 2);
  Settle();
  loop_.Cancel(request);
  loop_.AddCredit(request, 100);
  Settle();
  EXPECT_EQ(receiver->items().size(), 2u);
  EXPECT_EQ(receiver->ends(), 0);
}

// Whoever runs the node may have more for a receiver in hand when it is cancelled meanwhile.
TEST_F(NodeLoopTest, AStreamThatIsCancelledDuringACallHearsNothingAfterIt) {
  PutAndCommit(5);
  std::latch in_call(1);
  std::latch go_on(1);
  const auto receiver = std::make_shared<RecordingReceiver>();
  receiver->on_item = [&, first = true]() mutable {
    if (!std::exchange(first, false)) return;
    in_call.count_down();
    go_on.wait();
  };
  const RequestId request = OpenStream(RangeOf(), receiver);
  Settle();
  std::thread runner([&] { loop_.AddCredit(request, 3); });
  in_call.wait();
  loop_.Cancel(request);
  go_on.count_down();
  runner.join();
  Settle();
  EXPECT_EQ(receiver->items().size(), 1u);
  EXPECT_EQ(receiver->ends(), 0);
}

TEST_F(NodeLoopTest, ACancelOrCreditOfAnUnknownRequestChangesNothing) {
  loop_.Cancel(loop_.NewRequest());
  loop_.AddCredit(loop_.NewRequest(), 7);
  EXPECT_TRUE(Ask(PutOf(1)).status.ok());
}

TEST_F(NodeLoopTest, SavesAChangeOnAStoreThreadBeforeItIsAnswered) {
  std::thread::id saver;
  std::uint64_t saved = 0;
  save_state_ = [&](const ClusterState& state) {
    saver = std::this_thread::get_id();
    saved = state.version.value();
    return OkStatus();
  };
  ASSERT_TRUE(Ask(BucketOf("mine")).status.ok());
  EXPECT_EQ(saved, 2u);
  EXPECT_NE(saver, std::this_thread::get_id());
  EXPECT_NE(loop_.state()->FindBucket("mine"), nullptr);
}

TEST_F(NodeLoopTest, AChangeThatCouldNotBeSavedIsNotInForce) {
  save_state_ = [](const ClusterState&) { return Unavailable("the disk failed"); };
  EXPECT_EQ(Ask(BucketOf("mine")).status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(*loop_.state(), State());
}

TEST_F(NodeLoopTest, AfterStopEveryRequestIsUnavailable) {
  loop_.Stop(kForEver);
  EXPECT_EQ(Ask(PutOf(1)).status.code(), StatusCode::kUnavailable);
  const auto receiver = std::make_shared<RecordingReceiver>();
  OpenStream(RangeOf(), receiver);
  EXPECT_EQ(receiver->WaitForEnd().code(), StatusCode::kUnavailable);
  EXPECT_EQ(receiver->ends(), 1);
}

TEST_F(NodeLoopTest, StopWaitsForWhatIsUnderWay) {
  std::latch saving(1);
  std::latch go_on(1);
  save_state_ = [&](const ClusterState&) {
    saving.count_down();
    go_on.wait();
    return OkStatus();
  };
  std::atomic<bool> answered{false};
  const CreateBucketInput input = BucketOf("mine");
  loop_.Ask(input.request, input, [&](const Answer& answer) { answered = answer.status.ok(); });
  saving.wait();
  bool answered_before_stopped = false;
  std::thread stopper([&] {
    loop_.Stop(kForEver);
    answered_before_stopped = answered;
  });
  go_on.count_down();
  stopper.join();
  EXPECT_TRUE(answered_before_stopped);
}

TEST_F(NodeLoopTest, StopDoesNotWaitLongerThanItsGraceAndTheAnswerStillComes) {
  std::latch go_on(1);
  save_state_ = [&](const ClusterState&) {
    go_on.wait();
    return OkStatus();
  };
  std::promise<Answer> answer;
  const CreateBucketInput input = BucketOf("mine");
  loop_.Ask(input.request, input, [&](Answer given) { answer.set_value(std::move(given)); });
  loop_.Stop(Duration::zero());
  go_on.count_down();
  EXPECT_TRUE(answer.get_future().get().status.ok());
}

TEST_F(NodeLoopTest, StopDoesNotWaitForACancelledStream) {
  PutAndCommit(2);
  loop_.Cancel(OpenStream(RangeOf(), std::make_shared<RecordingReceiver>()));
  loop_.Stop(kForEver);
}

}  // namespace
}  // namespace carillon
