#include "tests/node/three_nodes_fixture.h"

namespace carillon {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class ProposalDeadlineTest : public ThreeNodesFixture {
 protected:
  ProposalDeadlineTest() {
    Start();
    (void)Take<AskPeer>();
    Step(CreateBucketInput{.request = RequestId(1),
                           .name = "logs",
                           .properties = {},
                           .deadline = time_.now + seconds(2)});
    (void)EndSaves();
  }
  // n2 says yes to whatever the node asks of kind Request.
  template <typename Request, typename Reply>
  void SayYes() {
    for (const AskPeer& asked : TakeAsked<RegisterMessage>()) {
      const auto* request = std::get_if<Request>(&std::get<RegisterMessage>(asked.message));
      if (request == nullptr || asked.to != NodeOf(2)) continue;
      Reply reply;
      reply.vote = {.header = request->header, .ballot = request->ballot};
      reply.vote.promised = request->ballot;
      Step(PeerRequest{.request = RequestId(900),
                       .sender = SenderOf(2),
                       .message = RegisterMessage(std::move(reply))});
      (void)EndSaves();
    }
  }
  Status TheAnswer() {
    const auto answers = Take<Answer>();
    EXPECT_EQ(answers.size(), 1u);
    return answers.empty() ? OkStatus() : answers[0].status;
  }
};

TEST_F(ProposalDeadlineTest, NothingIsChangedWhenNobodyWasAskedToAccept) {
  Pass(seconds(1));
  EXPECT_TRUE(Take<Answer>().empty());
  Pass(seconds(1));
  const Status status = TheAnswer();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("nothing was changed"));
  (void)Take<AskPeer>();
  Pass(seconds(60));
  EXPECT_TRUE(TakeAsked<RegisterMessage>().empty());  // and nobody will be asked
}

TEST_F(ProposalDeadlineTest, ItMayStillBeMadeWhenOneMayHaveAccepted) {
  SayYes<PrepareRequest, PrepareReply>();
  Pass(seconds(2));
  const Status status = TheAnswer();
  EXPECT_EQ(status.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("it may still be made"));
}

TEST_F(ProposalDeadlineTest, WhatIsDecidedInTimeIsDone) {
  SayYes<PrepareRequest, PrepareReply>();
  SayYes<AcceptRequest, AcceptReply>();
  EXPECT_TRUE(TheAnswer().ok());
  Pass(seconds(10));
  EXPECT_TRUE(Take<Answer>().empty());
  EXPECT_NE(node_->state().FindBucket("logs"), nullptr);
}

}  // namespace
}  // namespace carillon
