// What one core makes of the requests of the busiest dialects: from unpacked bytes to events.
#include <benchmark/benchmark.h>

#include "collector/dialects/dialect.h"
#include "collector/dialects/forward_session.h"
#include "tests/dialects/dialect_fixture.h"
#include "tests/dialects/msgpack_samples.h"

namespace carillon {
namespace {

constexpr int kEvents = 100;

// About 300 bytes, as a page view.
std::string PageView(int n) {
  return fmt::format(
      R"({{"td_version":"4.4.3","td_client_id":"5d2a7c1e-3b0f-4c8e-9a55-{:012}",)"
      R"("td_language":"en-us",)"
      R"("td_screen":"1920x1080","td_viewport":"1200x800","td_title":"Shop - page {}",)"
      R"("td_url":"https://shop.example/p/{}?ref=home","td_host":"shop.example","td_path":"/p/{}",)"
      R"("td_platform":"Linux x86_64","price":{}.5,"uuid":"u-{}"}})",
      n, n, n, n, n, n);
}

void Run(benchmark::State& state, const TestRequest& request) {
  const Dialect* dialect = FindDialect(request);
  EventBatch events;
  std::size_t bytes = 0;
  for (auto _ : state) {
    events.Clear();
    if (!dialect->Decode(request, &events).ok()) state.SkipWithError("refused");
    bytes = events.json_bytes();
  }
  const auto count = static_cast<std::int64_t>(events.size());
  state.SetItemsProcessed(state.iterations() * count);
  state.counters["bytes/event"] = static_cast<double>(bytes) / static_cast<double>(count);
}

std::string List(const char* before, const char* between, const char* after) {
  std::string body = before;
  for (int i = 0; i < kEvents; ++i) body += (i == 0 ? "" : between) + PageView(i);
  return body + after;
}

void BM_TreasureDataOne(benchmark::State& state) {
  Run(state, TestRequest("POST /web_db/page_views?modified=1", {{"Authorization", "TD1 k"}},
                         R"({"events":[)" + PageView(1) + "]}"));
}
BENCHMARK(BM_TreasureDataOne);

void BM_TreasureDataBatch(benchmark::State& state) {
  Run(state, TestRequest("POST /web_db/page_views", {{"Authorization", "TD1 k"}},
                         List(R"({"events":[)", ",", "]}")));
}
BENCHMARK(BM_TreasureDataBatch);

void BM_SegmentBatch(benchmark::State& state) {
  Run(state, TestRequest("POST /v1/batch", {}, List(R"({"batch":[)", ",", "]}")));
}
BENCHMARK(BM_SegmentBatch);

void BM_SplunkEvents(benchmark::State& state) {
  Run(state,
      TestRequest("POST /services/collector", {},
                  List(R"({"time":"1700000000.123","host":"h","sourcetype":"s","event":)",
                       R"(}{"time":"1700000000.123","host":"h","sourcetype":"s","event":)", "}")));
}
BENCHMARK(BM_SplunkEvents);

void BM_ElasticsearchBulk(benchmark::State& state) {
  Run(state, TestRequest("POST /_bulk", {},
                         List("{\"create\":{\"_index\":\"logs\",\"_id\":\"a\"}}\n",
                              "\n{\"create\":{\"_index\":\"logs\",\"_id\":\"a\"}}\n", "\n")));
}
BENCHMARK(BM_ElasticsearchBulk);

std::string PackedEntries() {
  using namespace samples;  // NOLINT: words of the messages
  std::string entries;
  for (int i = 0; i < kEvents; ++i) {
    entries += Array(2) + EventTime(1700000000, 5) + Map(8);
    for (const char* name : {"host", "ident", "method", "path", "agent", "referer"}) {
      entries += Text(name) + Text(std::string(32, static_cast<char>('a' + i % 26)));
    }
    entries += Text("code") + Byte(0xcd) + std::string("\0\xc8", 2) + Text("size") + Byte(100);
  }
  return entries;
}

void RunForward(benchmark::State& state, const std::string& message) {
  ForwardSession session{ForwardOptions{}};
  std::vector<StreamEffect> effects;
  std::size_t bytes = 0;
  for (auto _ : state) {
    effects.clear();
    if (!session.Feed(message, &effects).ok()) state.SkipWithError("refused");
    bytes = std::get<StoreEvents>(effects.at(0)).events.json_bytes();
  }
  state.SetItemsProcessed(state.iterations() * kEvents);
  state.counters["bytes/event"] = static_cast<double>(bytes) / kEvents;
}

void BM_ForwardPacked(benchmark::State& state) {
  using namespace samples;  // NOLINT: words of the messages
  RunForward(state, Array(3) + Text("app.web") + Long(0xdb, PackedEntries()) + Map(1) +
                        Text("chunk") + Text("p8n9gmxTQVC8/nh2wlKKeQ=="));
}
BENCHMARK(BM_ForwardPacked);

void BM_ForwardCompressed(benchmark::State& state) {
  using namespace samples;  // NOLINT: words of the messages
  RunForward(state, Array(3) + Text("app.web") + Long(0xc6, Gzip(PackedEntries())) + Map(2) +
                        Text("chunk") + Text("p8n9gmxTQVC8/nh2wlKKeQ==") + Text("compressed") +
                        Text("gzip"));
}
BENCHMARK(BM_ForwardCompressed);

}  // namespace
}  // namespace carillon
