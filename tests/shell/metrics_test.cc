#include "server/shell/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <sstream>
#include <thread>

namespace carillon {
namespace {

using testing::HasSubstr;
using testing::Not;

// What a scraper makes of the text.
struct Exposition {
  std::map<std::string, std::string> help;
  std::map<std::string, std::string> type;
  std::map<std::string, double> samples;  // by name and labels, as in the text
  std::vector<std::string> out_of_place;  // samples before their TYPE, or metadata told twice

  explicit Exposition(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) Take(line);
  }

  void Take(const std::string& line) {
    std::istringstream words(line);
    std::string hash, kind, name, rest;
    if (line.starts_with("# ")) {
      words >> hash >> kind >> name;
      std::getline(words >> std::ws, rest);
      auto& into = kind == "HELP" ? help : type;
      if (!into.emplace(name, rest).second) out_of_place.push_back(line);
    } else if (!line.empty()) {
      const std::size_t space = line.rfind(' ');
      samples[line.substr(0, space)] = std::stod(line.substr(space + 1));
      if (!type.contains(FamilyOf(line))) out_of_place.push_back(line);
    }
  }
  // "a_bucket{le="1"} 3" of a histogram `a` is of "a".
  std::string FamilyOf(const std::string& sample) const {
    std::string name = sample.substr(0, sample.find_first_of("{ "));
    for (const char* suffix : {"_bucket", "_sum", "_count"}) {
      if (!name.ends_with(suffix)) continue;
      const std::string base = name.substr(0, name.size() - std::string(suffix).size());
      const auto found = type.find(base);
      if (found != type.end() && found->second == "histogram") return base;
    }
    return name;
  }
};

class MetricsTest : public testing::Test {
 protected:
  void UseAll() {
    metrics_.ObserveRequest("grpc", "PutChunk", StatusCode::kOk, std::chrono::milliseconds(3));
    metrics_.ObserveRequest("grpc", "PutChunk", StatusCode::kNotFound, std::chrono::seconds(20));
    metrics_.ObserveRequest("http", "events", StatusCode::kOk, std::chrono::microseconds(1));
    metrics_.CountValueBytesIn(100);
    metrics_.CountValueBytesOut(7);
    metrics_.CountConnection("http", true);
    metrics_.CountConnection("http", false);
    metrics_.SetConnections("http", 4);
    metrics_.AddGauge("segments", "Segment files.", [] { return 3.0; });
    metrics_.AddCounter("log_syncs_total", "Syncs.", [] { return 9.0; });
  }

  Metrics metrics_;
};

TEST_F(MetricsTest, EverySampleHasHelpAndTypeBeforeIt) {
  UseAll();
  const Exposition text(metrics_.Render());
  EXPECT_THAT(text.out_of_place, testing::IsEmpty());
  EXPECT_GE(text.type.size(), 7u);
  for (const auto& [name, type] : text.type) {
    EXPECT_THAT(text.help, testing::Contains(testing::Key(name)));
    EXPECT_THAT(type, testing::AnyOf("counter", "gauge", "histogram")) << name;
  }
}

TEST_F(MetricsTest, CountersEndInTotalAndNothingElseDoes) {
  UseAll();
  for (const auto& [name, type] : Exposition(metrics_.Render()).type) {
    EXPECT_EQ(name.ends_with("_total"), type == "counter") << name;
  }
}

TEST_F(MetricsTest, NamesAreOursAndPlain) {
  UseAll();
  for (const auto& [name, type] : Exposition(metrics_.Render()).type) {
    EXPECT_TRUE(name.starts_with("carillon_") || name.starts_with("process_")) << name;
    EXPECT_THAT(name, Not(HasSubstr("__")));
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos);
  }
}

TEST_F(MetricsTest, HistogramsAreInSeconds) {
  UseAll();
  for (const auto& [name, type] : Exposition(metrics_.Render()).type) {
    EXPECT_EQ(name.ends_with("_seconds"), type == "histogram") << name;
  }
}

TEST_F(MetricsTest, CountsRequestsByApiMethodAndCode) {
  UseAll();
  const auto samples = Exposition(metrics_.Render()).samples;
  EXPECT_EQ(samples.at(R"(carillon_requests_total{api="grpc",code="NOT_FOUND",method="PutChunk"})"),
            1);
  EXPECT_EQ(samples.at(R"(carillon_requests_total{api="grpc",code="OK",method="PutChunk"})"), 1);
  EXPECT_EQ(samples.at(R"(carillon_requests_total{api="http",code="OK",method="events"})"), 1);
}

TEST_F(MetricsTest, KeepsTheTimesOfAMethodTogetherWhateverTheirCode) {
  UseAll();
  const auto samples = Exposition(metrics_.Render()).samples;
  const std::string name = "carillon_request_duration_seconds";
  EXPECT_EQ(samples.at(name + R"(_count{api="grpc",method="PutChunk"})"), 2);
  EXPECT_NEAR(samples.at(name + R"(_sum{api="grpc",method="PutChunk"})"), 20.003, 1e-9);
  EXPECT_EQ(samples.at(name + R"(_bucket{api="grpc",method="PutChunk",le="0.0025"})"), 0);
  EXPECT_EQ(samples.at(name + R"(_bucket{api="grpc",method="PutChunk",le="0.005"})"), 1);
  EXPECT_EQ(samples.at(name + R"(_bucket{api="grpc",method="PutChunk",le="+Inf"})"), 2);
}

TEST_F(MetricsTest, CountsBytesAndConnectionsByWhatBecameOfThem) {
  UseAll();
  metrics_.SetConnections("http", 2);
  const auto samples = Exposition(metrics_.Render()).samples;
  EXPECT_EQ(samples.at(R"(carillon_value_bytes_total{direction="in"})"), 100);
  EXPECT_EQ(samples.at(R"(carillon_value_bytes_total{direction="out"})"), 7);
  EXPECT_EQ(samples.at(R"(carillon_connections_total{api="http",result="accepted"})"), 1);
  EXPECT_EQ(samples.at(R"(carillon_connections_total{api="http",result="refused"})"), 1);
  EXPECT_EQ(samples.at(R"(carillon_connections{api="http"})"), 2);
}

TEST_F(MetricsTest, AsksForANumberAtEachScrape) {
  double number = 1;
  metrics_.AddGauge("asked", "A number.", [&] { return number; });
  EXPECT_EQ(Exposition(metrics_.Render()).samples.at("carillon_asked"), 1);
  number = 2;
  EXPECT_EQ(Exposition(metrics_.Render()).samples.at("carillon_asked"), 2);
}

TEST_F(MetricsTest, LosesNothingWhenManyThreadsObserveAndScrape) {
  constexpr int kThreads = 6;
  constexpr int kEach = 300;
  std::atomic<std::size_t> rendered_bytes{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const StatusCode code = t % 2 == 0 ? StatusCode::kOk : StatusCode::kNotFound;
      for (int i = 0; i < kEach; ++i) {
        metrics_.ObserveRequest("grpc", "Get", code, std::chrono::milliseconds(1));
        metrics_.CountValueBytesIn(2);
        metrics_.CountConnection("grpc", true);
        metrics_.SetConnections("grpc", 1);
        if (i % 100 == 0) rendered_bytes += metrics_.Render().size();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(rendered_bytes, 0u);
  const auto samples = Exposition(metrics_.Render()).samples;
  EXPECT_EQ(samples.at(R"(carillon_requests_total{api="grpc",code="OK",method="Get"})"),
            kThreads / 2 * kEach);
  EXPECT_EQ(samples.at(R"(carillon_request_duration_seconds_count{api="grpc",method="Get"})"),
            kThreads * kEach);
  EXPECT_EQ(samples.at(R"(carillon_value_bytes_total{direction="in"})"), 2 * kThreads * kEach);
  EXPECT_EQ(samples.at(R"(carillon_connections_total{api="grpc",result="accepted"})"),
            kThreads * kEach);
}

}  // namespace
}  // namespace carillon
