#include "collector/pipeline/commit_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr StatusCode kOk = StatusCode::kOk;
constexpr StatusCode kUnavailable = StatusCode::kUnavailable;

ClaimId IdOf(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes[0] = number;
  return ClaimId(uuid);
}

class CommitWatchTest : public ::testing::Test {
 protected:
  using Answers = std::vector<std::pair<std::uint64_t, StatusCode>>;

  // `ids`: of events that claim one; 0: none.
  void Watch(std::uint64_t number, std::size_t events, const std::vector<std::uint8_t>& ids = {}) {
    EXPECT_TRUE(watch_.Reserve(events).ok());
    auto claims = std::make_shared<EventClaims>();
    for (const std::uint8_t id : ids) claims->ids.push_back(IdOf(id));
    watch_.Watch({.number = number,
                  .events = events,
                  .claims = ids.empty() ? nullptr : claims,
                  .deadline = now_ + 10s,
                  .done = [this, number](const Status& status) {
                    answers_.emplace_back(number, status.code());
                  }});
  }

  CommitWatch watch_{{.requests = 3, .events = 10}};
  Instant now_ = Instant() + 1000s;
  Answers answers_;
};

TEST_F(CommitWatchTest, AnswersWhenAllChunksOfARequestAreCommitted) {
  Watch(7, 3);
  watch_.HandleCovered(OutboxId(1), {{7, 0}, {7, 2}});
  watch_.HandleCovered(OutboxId(2), {{6, 0}, {7, 1}});
  watch_.HandleCommitted(OutboxId(1));
  EXPECT_THAT(answers_, IsEmpty());
  watch_.HandleCommitted(OutboxId(2));
  EXPECT_THAT(answers_, ElementsAre(std::pair(7u, kOk)));
  EXPECT_EQ(watch_.requests(), 0u);
}

TEST_F(CommitWatchTest, SaysUnavailableWhenTheTimeIsOverAndGoesOnWatching) {
  Watch(7, 1);
  watch_.Tick(now_ + 9s);
  EXPECT_THAT(answers_, IsEmpty());
  watch_.Tick(now_ + 10s);
  EXPECT_THAT(answers_, ElementsAre(std::pair(7u, kUnavailable)));
  EXPECT_EQ(watch_.requests(), 1u);
  watch_.HandleCovered(OutboxId(1), {{7, 0}});
  watch_.HandleCommitted(OutboxId(1));
  EXPECT_EQ(answers_.size(), 1u);
  EXPECT_EQ(watch_.requests(), 0u);
}

TEST_F(CommitWatchTest, ADuplicateCountsWhenTheFirstOneIsCommitted) {
  Watch(1, 1, {5});
  watch_.Tick(now_ + 10s);  // the client was told to come again
  Watch(2, 2, {5, 6});
  watch_.HandleDropped({{2, 0}, {2, 1}});  // 6 is another collector's
  EXPECT_THAT(answers_, ElementsAre(std::pair(1u, kUnavailable)));
  watch_.HandleCovered(OutboxId(1), {{1, 0}});
  watch_.HandleCommitted(OutboxId(1));
  EXPECT_THAT(answers_, ElementsAre(std::pair(1u, kUnavailable), std::pair(2u, kOk)));
}

TEST_F(CommitWatchTest, ADuplicateWithinOneRequestCountsWithTheFirstOne) {
  Watch(1, 2, {5, 5});
  watch_.HandleDropped({{1, 1}});
  watch_.HandleCovered(OutboxId(1), {{1, 0}});
  EXPECT_THAT(answers_, IsEmpty());
  watch_.HandleCommitted(OutboxId(1));
  EXPECT_THAT(answers_, ElementsAre(std::pair(1u, kOk)));
}

TEST_F(CommitWatchTest, ADeadLetterIsNotStored) {
  Watch(1, 2);
  watch_.HandleCovered(OutboxId(1), {{1, 0}});
  watch_.HandleCovered(OutboxId(2), {{1, 1}});
  watch_.HandleBuried(OutboxId(1));
  watch_.HandleCommitted(OutboxId(2));
  EXPECT_THAT(answers_, ElementsAre(std::pair(1u, kUnavailable)));
}

TEST_F(CommitWatchTest, AChunkThatCameAsOneIsAnsweredWhenItIsCommitted) {
  EXPECT_TRUE(watch_.Reserve(1).ok());
  watch_.WatchChunk(OutboxId(4), now_ + 1s,
                    [this](const Status& status) { answers_.emplace_back(4, status.code()); });
  watch_.HandleCommitted(OutboxId(4));
  EXPECT_THAT(answers_, ElementsAre(std::pair(4u, kOk)));
}

TEST_F(CommitWatchTest, TakesNoMoreThanItsLimits) {
  Watch(1, 8);
  EXPECT_EQ(watch_.Reserve(3).code(), StatusCode::kResourceExhausted);
  Watch(2, 1);
  EXPECT_TRUE(watch_.Reserve(1).ok());
  EXPECT_EQ(watch_.Reserve(0).code(), StatusCode::kResourceExhausted);
  watch_.Unreserve(1);
  watch_.HandleCovered(OutboxId(1), {{2, 0}});
  watch_.HandleCommitted(OutboxId(1));
  EXPECT_TRUE(watch_.Reserve(2).ok());
}

TEST_F(CommitWatchTest, AnswersAllWhenItFails) {
  Watch(1, 1);
  Watch(2, 1);
  watch_.FailAll(Unavailable("stopping"));
  EXPECT_EQ(answers_.size(), 2u);
  EXPECT_EQ(watch_.requests(), 0u);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(watch_.Reserve(1).ok());
}

}  // namespace
}  // namespace carillon
