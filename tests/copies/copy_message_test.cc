#include "collector/copies/copy_message.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

CopyAsk Shipped() {
  return {.kind = CopyAskKind::kShip,
          .name = "a",
          .generation = 7,
          .session = 99,
          .sequence = 3,
          .pieces = {{.kind = CopyStepKind::kAppend,
                      .file = {SpoolPart::kOutbox, 5},
                      .offset = 10,
                      .bytes = "bytes"},
                     {.kind = CopyStepKind::kRemove, .file = {SpoolPart::kIntake, 4}},
                     {.kind = CopyStepKind::kComplete}}};
}

TEST(CopyMessageTest, AnAskComesBackAsItWas) {
  const Bytes bytes = EncodeCopyAsk(Shipped());
  const auto ask = DecodeCopyAsk(bytes);
  ASSERT_TRUE(ask.ok());
  EXPECT_EQ(ask->name, "a");
  EXPECT_EQ(ask->sequence, 3u);
  ASSERT_EQ(ask->pieces.size(), 3u);
  EXPECT_EQ(ask->pieces[0].bytes, "bytes");
  EXPECT_EQ(ask->pieces[1].file, (CopyFile{SpoolPart::kIntake, 4}));
  EXPECT_EQ(EncodeCopyAsk(*ask), bytes);
}

TEST(CopyMessageTest, AReplyComesBackAsItWas) {
  CopyReply reply;
  reply.status = AlreadyExists("there");
  reply.generation = 8;
  reply.files = {{{SpoolPart::kDead, 2}, 77}};
  reply.bytes = "some";
  const auto decoded = DecodeCopyReply(EncodeCopyReply(reply));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->status, reply.status);
  EXPECT_EQ(decoded->files, reply.files);
  EXPECT_EQ(decoded->bytes, "some");
}

TEST(CopyMessageTest, AnyByteThatIsChangedOrCutOffIsSeen) {
  const Bytes bytes = EncodeCopyAsk(Shipped());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(DecodeCopyAsk(changed).ok()) << i;
    EXPECT_FALSE(DecodeCopyAsk(bytes.substr(0, i)).ok()) << i;
  }
}

TEST(CopyMessageTest, MoreThanTheLimitIsRefused) {
  const Bytes large(kMaxCopyBytes + 1, 'x');
  CopyAsk ask = Shipped();
  ask.pieces[0].bytes = large;
  EXPECT_EQ(DecodeCopyAsk(EncodeCopyAsk(ask)).status().code(), StatusCode::kDataLoss);
  ask = Shipped();
  ask.pieces.resize(kMaxCopyPieces + 1, {.kind = CopyStepKind::kComplete});
  EXPECT_EQ(DecodeCopyAsk(EncodeCopyAsk(ask)).status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace carillon
