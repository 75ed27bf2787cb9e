// Whole requests over a real socket, to a real node.
#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/checksum.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary_trainer.h"
#include "tests/http/http_fixture.h"

namespace carillon {
namespace {

using testing::HasSubstr;

TEST_F(HttpTest, ReadsBackTheEventsOfARangeInEpochOrder) {
  const std::uint64_t epoch = now() - 10;
  Store(epoch + 1, 0, "{\"n\":3}\n");
  Store(epoch, 0, "{\"n\":1}\n{\"n\":2}\n");
  RawClient client(port());
  const auto response = client.Ask("GET", "/v1/events?from=-1m");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Content-Type"), "application/x-ndjson");
  EXPECT_EQ(response.body, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
  EXPECT_TRUE(response.whole);
}

TEST_F(HttpTest, LimitsEventsExactly) {
  const std::uint64_t epoch = now() - 10;
  Store(epoch, 0, "{\"n\":1}\n{\"n\":2}\n");
  Store(epoch, 1, "{\"n\":3}\n{\"n\":4}\n");
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/v1/events?limit=3").body, "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
  EXPECT_EQ(client.Ask("GET", "/v1/events?limit=2").body, "{\"n\":1}\n{\"n\":2}\n");
}

TEST_F(HttpTest, FiltersByType) {
  const std::uint64_t epoch = now() - 10;
  Store(epoch, 0, "{\"n\":1}\n", "WEB");
  Store(epoch, 0, "{\"n\":2}\n", "EMK");
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/v1/events?type=EMK").body, "{\"n\":2}\n");
}

TEST_F(HttpTest, AnswersAnEmptyRangeWithAnEmptyBody) {
  RawClient client(port());
  const auto response = client.Ask("GET", "/v1/events?from=1&to=2");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
}

TEST_F(HttpTest, TellsAProblemWhenTheFirstChunkIsDamaged) {
  StoreValue(Key(now() - 10, 0), "not zstd", 1);
  RawClient client(port());
  const auto response = client.Ask("GET", "/v1/events");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.Header("Content-Type"), "application/problem+json");
  EXPECT_THAT(response.body, HasSubstr("DATA_LOSS"));
}

TEST_F(HttpTest, EndsTheBodyEarlyWhenALaterChunkIsDamaged) {
  const std::uint64_t epoch = now() - 10;
  Store(epoch, 0, "{\"n\":1}\n");
  StoreValue(Key(epoch + 1, 0), "not zstd", 1);
  Store(epoch + 2, 0, "{\"n\":3}\n");
  RawClient client(port());
  const auto response = client.Ask("GET", "/v1/events");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "{\"n\":1}\n");
  EXPECT_FALSE(response.whole);
}

TEST_F(HttpTest, ListsSecondsWithTheirSumsAndKeys) {
  const std::uint64_t epoch = now() - 10;
  Store(epoch, 0, "{\"n\":1}\n{\"n\":2}\n");
  RawClient client(port());
  const auto plain = client.Ask("GET", "/v1/seconds");
  EXPECT_THAT(plain.body,
              HasSubstr(fmt::format(R"("epoch":{},"dc":"1","chunks":1,"events":2)", epoch)));
  EXPECT_THAT(plain.body, Not(HasSubstr("keys")));
  EXPECT_THAT(client.Ask("GET", "/v1/seconds?chunks=1").body,
              HasSubstr(fmt::format(R"("keys":["{}"])", Key(epoch, 0))));
}

TEST_F(HttpTest, GivesAChunkBackAsItCameWithItsCrc) {
  const std::string key = Key(now(), 0);
  const Bytes value("\x00\xff any bytes\r\n", 13);
  RawClient client(port());
  ASSERT_EQ(client.Ask("PUT", "/v1/chunks/" + key, value).status, 201);
  const auto response = client.Ask("GET", "/v1/chunks/" + key);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Content-Type"), "application/octet-stream");
  EXPECT_EQ(response.Header("X-Carillon-Crc32c"), fmt::format("{:08x}", Crc32c(value)));
  EXPECT_EQ(response.body, value);
}

TEST_F(HttpTest, DecodesAChunkForThoseWhoAcceptEvents) {
  const std::string key = Key(now(), 0);
  RawClient client(port());
  ASSERT_EQ(client.Ask("PUT", "/v1/chunks/" + key, EncodeChunkValue("{\"n\":1}\n")).status, 201);
  const auto response =
      client.Ask("GET", "/v1/chunks/" + key, "", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(response.body, "{\"n\":1}\n");
}

TEST_F(HttpTest, NamesTheDictionaryThatAChunkNeedsAndReadsOnceItIsThere) {
  DictionaryTrainer trainer;
  for (int i = 0; !trainer.IsReady(); ++i) {
    trainer.Add(fmt::format(R"({{"page":"/index.html","agent":"Mozilla/5.0","n":{}}})", i) + '\n');
  }
  const auto dictionary = *Dictionary::Load(trainer.Train().value());
  const std::string events = "{\"page\":\"/index.html\",\"n\":1}\n";
  const std::string key = Key(now(), 0);
  StoreValue(key, EncodeChunkValue(events, dictionary.get()), 1);
  const std::string needed = fmt::format("0:1:cell0:WEB:events:chunk{}", dictionary->id());
  RawClient client(port());
  const auto read = [&] {
    return client.Ask("GET", "/v1/chunks/" + key, "", "Accept: application/x-ndjson\r\n");
  };
  const auto missing = read();
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr(needed));
  ASSERT_EQ(client.Ask("PUT", "/v1/buckets/dictionaries", R"({"ttl":"36600d"})").status, 201);
  ASSERT_EQ(client.Ask("PUT", "/v1/chunks/" + needed + "?bucket=dictionaries", dictionary->bytes())
                .status,
            201);
  EXPECT_EQ(read().body, events);
  EXPECT_EQ(client.Ask("GET", "/v1/events").body, events);
}

TEST_F(HttpTest, StoresTheSameBytesTwiceAndRefusesOthers) {
  const std::string target = "/v1/chunks/" + Key(now(), 0);
  RawClient client(port());
  EXPECT_EQ(client.Ask("PUT", target, "value").status, 201);
  const auto again = client.Ask("PUT", target, "value");
  EXPECT_EQ(again.status, 200);
  EXPECT_THAT(again.body, HasSubstr(R"("already_stored":true,"replicas_written":1)"));
  const auto other = client.Ask("PUT", target, "other");
  EXPECT_EQ(other.status, 409);
  EXPECT_THAT(other.body, HasSubstr("ALREADY_EXISTS"));
}

TEST_F(HttpTest, RefusesAValueThatIsNotWhatTheClientSent) {
  RawClient client(port());
  const auto response =
      client.Ask("PUT", "/v1/chunks/" + Key(now(), 0), "value", "X-Carillon-Crc32c: 00000000\r\n");
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("crc"));
}

TEST_F(HttpTest, RefusesToCommitAChunkNobodyStored) {
  const std::uint64_t epoch = now();
  RawClient client(port());
  const auto response = client.Ask("POST", fmt::format("/v1/seconds/{}-1", epoch),
                                   CommitBody(Key(epoch, 9), "value", 1));
  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr("FAILED_PRECONDITION"));
}

TEST_F(HttpTest, EachWrongRequestHasItsOwnError) {
  RawClient client(port());
  const struct {
    const char* target;
    int status;
    const char* says;
  } cases[] = {
      {"/v1/events?bukket=x", 400, "bukket"},
      {"/v1/events?limit=1&limit=2", 400, "twice"},
      {"/v1/events?type=%zz", 400, "escape"},
      {"/v1/events?bucket=none", 404, "NOT_FOUND"},
      {"/v1/events?from=5&to=4", 400, "before"},
      {"/v1/seconds?from=yesterday", 400, "from"},
      {"/v1/chunks/nokey", 400, "INVALID"},
      {"/v1/buckets/none", 404, "NOT_FOUND"},
      {"/nothing", 404, "NOT_FOUND"},
  };
  for (const auto& wrong : cases) {
    const auto response = client.Ask("GET", wrong.target);
    EXPECT_EQ(response.status, wrong.status) << wrong.target << response.body;
    EXPECT_THAT(response.body, HasSubstr(wrong.says)) << wrong.target;
    EXPECT_EQ(response.Header("Content-Type"), "application/problem+json");
  }
  const auto missing = client.Ask("GET", "/v1/chunks/" + Key(now(), 77));
  EXPECT_EQ(missing.status, 404);
}

TEST_F(HttpTest, CreatesAndChangesBuckets) {
  RawClient client(port());
  EXPECT_EQ(client.Ask("PUT", "/v1/buckets/mine", R"({"ttl":"1h"})").status, 201);
  EXPECT_EQ(client.Ask("PUT", "/v1/buckets/mine", R"({"n_val":1})").status, 200);
  EXPECT_THAT(client.Ask("GET", "/v1/buckets/mine").body,
              HasSubstr(R"("name":"mine","n_val":1,"w":0,"ttl":"1h")"));
  EXPECT_THAT(client.Ask("GET", "/v1/buckets").body, HasSubstr(R"("name":"events")"));
  EXPECT_EQ(client.Ask("PUT", "/v1/buckets/mine", R"({"n_val":99})").status, 400);
}

TEST_F(HttpTest, SaysHowItIs) {
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/livez").status, 200);
  EXPECT_EQ(client.Ask("GET", "/readyz").body, "ready\n");
  EXPECT_THAT(client.Ask("GET", "/").body, HasSubstr("node1"));
  EXPECT_THAT(client.Ask("GET", "/metrics").body,
              HasSubstr(R"(carillon_requests_total{api="http",code="OK",method="livez"} 1)"));
}

TEST_F(HttpTest, IsAliveButNotReadyOnceTheNodeStops) {
  ASSERT_TRUE(core_->Stop().ok());
  RawClient client(port());
  EXPECT_EQ(client.Ask("GET", "/livez").status, 200);
  const auto ready = client.Ask("GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.Header("Retry-After"), "1");
  EXPECT_EQ(client.Ask("GET", "/v1/seconds").status, 503);
}

TEST_F(HttpTest, EveryResponseForbidsGuessingItsType) {
  RawClient client(port());
  for (const char* target : {"/", "/v1/events", "/nothing"}) {
    const auto response = client.Ask("GET", target);
    EXPECT_EQ(response.Header("X-Content-Type-Options"), "nosniff") << target;
    EXPECT_EQ(response.Header("Server"), "") << target;
  }
}

TEST_F(HttpTest, AnswersHeadWithTheHeadOfGet) {
  RawClient client(port());
  const auto head = client.Ask("HEAD", "/v1/buckets");
  const auto get = client.Ask("GET", "/v1/buckets");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Header("Content-Length"), get.Header("Content-Length"));
}

TEST_F(HttpTest, AnswersPipelinedRequestsInTheirOrder) {
  RawClient client(port());
  ASSERT_TRUE(
      client.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /nothing HTTP/1.1\r\nHost: "
                  "a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(client.Read().body, "alive\n");
  EXPECT_EQ(client.Read().status, 404);
  EXPECT_EQ(client.Read().body, "ready\n");
}

TEST_F(HttpTest, ClosesWhenTheClientAsksForIt) {
  RawClient client(port());
  const auto response = client.Ask("GET", "/livez", "", "Connection: close\r\n");
  EXPECT_EQ(response.Header("Connection"), "close");
  EXPECT_TRUE(client.IsClosedByServer());
}

TEST_F(HttpTest, StopAnswersWhatIsUnderWayAndClosesTheRest) {
  RawClient idle(port());
  ASSERT_EQ(idle.Ask("GET", "/livez").status, 200);
  server_->Stop();
  EXPECT_TRUE(idle.IsClosedByServer());
}

TEST_F(HttpTest, RefusesAPublicAddressUnlessToldTwice) {
  const auto server = HttpServer::Start({.address = "0.0.0.0:0"}, core_.get());
  EXPECT_EQ(server.status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(HttpTest, SaysThatAnAddressIsTaken) {
  const auto server = HttpServer::Start({.address = server_->address()}, core_.get());
  EXPECT_EQ(server.status().code(), StatusCode::kUnavailable);
}

TEST_F(HttpTest, ShowsTheClusterAsThisNodeSeesIt) {
  RawClient client(port());
  const auto response = client.Ask("GET", "/v1/cluster");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.Header("Content-Type"), "application/json");
  EXPECT_THAT(response.body, HasSubstr(R"("seen_by":"node1","moving":false)"));
  EXPECT_THAT(response.body, HasSubstr(R"("health":"alive")"));
  EXPECT_EQ(client.Ask("GET", "/v1/cluster?x=1").status, 400);
}

}  // namespace
}  // namespace carillon
