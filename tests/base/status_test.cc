#include "base/status.h"

#include <gtest/gtest.h>

namespace carillon {
namespace {

StatusOr<int> Half(int number) {
  if (number % 2 != 0) return InvalidArgument("{} is odd", number);
  return number / 2;
}

StatusOr<int> Quarter(int number) {
  ASSIGN_OR_RETURN(const int half, Half(number));
  return Half(half);
}

Status CheckEven(int number, bool* went_on) {
  RETURN_IF_ERROR(Half(number).status());
  *went_on = true;
  return OkStatus();
}

TEST(StatusTest, SaysItsCodeAndMessage) {
  EXPECT_EQ(ToString(NotFound("no bucket '{}'", "x")), "NOT_FOUND: no bucket 'x'");
  EXPECT_EQ(Message(DataLoss("at {}", 7)), "at 7");
}

TEST(StatusTest, NamesEveryCodeAsGrpcDoes) {
  EXPECT_EQ(CodeName(StatusCode::kOk), "OK");
  EXPECT_EQ(CodeName(StatusCode::kCancelled), "CANCELLED");
  EXPECT_EQ(CodeName(StatusCode::kInvalidArgument), "INVALID_ARGUMENT");
  EXPECT_EQ(CodeName(StatusCode::kAlreadyExists), "ALREADY_EXISTS");
  EXPECT_EQ(CodeName(StatusCode::kResourceExhausted), "RESOURCE_EXHAUSTED");
  EXPECT_EQ(CodeName(StatusCode::kFailedPrecondition), "FAILED_PRECONDITION");
  EXPECT_EQ(CodeName(StatusCode::kDataLoss), "DATA_LOSS");
  EXPECT_EQ(CodeName(StatusCode::kUnauthenticated), "UNAUTHENTICATED");
}

TEST(StatusTest, AnnotateKeepsTheCodeAndPutsTheContextFirst) {
  const Status status = Annotate(Unavailable("disk failed"), "partition 7");
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(Message(status), "partition 7: disk failed");
}

TEST(StatusTest, AnnotateLeavesOkAlone) {
  EXPECT_TRUE(Annotate(OkStatus(), "context").ok());
}

TEST(StatusTest, AssignOrReturnReturnsTheFirstError) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Message(Quarter(7).status()), "7 is odd");
  EXPECT_EQ(Message(Quarter(6).status()), "3 is odd");
}

TEST(StatusTest, ReturnIfErrorGoesOnOnlyWhenOk) {
  bool went_on = false;
  EXPECT_FALSE(CheckEven(3, &went_on).ok());
  EXPECT_FALSE(went_on);
  EXPECT_TRUE(CheckEven(4, &went_on).ok());
  EXPECT_TRUE(went_on);
}

}  // namespace
}  // namespace carillon
