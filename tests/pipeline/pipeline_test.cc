#include "collector/pipeline/pipeline.h"

#include "base/checksum.h"
#include "crunch/chunk_codec.h"
#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Le;
using ::testing::Not;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Drains while time passes, so that what waits for a time need not wait for it.
Status DrainQuickly(PipelineMachine* machine) {
  for (int i = 0; i < 2000; ++i) {
    const Status status = machine->pipeline->Drain(5ms);
    if (status.code() != StatusCode::kDeadlineExceeded) return status;
    machine->clock.Advance(1);
  }
  return DeadlineExceeded("never");
}

// Found by spool_fuzz: such a line would be counted as two events.
TEST_F(PipelineTest, ARecordThatNobodyCanHaveKeptIsDamageAndTheRestIsStored) {
  {
    const auto intake =
        SpoolLog::Open({.files = &files, .directory = "/spool/intake", .clock = &clock},
                       [](const SpoolItem&) { return OkStatus(); });
    ASSERT_TRUE(intake.ok());
    for (const std::string_view json : {"{\"n\":\n1}", "{\"n\":2}"}) {
      PreparedEvent event{.bucket = "events", .type = "WEB", .json = json};
      event.time_us = static_cast<std::int64_t>(kNow) * 1'000'000;
      IntakeRequest request{.tenant = "acme", .received_us = event.time_us};
      request.events = {event};
      std::vector<SpoolAppend> records = {
          {.kind = SpoolKind::kRequest, .value = Rope(SharedBytes(EncodeRequest(request)))}};
      ASSERT_TRUE((*intake)->Append(records).ok());
    }
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair("{\"n\":2}", 1)));
  EXPECT_EQ(pipeline->stats().damaged, 1u);
}

TEST_F(PipelineTest, CommitsWhatItHasTaken) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}).ok());
  EXPECT_TRUE(Keep("acme", {Event(3)}, kNow - 1).ok());
  EXPECT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_THAT(client.Events(),
              UnorderedElementsAre(Pair(Event(1), 1), Pair(Event(2), 1), Pair(Event(3), 1)));
  EXPECT_EQ(client.commits(), 2);
  const PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.events_committed, 3u);
  EXPECT_EQ(stats.chunks_committed, 2u);
  EXPECT_EQ(stats.chunks_waiting, 0u);
  EXPECT_EQ(stats.waiting_bytes, 0u);
}

TEST_F(PipelineTest, CountsEventsThatAreInNoChunkYetAlsoThoseOfAnEarlierProcess) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}).ok());
  EXPECT_EQ(pipeline->stats().unpacked_events, 2u);
  pipeline.reset();
  ASSERT_TRUE(Open().ok());
  EXPECT_GT(pipeline->stats().unpacked_events, 0u);
  EXPECT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_EQ(pipeline->stats().unpacked_events, 0u);
}

TEST_F(PipelineTest, LeavesEmptyLogsAfterADrain) {
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Keep("acme", {std::string(4000, 'x')}).ok());
  EXPECT_GT(pipeline->stats().intake_bytes, 0u);
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_EQ(pipeline->stats().intake_bytes, 0u);
  EXPECT_EQ(pipeline->stats().outbox_bytes, 0u);
}

TEST_F(PipelineTest, KeepsAcceptedEventsForTheNextProcess) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}).ok());
  pipeline.reset();
  EXPECT_THAT(client.Events(), IsEmpty());
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_THAT(client.Events(), UnorderedElementsAre(Pair(Event(1), 1), Pair(Event(2), 1)));
  EXPECT_EQ(pipeline->stats().recovered_requests, 1u);
}

TEST_F(PipelineTest, SendsTheSameBytesUnderTheSameKeyAgainAfterARestart) {
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1)}).ok());
  EXPECT_THAT(pipeline->Drain(20ms), HasCode(StatusCode::kDeadlineExceeded));
  EXPECT_EQ(pipeline->stats().chunks_waiting, 1u);
  const ChunkKey key = client.puts().at(0);
  pipeline.reset();
  client.BeforePut(nullptr);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_EQ(pipeline->stats().recovered_chunks, 1u);
  EXPECT_THAT(client.puts(), Each(key));
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
}

TEST_F(PipelineTest, StoresOnceWhatTheStoreTookWithoutSayingSo) {
  int answers = 0;
  client.After([&] { return ++answers % 3 != 0 ? Unavailable("lost") : OkStatus(); });
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Keep("acme", {Event(i)}, kNow - i).ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), AllOf(SizeIs(10), Each(Pair(::testing::_, 1))));
  EXPECT_GT(pipeline->stats().failures, 0u);
}

TEST_F(PipelineTest, TakesAnotherNumberWhenItsOwnIsSomebodyElses) {
  PipelineOptions with = options();
  with.writer = 5;
  client.Store("events",
               {.epoch = Epoch(kNow),
                .dc = "1",
                .cell = "cell0",
                .type = "WEB",
                .number = std::uint64_t{5} << 32},
               "somebody else's");
  ASSERT_TRUE(OpenWith(with).ok());
  EXPECT_TRUE(Keep("acme", {Event(1)}).ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
  EXPECT_EQ(pipeline->stats().renumbered, 1u);
  EXPECT_NE(client.committed().begin()->second.number >> 32, 5u);
}

TEST_F(PipelineTest, RefusesWhenItIsFullAndLosesNothingThatItTook) {
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  std::set<std::string> taken;
  Status status;
  Random random(1);
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    std::string event = Event(i);
    while (event.size() < 8000) event += fmt::format("{:x}", random.Next());
    status = Keep("acme", {event}, kNow - i % 10);
    if (status.ok()) taken.insert(event);
    if (i % 10 == 9) clock.Advance(2);
  }
  EXPECT_THAT(status, HasCode(StatusCode::kResourceExhausted));
  EXPECT_GT(pipeline->RetryAfter(), 1s);
  const PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.accepted.refused, 1u);
  EXPECT_LT(stats.intake_bytes + stats.outbox_bytes, 2 * kMinSpoolBytes);
  EXPECT_GT(taken.size(), 50u);
  client.BeforePut(nullptr);
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_EQ(client.Events().size(), taken.size());
}

TEST_F(PipelineTest, TakesEventsAgainWhenThereIsSpaceAgain) {
  ASSERT_TRUE(Open().ok());
  files.FailCalls(DiskCall::kAllocate, 1, StatusCode::kResourceExhausted, 3);
  EXPECT_THAT(Keep("acme", {Event(1)}), HasCode(StatusCode::kResourceExhausted));
  files.ClearFaults();
  EXPECT_TRUE(Keep("acme", {Event(2)}).ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(2), 1)));
}

TEST_F(PipelineTest, StopsAfterAFailedSyncAndKeepsWhatItAcknowledged) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1)}).ok());
  files.FailCalls(DiskCall::kSync, 1);
  EXPECT_THAT(Keep("acme", {Event(2)}), HasCode(StatusCode::kUnavailable));
  EXPECT_THAT(Keep("acme", {Event(3)}), HasCode(StatusCode::kUnavailable));
  EXPECT_FALSE(pipeline->stats().failure.ok());
  pipeline.reset();
  Random random(1);
  files.Crash(CrashManner::kKeepAll, &random);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
}

TEST_F(PipelineTest, WritesTheOutboxAgainWhenTheDiskHasSpaceAgain) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1)}).ok());
  files.FailCalls(DiskCall::kCreate, 1, StatusCode::kResourceExhausted, 3);
  EXPECT_THAT(pipeline->Drain(20ms), HasCode(StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
}

TEST_F(PipelineTest, APoisonChunkBecomesADeadLetterAndTheRestGoesOn) {
  client.BeforePut([](const std::string& bucket, const ChunkKey&) {
    return bucket == "nowhere" ? NotFound("no bucket '{}'", bucket) : OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}, kNow, "WEB", "nowhere").ok());
  EXPECT_TRUE(Keep("acme", {Event(3)}).ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(3), 1)));
  const PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.dead_letters, 1u);
  EXPECT_EQ(stats.dead_letter_events, 2u);
  EXPECT_GT(stats.dead_letter_bytes, 0u);
  pipeline.reset();
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(pipeline->stats().recovered_chunks, 0u);
  EXPECT_GT(pipeline->stats().dead_letter_bytes, 0u);
}

TEST_F(PipelineTest, ATenantWhoseBucketIsStuckDoesNotBlockAnother) {
  client.BeforePut([](const std::string& bucket, const ChunkKey&) {
    return bucket == "stuck" ? ResourceExhausted("quota") : OkStatus();
  });
  ASSERT_TRUE(Open().ok());
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(Keep("slow", {Event(i)}, kNow - i, "WEB", "stuck").ok());
  EXPECT_TRUE(Keep("acme", {Event(100)}).ok());
  for (int i = 0; i < 500 && client.Events().empty(); ++i) (void)pipeline->Drain(5ms);
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(100), 1)));
}

TEST_F(PipelineTest, RefusesEventsThatNoChunkCanHold) {
  ASSERT_TRUE(Open().ok());
  const auto refused = HasCode(StatusCode::kInvalidArgument);
  EXPECT_THAT(Keep("acme", {}), refused);
  EXPECT_THAT(Keep("no such name", {Event(1)}), refused);
  EXPECT_THAT(Keep("acme", {Event(1), "two\nlines"}), refused);
  EXPECT_THAT(Keep("acme", {Event(1), ""}), refused);
  EXPECT_THAT(Keep("acme", {Event(1)}, kNow, "WEB:app"), refused);
  EXPECT_THAT(Keep("acme", {Event(1)}, kNow, "WEB", "a/b"), refused);
  EXPECT_THAT(Keep("acme", {Event(1)}, kMaxEpoch + 1), refused);
  EXPECT_THAT(Keep("acme", {std::string(kMaxEventBytes + 1, 'x')}), refused);
  EXPECT_EQ(pipeline->stats().accepted.refused, 8u);
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), IsEmpty());
}

TEST_F(PipelineTest, RefusesAllWhenItDrains) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(Keep("acme", {Event(1)}), HasCode(StatusCode::kUnavailable));
}

TEST_F(PipelineTest, CountsByTenantWithABoundedNumberOfNames) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}).ok());
  for (std::size_t i = 0; i < kMaxTenantStats + 5; ++i) {
    EXPECT_TRUE(Keep(fmt::format("t{}", i), {Event(3)}).ok());
  }
  const PipelineStats stats = pipeline->stats();
  EXPECT_EQ(stats.accepted.events, kMaxTenantStats + 7);
  EXPECT_THAT(stats.tenants, SizeIs(kMaxTenantStats + 1));
  EXPECT_EQ(stats.tenants.at("acme").events, 2u);
  EXPECT_EQ(stats.tenants.at("acme").bytes, Event(1).size() * 2);
  EXPECT_EQ(stats.tenants.at(kOtherTenants).requests, 6u);
}

TEST_F(PipelineTest, AnswersWhenTheEventsAreStoredIfThatIsAskedFor) {
  ASSERT_TRUE(Open().ok());
  const std::string event = Event(1);
  IntakeRequest request{.tenant = "acme",
                        .events = {{.bucket = "events", .type = "WEB", .json = event}},
                        .ack = {.level = AckLevel::kStored}};
  request.events[0].time_us = static_cast<std::int64_t>(kNow) * 1'000'000;
  std::promise<Status> answer;
  std::future<Status> answered = answer.get_future();
  pipeline->Keep(request, [&](const Status& status) { answer.set_value(status); });
  // Its second is open, and this clock stands still.
  EXPECT_EQ(answered.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_TRUE(answered.get().ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(event, 1)));
  EXPECT_EQ(pipeline->stats().requests_watched, 0u);
}

TEST_F(PipelineTest, SaysUnavailableWhenTheStoreIsTooSlowAndStoresItAllTheSame) {
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(Open().ok());
  const std::string event = Event(1);
  IntakeRequest request{.tenant = "acme",
                        .events = {{.bucket = "events", .type = "WEB", .json = event}},
                        .ack = {.level = AckLevel::kStored, .timeout = 5s}};
  std::promise<Status> answer;
  std::future<Status> answered = answer.get_future();
  pipeline->Keep(request, [&](const Status& status) { answer.set_value(status); });
  while (answered.wait_for(1ms) == std::future_status::timeout) clock.Advance(1);
  EXPECT_THAT(answered.get(), HasCode(StatusCode::kUnavailable));
  client.BeforePut(nullptr);
  EXPECT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair(event, 1)));
}

TEST_F(PipelineTest, OneProcessASpool) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Pipeline::Open(options()).status(), HasCode(StatusCode::kFailedPrecondition));
}

TEST_F(PipelineTest, RefusesOptionsThatMakeNoSense) {
  const auto open = [&](auto change) {
    PipelineOptions with = options();
    change(&with);
    return Pipeline::Open(with).status();
  };
  const auto refused = HasCode(StatusCode::kInvalidArgument);
  EXPECT_THAT(open([](PipelineOptions* with) { with->client = nullptr; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->directory = "spool"; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->dc = ""; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->max_spool_bytes = 1; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->stale_percent = 100; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->max_chunk_bytes = 9 << 20; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->max_in_flight = 0; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->lateness = -1s; }), refused);
  EXPECT_THAT(open([](PipelineOptions* with) { with->writer = std::uint64_t{1} << 31; }), refused);
}

// With time as it is: nothing is asked for, and the second is committed when it is over.
TEST_F(PipelineTest, CommitsASecondByItself) {
  std::promise<void> committed;
  client.After([&, asked = 0]() mutable {
    if (++asked == 2) committed.set_value();  // the put, then the commit
    return OkStatus();
  });
  PipelineOptions with = options();
  with.clock = &SystemClock();
  with.lateness = 0s;
  ASSERT_TRUE(OpenWith(with).ok());
  ASSERT_TRUE(Keep("acme", {Event(1)}).ok());  // long ago: due at once
  committed.get_future().wait();
  pipeline.reset();
  EXPECT_THAT(client.Events(), ElementsAre(Pair(Event(1), 1)));
}

class PackedChunkTest : public PipelineTest {
 protected:
  Status KeepChunk(std::uint64_t number, const std::string& value, const std::string& dc = "1") {
    PackedChunk chunk{.tenant = "acme", .bucket = "events", .value = SharedBytes(Bytes(value))};
    chunk.info = {
        .key = {.epoch = Epoch(kNow), .dc = dc, .cell = "cell7", .type = "WEB", .number = number},
        .events = 3,
        .raw_bytes = 30,
        .value_bytes = static_cast<std::uint32_t>(value.size()),
        .value_crc = Crc32c(value)};
    std::promise<Status> answer;
    pipeline->KeepChunk(chunk, [&](const Status& status) { answer.set_value(status); });
    return answer.get_future().get();
  }
};

TEST_F(PackedChunkTest, IsCommittedUnderItsOwnKey) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(KeepChunk(0, EncodeChunkValue("{\"c\":0}\n")).ok());
  ASSERT_TRUE(KeepChunk(7, EncodeChunkValue("{\"c\":7}\n")).ok());
  ASSERT_TRUE(Keep("acme", {Event(1)}).ok());
  ASSERT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_THAT(client.Events(),
              UnorderedElementsAre(Pair("{\"c\":0}", 1), Pair("{\"c\":7}", 1), Pair(Event(1), 1)));
  std::vector<std::uint64_t> numbers;
  for (const auto& [bucket, key] : client.committed()) {
    if (key.cell == "cell7") numbers.push_back(key.number);
  }
  EXPECT_THAT(numbers, UnorderedElementsAre(0, 7));
  EXPECT_EQ(pipeline->stats().accepted.events, 7u);
}

TEST_F(PackedChunkTest, IsOnTheDiskWhenItIsAnswered) {
  ASSERT_TRUE(Open().ok());
  client.BeforePut([](const std::string&, const ChunkKey&) { return Unavailable("away"); });
  ASSERT_TRUE(KeepChunk(5, EncodeChunkValue("{\"c\":5}\n")).ok());
  pipeline.reset();
  Random random(1);
  files.Crash(CrashManner::kKeepNothing, &random);
  client.BeforePut(nullptr);
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(DrainQuickly(this).ok());
  EXPECT_THAT(client.Events(), ElementsAre(Pair("{\"c\":5}", 1)));
}

TEST_F(PackedChunkTest, IsRefusedWhenItCanNeverBeCommitted) {
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(KeepChunk(5, "a value", "2"), HasCode(StatusCode::kInvalidArgument));
  EXPECT_THAT(KeepChunk(5, std::string(512'001, 'x')), HasCode(StatusCode::kInvalidArgument));
  ASSERT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_THAT(KeepChunk(5, "a value"), HasCode(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace carillon
