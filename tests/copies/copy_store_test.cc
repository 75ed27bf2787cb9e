#include "collector/copies/copy_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/copies/copy_desk.h"
#include "collector/copies/copy_slot.h"
#include "collector/copies/restore_spool.h"
#include "storage/segment_format.h"
#include "tests/copies/store_link.h"
#include "tests/sim/support/quiet_log.h"

namespace carillon {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr CopyFile kIntake1{SpoolPart::kIntake, 1};
constexpr CopyFile kOutbox3{SpoolPart::kOutbox, 3};
constexpr CopyPiece kComplete{.kind = CopyStepKind::kComplete};

CopyPiece Append(CopyFile file, std::uint64_t offset, ByteSpan bytes) {
  return {.kind = CopyStepKind::kAppend, .file = file, .offset = offset, .bytes = bytes};
}

class CopyStoreTest : public testing::Test {
 protected:
  CopyStoreTest() {
    QuietLog();
    EXPECT_TRUE(machine.Open().ok());
  }

  CopyReply Ask(const CopyAsk& ask) {
    const auto answer = machine.Ask(EncodeCopyAsk(ask));
    EXPECT_TRUE(answer.ok());
    auto reply = answer.ok() ? DecodeCopyReply(*answer) : answer.status();
    return reply.ok() ? *reply : CopyReply{.status = reply.status()};
  }
  std::uint64_t Begin(std::uint64_t generation, std::string_view name = "a") {
    sequence = 0;
    return Ask({.kind = CopyAskKind::kBegin, .name = name, .generation = generation}).session;
  }
  Status Ship(std::uint64_t session, std::vector<CopyPiece> pieces) {
    return Ask({.kind = CopyAskKind::kShip,
                .name = "a",
                .session = session,
                .sequence = ++sequence,
                .pieces = std::move(pieces)})
        .status;
  }
  CopyReply List(std::string_view name = "a") {
    return Ask({.kind = CopyAskKind::kList, .name = name});
  }
  std::string Read(std::uint64_t generation, CopyFile file) {
    return Ask({.kind = CopyAskKind::kRead,
                .name = "a",
                .generation = generation,
                .range = {.file = file, .bytes = 100}})
        .bytes;
  }
  void MakeCopy(std::uint64_t generation, ByteSpan bytes) {
    ASSERT_TRUE(Ship(Begin(generation), {Append(kIntake1, 0, bytes), kComplete}).ok());
  }
  void Restart() {
    machine.Crash(CrashManner::kKeepNothing, 1);
    ASSERT_TRUE(machine.Open().ok());
  }

  CopyMachine machine;
  std::uint64_t sequence = 0;
};

TEST_F(CopyStoreTest, WhatWasAnsweredIsThereAfterACrash) {
  const std::uint64_t session = Begin(5);
  ASSERT_TRUE(Ship(session, {Append(kIntake1, 0, "abc"), Append(kOutbox3, 0, "x"), kComplete,
                             Append(kIntake1, 3, "de")})
                  .ok());
  ASSERT_TRUE(Ship(session, {Append(kOutbox3, 1, "yz")}).ok());
  Restart();
  const CopyReply list = List();
  EXPECT_EQ(list.generation, 5u);
  EXPECT_THAT(list.files, ElementsAre(SizedCopyFile{kIntake1, 5}, SizedCopyFile{kOutbox3, 3}));
  EXPECT_EQ(Read(5, kIntake1), "abcde");
  EXPECT_EQ(Read(5, kOutbox3), "xyz");
}

TEST_F(CopyStoreTest, AnOlderCopyStaysUntilTheNewerIsWhole) {
  MakeCopy(5, "old");
  const std::uint64_t session = Begin(6);
  ASSERT_TRUE(Ship(session, {Append(kIntake1, 0, "new")}).ok());
  EXPECT_EQ(List().generation, 5u);
  Restart();
  EXPECT_EQ(List().generation, 5u);
  EXPECT_EQ(Read(5, kIntake1), "old");
  MakeCopy(7, "newer");
  EXPECT_EQ(List().generation, 7u);
  EXPECT_EQ(machine.stats().copies, 1u);
  EXPECT_EQ(machine.stats().bytes, 5u);
}

TEST_F(CopyStoreTest, AfterARestartASessionIsGone) {
  const std::uint64_t session = Begin(5);
  ASSERT_TRUE(Ship(session, {kComplete}).ok());
  Restart();
  EXPECT_EQ(Ship(session, {}).code(), StatusCode::kFailedPrecondition);
}

TEST_F(CopyStoreTest, TheLastStepsMayComeAgainAndOthersMayNotBeLeftOut) {
  const std::uint64_t session = Begin(5);
  ASSERT_TRUE(Ship(session, {Append(kIntake1, 0, "abc"), kComplete}).ok());
  --sequence;
  ASSERT_TRUE(Ship(session, {Append(kIntake1, 0, "abc"), kComplete}).ok());
  EXPECT_EQ(Read(5, kIntake1), "abc");
  ++sequence;
  EXPECT_EQ(Ship(session, {}).code(), StatusCode::kFailedPrecondition);
}

TEST_F(CopyStoreTest, AGenerationThatIsNotNewIsRefused) {
  MakeCopy(5, "old");
  const CopyReply reply = Ask({.kind = CopyAskKind::kBegin, .name = "a", .generation = 5});
  EXPECT_EQ(reply.status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(reply.generation, 5u);
}

TEST_F(CopyStoreTest, BytesThatDoNotFitWhatIsThereEndTheSession) {
  const std::uint64_t session = Begin(5);
  EXPECT_EQ(Ship(session, {Append(kIntake1, 4, "abc")}).code(), StatusCode::kDataLoss);
  EXPECT_EQ(Ship(session, {}).code(), StatusCode::kFailedPrecondition);
}

TEST_F(CopyStoreTest, ThereIsRoomForSoManyBytesAndSoManyNames) {
  machine.Crash(CrashManner::kKeepAll, 1);
  ASSERT_TRUE(machine.Open(10).ok());
  MakeCopy(5, "12345678");
  EXPECT_EQ(Ship(Begin(6), {Append(kIntake1, 0, "abc")}).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(List().generation, 5u);
  for (int i = 0; i < 15; ++i) EXPECT_NE(Begin(1, "n" + std::to_string(i)), 0u);
  EXPECT_EQ(Begin(1, "one-more"), 0u);
}

TEST_F(CopyStoreTest, ANameIsNoWayOutOfTheDirectory) {
  for (const std::string_view name : {"", ".", "..", "a/b", "../a", ".hidden"}) {
    const CopyReply reply = Ask({.kind = CopyAskKind::kBegin, .name = name, .generation = 1});
    EXPECT_EQ(reply.status.code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST_F(CopyStoreTest, NobodyKeepsCopiesOfHimself) {
  ASSERT_TRUE(machine.Open(1 << 20, "a").ok());
  EXPECT_EQ(List("a").status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Ask({.kind = CopyAskKind::kBegin, .name = "a", .generation = 1}).status.code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(machine.stats().copies, 0u);
  EXPECT_TRUE(List("b").status.ok());
  EXPECT_NE(Begin(1, "b"), 0u);
}

TEST_F(CopyStoreTest, WhoNamesHimselfAsHisPeerIsToldSoInsteadOfWaiting) {
  ASSERT_TRUE(machine.Open(1 << 20, "a").ok());
  SimulatedFileSystem files;
  const Status status = RestoreSpool(&files, "/spool", "a", {PeerAt(&machine)}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("peer: 'a' is my own name"));
}

TEST_F(CopyStoreTest, ForgettingSparesWhatIsNotOlder) {
  MakeCopy(5, "old");
  EXPECT_TRUE(Ask({.kind = CopyAskKind::kForget, .name = "a", .generation = 5}).status.ok());
  EXPECT_EQ(List().generation, 5u);
  EXPECT_TRUE(Ask({.kind = CopyAskKind::kForget, .name = "a", .generation = 6}).status.ok());
  EXPECT_EQ(List().generation, 0u);
  Restart();
  EXPECT_EQ(List().generation, 0u);
}

TEST_F(CopyStoreTest, ACopyThatIsBeingDrainedIsNobodysAndIsLeftAsItIs) {
  MakeCopy(5, "old");
  ASSERT_TRUE(BeginDraining(&machine.files, "/copies/a/0").ok());
  EXPECT_EQ(List().generation, 0u);
  MakeCopy(6, "new");
  EXPECT_EQ(List().generation, 6u);
  Restart();
  MakeCopy(7, "newer");
  EXPECT_TRUE(machine.files.Exists("/copies/a/0/intake/segments/" + SegmentFileName(SegmentId(1))));
  ASSERT_TRUE(RemoveDrainedCopy(&machine.files, "/copies/a/0").ok());
  EXPECT_EQ(List().generation, 7u);
  MakeCopy(8, "newest");
  EXPECT_EQ(List().generation, 8u);
}

TEST_F(CopyStoreTest, ADiskThatFailsDoesNotLookLikeOneWithoutCopies) {
  MakeCopy(5, "old");
  machine.files.FailCalls(DiskCall::kOpenReadable, 1);
  EXPECT_EQ(List().status.code(), StatusCode::kUnavailable);
}

TEST_F(CopyStoreTest, ARestorationThatWasInterruptedBeginsAnew) {
  MakeCopy(5, "bytes");
  const std::vector<CopyPeer> peers = {PeerAt(&machine)};
  bool stopped = true;
  for (std::uint64_t at = 1; stopped; ++at) {
    SimulatedFileSystem files;
    files.StopAfter(at);
    (void)RestoreSpool(&files, "/spool", "a", peers);
    stopped = files.stopped();
    Random random(at);
    files.Crash(CrashManner::kKeepSome, &random);
    if (IsSpoolEmpty(&files, "/spool")) {
      ASSERT_TRUE(RestoreSpool(&files, "/spool", "a", peers).ok()) << at;
    }
    EXPECT_EQ(files.Content("/spool/intake/segments/" + SegmentFileName(SegmentId(1))), "bytes");
    EXPECT_FALSE(IsSpoolEmpty(&files, "/spool"));
    ASSERT_FALSE(HasFailure()) << "stopped after operation " << at;
  }
}

TEST_F(CopyStoreTest, ASpoolThatIsNotEmptyIsLeftAsItIs) {
  MakeCopy(5, "bytes");
  SimulatedFileSystem files;
  ASSERT_TRUE(files.MakeDirectory("/spool").ok());
  ASSERT_TRUE(ReplaceFile(&files, "/spool", "WRITER", "mine").ok());
  machine.away = true;  // nobody is asked
  const auto report = RestoreSpool(&files, "/spool", "a", {PeerAt(&machine)});
  ASSERT_TRUE(report.ok());
  EXPECT_FALSE(report->restored);
}

TEST(CopyDeskTest, KnowsOneKeyAndAnswersWhatItCannotRead) {
  SimulatedFileSystem files;
  auto store = CopyStore::Open({.files = &files, .directory = "/copies"});
  ASSERT_TRUE(store.ok());
  CopyDesk desk(*std::move(store), "the-key");
  EXPECT_TRUE(desk.Knows("the-key"));
  for (const std::string_view key : {"", "the-ke", "the-keys", "the-kex"}) {
    EXPECT_FALSE(desk.Knows(key)) << key;
  }
  Bytes answer;
  desk.Handle("rubbish", [&](Bytes reply) { answer = std::move(reply); });
  desk.Stop();
  const auto reply = DecodeCopyReply(answer);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->status.code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace carillon
