// What the routes make of requests and answers, without a socket.
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "base/retry_hint.h"
#include "server/http/bucket_json.h"
#include "server/http/chunks_route.h"
#include "server/http/cluster_route.h"
#include "server/http/event_stream.h"
#include "server/http/events_route.h"
#include "server/http/http_status.h"
#include "server/http/json_text.h"
#include "server/http/node_route.h"
#include "server/http/problem_json.h"
#include "server/http/seconds_route.h"
#include "server/http/time_parameter.h"

namespace carillon {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000;
constexpr char kChunk[] = R"({"key":"7:1:c:T::chunk0","events":2,"raw_bytes":30,"value_bytes":20,)"
                          R"("value_crc32c":"e3069283"})";

TEST(TimeParameterTest, ReadsSecondsAndTimesBeforeNow) {
  EXPECT_EQ(ParseTime("from", "1428415043", kNow)->value(), 1428415043u);
  EXPECT_EQ(ParseTime("from", "now", kNow)->value(), kNow);
  EXPECT_EQ(ParseTime("from", "-5m", kNow)->value(), kNow - 300);
  EXPECT_EQ(ParseTime("from", "now-2h", kNow)->value(), kNow - 7200);
  EXPECT_EQ(ParseTime("from", "-1099511627775d", kNow)->value(), 0u);
}

TEST(TimeParameterTest, RefusesEverythingElse) {
  for (const char* text : {"", "-", "-5", "-m", "-5x", "+5m", "now5m", "now+5m", "1e9", "--5m"}) {
    const auto time = ParseTime("from", text, kNow);
    EXPECT_EQ(time.status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(EventsRouteTest, ReadsTheLastFiveMinutesWhenNotTold) {
  const auto input = ParseReadRange("", kNow);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->bucket, "events");
  EXPECT_EQ(input->range, (EpochRange{Epoch(kNow - 300), Epoch(kNow + 1)}));
  EXPECT_EQ(input->max_events, 0u);
}

TEST(EventsRouteTest, TellsAnEmptySubtypeFromAny) {
  EXPECT_EQ(ParseReadRange("", kNow)->filter.subtype, std::nullopt);
  EXPECT_EQ(ParseReadRange("subtype=", kNow)->filter.subtype, "");
}

TEST(EventsRouteTest, RefusesWhatIsNoRange) {
  for (const char* query : {"limit=0", "limit=-1", "limit=4294967296", "from=9&to=8", "bucket=a/b",
                            "dc=", "type=a&type=b", "chunks=1"}) {
    EXPECT_EQ(ParseReadRange(query, kNow).status().code(), StatusCode::kInvalidArgument) << query;
  }
}

TEST(SecondsRouteTest, WritesSumsAndKeysOfASecond) {
  SecondsAnswer answer;
  answer.seconds.push_back({.epoch = Epoch(7), .dc = "1", .chunks = {}, .complete = true});
  answer.seconds[0].chunks = {
      {.key = *ParseChunkKey("7:1:c:T::chunk0"), .events = 2, .raw_bytes = 30, .value_bytes = 20},
      {.key = *ParseChunkKey("7:1:c:T::chunk1"), .events = 3, .raw_bytes = 5, .value_bytes = 4}};
  answer.next_from = Epoch(8);
  answer.watermarks = {{"1", Epoch(7)}, {"2", Epoch(6)}};
  EXPECT_EQ(SecondsJson(answer, true),
            R"({"seconds":[{"epoch":7,"dc":"1","chunks":2,"events":5,"value_bytes":24,)"
            R"("raw_bytes":35,"complete":true,"keys":["7:1:c:T::chunk0","7:1:c:T::chunk1"]}],)"
            R"("next_from":8,"watermarks":{"1":7,"2":6}})"
            "\n");
}

TEST(SecondsRouteTest, WritesNothingAsEmptyLists) {
  EXPECT_EQ(SecondsJson({}, false), "{\"seconds\":[],\"next_from\":null,\"watermarks\":{}}\n");
}

TEST(CommitTest, ReadsChunksAndSeal) {
  const auto commit =
      ParseCommit("7-1", "bucket=b",
                  fmt::format(R"({{"chunks":[{}],"seal":{{"writer":3,"epoch":7}}}})", kChunk));
  ASSERT_TRUE(commit.ok()) << ToString(commit.status());
  EXPECT_EQ(commit->bucket, "b");
  EXPECT_EQ(commit->epoch, Epoch(7));
  EXPECT_EQ(commit->dc, "1");
  ASSERT_EQ(commit->chunks.size(), 1u);
  EXPECT_EQ(commit->chunks[0].value_crc, 0xe3069283u);
  EXPECT_EQ(commit->seal, (Seal{.writer = 3, .epoch = Epoch(7)}));
}

TEST(CommitTest, TakesADcWithDashes) {
  const auto commit = ParseCommit("7-eu-west", "", R"({"seal":{"writer":3,"epoch":7}})");
  ASSERT_TRUE(commit.ok()) << ToString(commit.status());
  EXPECT_EQ(commit->dc, "eu-west");
}

TEST(CommitTest, RefusesWhatIsMissingUnknownTwiceOrNoNumber) {
  const std::string bodies[] = {
      "",
      "[]",
      "{",
      R"({"chunk":[]})",
      R"({"chunks":{}})",
      R"({"chunks":[],"chunks":[]})",
      R"({"seal":{"writer":3}})",
      R"({"seal":{"writer":3,"writer":3}})",
      R"({"seal":{"writer":-3,"epoch":7}})",
      R"({"chunks":[{"key":"7:1:c:T::chunk0"}]})",
      fmt::format(R"({{"chunks":[{}]}})", std::string(kChunk).replace(10, 1, "x")),
      std::string(2000, '['),
  };
  for (const std::string& body : bodies) {
    EXPECT_EQ(ParseCommit("7-1", "", body).status().code(), StatusCode::kInvalidArgument) << body;
  }
}

TEST(CommitTest, RefusesMoreChunksThanOneCommitMayHave) {
  std::string body = R"({"chunks":[)";
  for (std::size_t i = 0; i <= kMaxChunksPerCommit; ++i) {
    body += fmt::format("{}{}", i == 0 ? "" : ",", kChunk);
  }
  EXPECT_EQ(ParseCommit("7-1", "", body + "]}").status().code(), StatusCode::kInvalidArgument);
}

TEST(PutChunkTest, KeepsTheCrcTheClientGave) {
  HttpRequest request;
  request.parameter = "7:1:c:T::chunk0";
  request.body = "value";
  request.crc32c = "0000abcd";
  const auto input = ParsePutChunk(request);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->value_crc, 0xabcdu);
  EXPECT_EQ(input->computed_crc, Crc32c("value"));
}

TEST(PutChunkTest, RefusesACrcThatIsNotEightDigits) {
  HttpRequest request;
  request.parameter = "7:1:c:T::chunk0";
  for (const char* crc : {"", "abcd", "0x00abcd", "0000abcde", "0000abcg"}) {
    request.crc32c = crc;
    EXPECT_EQ(ParsePutChunk(request).status().code(), StatusCode::kInvalidArgument) << crc;
  }
}

TEST(BucketJsonTest, ReadsBackWhatItWrites) {
  BucketProperties properties;
  properties.ttl_seconds = 0;
  EXPECT_EQ(BucketJson("b", properties),
            R"({"name":"b","n_val":3,"w":0,"ttl":"forever","sync":"always",)"
            R"("max_chunk_bytes":512000,"quota_bytes_per_second":0})");
}

TEST(BucketJsonTest, ChangesOnlyWhatItNames) {
  const auto change = ParseBucketJson(R"({"ttl":"2h","n_val":2})");
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->ttl_seconds, 7200u);
  EXPECT_EQ(change->n_val, 2u);
  EXPECT_EQ(change->w, std::nullopt);
  EXPECT_EQ(change->sync, std::nullopt);
}

TEST(BucketJsonTest, RefusesWhatIsUnknownTwiceOrTooLarge) {
  for (const char* body : {R"({"nval":2})", R"({"w":1,"w":2})", R"({"n_val":4294967296})",
                           R"({"ttl":true})", R"({"ttl":0})", R"({"sync":"never"})", "7"}) {
    EXPECT_EQ(ParseBucketJson(body).status().code(), StatusCode::kInvalidArgument) << body;
  }
}

TEST(TakeEventsTest, CountsLinesAndCutsAfterTheLastWanted) {
  EXPECT_EQ(TakeEvents("a\nb\nc\n", 2).lines, "a\nb\n");
  EXPECT_EQ(TakeEvents("a\n\nb\nc\n", 2).lines, "a\n\nb\n");
  EXPECT_EQ(TakeEvents("a\nb\n", 9).events, 2u);
  EXPECT_EQ(TakeEvents("", 9).events, 0u);
}

TEST(ProblemJsonTest, SaysTypeTitleStatusDetailAndCode) {
  const HttpResponse response = Problem(NotFound("no \"{}\"", "x\n"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body.view(), R"({"type":"about:blank","title":"Not Found","status":404,)"
                                  R"("detail":"no \"x\n\"","code":"NOT_FOUND"})"
                                  "\n");
}

TEST(ProblemJsonTest, SaysWhenToComeAgain) {
  for (const Status& status : {Unavailable("x"), ResourceExhausted("x")}) {
    EXPECT_EQ(Problem(status).headers.at(0).first, "Retry-After");
    EXPECT_EQ(Problem(status).headers.at(0).second, "1");
  }
}

TEST(ProblemJsonTest, SaysTheNodesOwnHintInWholeSecondsRoundedUp) {
  const auto retry_after = [](std::chrono::milliseconds hint) {
    return Problem(WithRetryHint(ResourceExhausted("x"), hint)).headers.at(0).second;
  };
  EXPECT_EQ(retry_after(std::chrono::milliseconds(50)), "1");
  EXPECT_EQ(retry_after(std::chrono::milliseconds(1000)), "1");
  EXPECT_EQ(retry_after(std::chrono::milliseconds(2001)), "3");
  EXPECT_EQ(retry_after(std::chrono::hours(1)), "60");
}

TEST(JsonTextTest, StaysJsonWhateverTheBytes) {
  EXPECT_EQ(JsonString("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(JsonString("\xff\x01\\"), R"("?\u0001\\")");
}

TEST(HttpStatusTest, TellsRetryFromNever) {
  EXPECT_EQ(HttpStatusOf(StatusCode::kInvalidArgument), 400);
  EXPECT_EQ(HttpStatusOf(StatusCode::kOutOfRange), 400);
  EXPECT_EQ(HttpStatusOf(StatusCode::kAlreadyExists), 409);
  EXPECT_EQ(HttpStatusOf(StatusCode::kResourceExhausted), 429);
  EXPECT_EQ(HttpStatusOf(StatusCode::kUnavailable), 503);
  EXPECT_EQ(HttpStatusOf(StatusCode::kDataLoss), 500);
}

TEST(IndexPageTest, ShowsNamesAsText) {
  EXPECT_EQ(IndexPage("<script>", "n", "c").find("<script>"), std::string::npos);
}

TEST(RouterTest, FindsARouteByPathAndParameter) {
  const Router router(NodeRoutes());
  const auto found = router.Find("GET", "/v1/chunks/7%3A1?bucket=b");
  const auto* match = std::get_if<RouteMatch>(&found);
  ASSERT_NE(match, nullptr);
  EXPECT_EQ(match->route->name, "get_chunk");
  EXPECT_EQ(match->parameter, "7:1");
  EXPECT_EQ(match->query, "bucket=b");
}

TEST(RouterTest, SaysWhichMethodsAPathHas) {
  const Router router(NodeRoutes());
  const auto found = router.Find("DELETE", "/v1/chunks/7");
  const auto* response = std::get_if<HttpResponse>(&found);
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(response->status, 405);
  EXPECT_EQ(response->headers.at(0),
            (std::pair<std::string, std::string>{"Allow", "GET, HEAD, PUT"}));
}

TEST(RouterTest, RefusesWhatIsNoPath) {
  const Router router(NodeRoutes());
  for (const char* target : {"*", "http://x/", "v1", "/v1/chunks/%zz"}) {
    const auto found = router.Find("GET", target);
    const auto* response = std::get_if<HttpResponse>(&found);
    ASSERT_NE(response, nullptr) << target;
    EXPECT_EQ(response->status, 400) << target;
  }
  const auto nothing = router.Find("GET", "/v1/chunks/a/b");
  EXPECT_EQ(std::get<HttpResponse>(nothing).status, 404);
}

TEST(ClusterRouteTest, NamesMembersAndSaysWhatMoves) {
  const NodeId one(Uuid{.bytes = {1}});
  const NodeId two(Uuid{.bytes = {2}});
  ClusterState state = FirstState(Uuid{.bytes = {9}}, {.node = one, .name = "n1"}, 3);
  state.members.push_back({.node = two, .name = "n2", .role = MemberRole::kJoining});
  state.placement[1].next = {1};
  state.placement[1].phase = Phase::kDual;
  state.staged = {{.kind = StagedChange::Kind::kJoin, .node = two}};
  ClusterView view;
  view.state = std::make_shared<const ClusterState>(state);
  view.viewer = one;
  view.health = {{.node = one}, {.node = two, .health = Health::kSuspect}};
  view.pulls = {{.partition = PartitionId(1), .source = one, .reason = "move", .hours = 4}};
  view.foreign = {PartitionId(2), PartitionId(5)};
  const std::string json = ClusterJson(view);
  for (const char* part :
       {R"("version":1,"seen_by":"n1","moving":true,"paused":false,)",
        R"("frozen":"","refusal":"","plan":null)",
        R"("name":"n1","node":"01000000-0000-0000-0000-000000000000")",
        R"("role":"joining","health":"suspect")", R"("primaries":8,"partitions":8})",
        R"("staged":[{"kind":"join","node":"n2","other":"","weight":0,"rack":""}])",
        R"("transfers":[{"partition":1,"from":"n1","reason":"move","hours":4,"hours_done":0,)",
        R"("transfers_waiting":0,"foreign_partitions":[2,5],"partitions":[{"phase":"stable",)",
        R"({"phase":"dual","homes":["n1"],"next":["n2"]})"}) {
    EXPECT_NE(json.find(part), std::string::npos) << part << "\n" << json;
  }
}

}  // namespace
}  // namespace carillon
