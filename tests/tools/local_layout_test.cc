#include "tools/carillon/ring/local_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using ::testing::ElementsAre;

TEST(LocalLayoutTest, GivesEachNodeTwoPorts) {
  const auto nodes = MakeLocalNodes(3, 7480);
  ASSERT_TRUE(nodes.ok());
  EXPECT_EQ(EndpointsOf(*nodes), "127.0.0.1:7480,127.0.0.1:7482,127.0.0.1:7484");
  EXPECT_EQ(nodes->at(2).http, 7485);
  EXPECT_EQ(nodes->at(2).name, "node3");
}

TEST(LocalLayoutTest, RefusesWhatHasNoPorts) {
  EXPECT_TRUE(MakeLocalNodes(32, 65'472).ok());
  EXPECT_FALSE(MakeLocalNodes(32, 65'473).ok());
  EXPECT_FALSE(MakeLocalNodes(0, 7480).ok());
  EXPECT_FALSE(MakeLocalNodes(33, 7480).ok());
  EXPECT_FALSE(MakeLocalNodes(1, 0).ok());
}

TEST(LocalLayoutTest, RemembersItsNodes) {
  const auto nodes = *MakeLocalNodes(2, 9000);
  EXPECT_EQ(LocalFile(nodes),
            "{\"nodes\":[{\"name\":\"node1\",\"grpc\":9000,\"http\":9001},"
            "{\"name\":\"node2\",\"grpc\":9002,\"http\":9003}]}\n");
  const auto again = ParseLocalFile(LocalFile(nodes));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(EndpointsOf(*again), EndpointsOf(nodes));
}

TEST(LocalLayoutTest, RefusesAFileThatIsNotItsOwn) {
  for (const char* text : {"", "{}", "[1]", R"({"nodes":[]})", R"({"nodes":[{"name":"node1"}]})",
                           R"({"nodes":[{"name":"a/b","grpc":1,"http":2}]})",
                           R"({"nodes":[{"name":"a","grpc":65536,"http":2}]})"}) {
    EXPECT_EQ(ParseLocalFile(text).status().code(), StatusCode::kDataLoss) << text;
  }
}

TEST(LocalLayoutTest, LetsTheOthersJoinTheFirst) {
  const auto nodes = *MakeLocalNodes(2, 9000);
  EXPECT_THAT(NodeArguments("/bin/carillond", "/data", nodes, 0),
              ElementsAre("/bin/carillond", "--data", "/data/node1", "--name", "node1", "--listen",
                          "127.0.0.1:9000", "--http", "127.0.0.1:9001"));
  EXPECT_THAT(
      NodeArguments("/bin/carillond", "/data", nodes, 1),
      ElementsAre("/bin/carillond", "--data", "/data/node2", "--name", "node2", "--listen",
                  "127.0.0.1:9002", "--http", "127.0.0.1:9003", "--join", "127.0.0.1:9000"));
}

}  // namespace
}  // namespace carillon
