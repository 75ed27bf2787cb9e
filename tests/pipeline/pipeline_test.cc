#include "collector/pipeline/pipeline.h"

#include "tests/pipeline/pipeline_fixture.h"

namespace carillon {
namespace {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST_F(PipelineTest, CommitsWhatItHasTaken) {
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Keep("acme", {Event(1), Event(2)}).ok());
  EXPECT_TRUE(Keep("acme", {Event(3)}, kNow - 1).ok());
  EXPECT_TRUE(pipeline->Drain(10s).ok());
  EXPECT_THAT(client.Events(),
              UnorderedElementsAre(Pair(Event(1), 1), Pair(Event(2), 1), Pair(Event(3), 1)));
  EXPECT_EQ(client.commits(), 2);
}

}  // namespace
}  // namespace carillon
