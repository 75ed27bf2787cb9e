#include "tools/carillon/bench/load_loop.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <simdjson.h>

#include "base/json_writer.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxSeconds = 3600;  // told apart; what comes later counts to the last
constexpr Duration kLate = std::chrono::milliseconds(10);

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

Duration OfSeconds(double seconds) {
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

// What both loops share: counts, and who is under way.
class Loop {
 public:
  Loop(const LoadPace& pace, const StartLoad& start) : pace_(pace), start_(start) {
    begin_ = std::max(pace.begin, SystemClock().Now());
    last_ = begin_;
  }

  LoadResult Run() {
    std::this_thread::sleep_until(begin_);
    if (pace_.per_second > 0) {
      RunOpen();
    } else {
      RunClosed();
    }
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return under_way_ == 0; });
    result_.seconds = Seconds(last_ - begin_);
    return std::move(result_);
  }

 private:
  void RunClosed() {
    {
      const std::lock_guard lock(mutex_);
      under_way_ = pace_.at_once;
    }
    for (std::uint64_t i = 0; i < pace_.at_once; ++i) StartNext();
  }

  void StartNext() {
    std::uint64_t i = 0;
    {
      const std::lock_guard lock(mutex_);
      i = next_++;
    }
    const Instant began = SystemClock().Now();
    start_(i, [this, began](const OperationEnd& end) {
      const Instant now = SystemClock().Now();
      {
        const std::lock_guard lock(mutex_);
        Count(began, now, end);
        if (Seconds(now - begin_) >= pace_.seconds) {
          if (--under_way_ == 0) ended_.notify_all();
          return;
        }
      }
      StartNext();
    });
  }

  void RunOpen() {
    const auto all = static_cast<std::uint64_t>(pace_.per_second * pace_.seconds);
    for (std::uint64_t i = 0; i < all; ++i) {
      const Instant due = begin_ + OfSeconds(static_cast<double>(i) / pace_.per_second);
      std::this_thread::sleep_until(due);
      {
        std::unique_lock lock(mutex_);
        ended_.wait(lock, [this] { return under_way_ < pace_.at_once; });
        const Instant now = SystemClock().Now();
        if (now - due > kLate) ++result_.late;
        if (pace_.patience > Duration() && now - due > pace_.patience) {
          Count(due, now, {.status = DeadlineExceeded("given up: it could not begin in time")});
          continue;
        }
        ++under_way_;
      }
      start_(i, [this, due](const OperationEnd& end) {
        const std::lock_guard lock(mutex_);
        Count(due, SystemClock().Now(), end);
        --under_way_;
        ended_.notify_all();
      });
    }
  }

  void Count(Instant began, Instant now, const OperationEnd& end) {
    last_ = std::max(last_, now);
    LoadSecond* const second = SecondOf(now);
    if (!end.status.ok()) {
      ++second->failed;
      ++result_.failures[std::string(CodeName(end.status.code()))];
      if (result_.first_failure.empty()) result_.first_failure = ToString(end.status);
      return;
    }
    ++result_.operations;
    result_.bytes += end.bytes;
    result_.latency.Add(now - end.since.value_or(began));
    ++second->operations;
    second->latency.Add(now - end.since.value_or(began));
  }

  LoadSecond* SecondOf(Instant now) {
    const auto number = std::min(static_cast<std::size_t>(Seconds(now - begin_)), kMaxSeconds - 1);
    if (result_.by_second.size() <= number) result_.by_second.resize(number + 1);
    return &result_.by_second[number];
  }

  const LoadPace& pace_;
  const StartLoad& start_;
  Instant begin_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::uint64_t next_ = 0;
  std::uint64_t under_way_ = 0;
  Instant last_;
  LoadResult result_;
};

}  // namespace

void LoadResult::Merge(const LoadResult& other) {
  operations += other.operations;
  bytes += other.bytes;
  late += other.late;
  for (const auto& [code, count] : other.failures) failures[code] += count;
  if (first_failure.empty()) first_failure = other.first_failure;
  if (by_second.size() < other.by_second.size()) by_second.resize(other.by_second.size());
  for (std::size_t i = 0; i < other.by_second.size(); ++i) {
    by_second[i].operations += other.by_second[i].operations;
    by_second[i].failed += other.by_second[i].failed;
    by_second[i].latency.Merge(other.by_second[i].latency);
  }
  seconds = std::max(seconds, other.seconds);
  latency.Merge(other.latency);
  cpu_seconds += other.cpu_seconds;
  peak_resident_bytes = std::max(peak_resident_bytes, other.peak_resident_bytes);
  requests += other.requests;
}

std::uint64_t LoadResult::failed() const {
  std::uint64_t sum = 0;
  for (const auto& [code, count] : failures) sum += count;
  return sum;
}

LoadResult RunLoad(const LoadPace& pace, const StartLoad& start) {
  return Loop(pace, start).Run();
}

std::string EncodeLoadResult(const LoadResult& result) {
  JsonWriter json;
  json.BeginObject()
      .Field("operations", result.operations)
      .Field("bytes", result.bytes)
      .Field("late", result.late);
  json.Key("failures").BeginObject();
  for (const auto& [code, count] : result.failures) json.Field(code, count);
  json.EndObject();
  json.Field("first_failure", result.first_failure)
      .Field("microseconds", static_cast<std::uint64_t>(result.seconds * 1e6))
      .Field("latency", result.latency.Encode())
      .Field("cpu_microseconds", static_cast<std::uint64_t>(result.cpu_seconds * 1e6))
      .Field("peak_resident_bytes", result.peak_resident_bytes)
      .Field("requests", result.requests);
  json.Key("by_second").BeginArray();
  for (const LoadSecond& second : result.by_second) {
    json.BeginObject().Field("operations", second.operations).Field("failed", second.failed);
    json.Key("p50_ms").Decimal(second.latency.PercentileMs(0.5));
    json.Key("p99_ms").Decimal(second.latency.PercentileMs(0.99));
    json.Field("latency", second.latency.Encode()).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

namespace {

StatusOr<LoadSecond> DecodeSecond(const simdjson::dom::element& one) {
  LoadSecond second;
  std::string_view latency;
  if (one["operations"].get(second.operations) != simdjson::SUCCESS ||
      one["failed"].get(second.failed) != simdjson::SUCCESS ||
      one["latency"].get(latency) != simdjson::SUCCESS) {
    return InvalidArgument("no second of a load");
  }
  ASSIGN_OR_RETURN(second.latency, LatencyHistogram::Decode(latency));
  return second;
}

}  // namespace

StatusOr<LoadResult> DecodeLoadResult(const std::string& text) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const Status bad = InvalidArgument("no result of a load: '{}'", text.substr(0, 80));
  if (parser.parse(text).get(object) != simdjson::SUCCESS) return bad;
  LoadResult result;
  std::uint64_t microseconds = 0, cpu_microseconds = 0;
  std::string_view latency, first_failure;
  const std::pair<const char*, std::uint64_t*> numbers[] = {
      {"operations", &result.operations},
      {"bytes", &result.bytes},
      {"late", &result.late},
      {"microseconds", &microseconds},
      {"cpu_microseconds", &cpu_microseconds},
      {"peak_resident_bytes", &result.peak_resident_bytes},
      {"requests", &result.requests}};
  for (const auto& [name, to] : numbers) {
    if (object[name].get(*to) != simdjson::SUCCESS) return bad;
  }
  simdjson::dom::object failures;
  if (object["latency"].get(latency) != simdjson::SUCCESS ||
      object["first_failure"].get(first_failure) != simdjson::SUCCESS ||
      object["failures"].get(failures) != simdjson::SUCCESS) {
    return bad;
  }
  for (const auto& [code, count] : failures) {
    std::uint64_t value = 0;
    if (count.get(value) != simdjson::SUCCESS) return bad;
    result.failures[std::string(code)] = value;
  }
  simdjson::dom::array by_second;
  if (object["by_second"].get(by_second) != simdjson::SUCCESS) return bad;
  for (const simdjson::dom::element one : by_second) {
    ASSIGN_OR_RETURN(LoadSecond second, DecodeSecond(one));
    result.by_second.push_back(std::move(second));
  }
  result.first_failure = first_failure;
  result.seconds = static_cast<double>(microseconds) / 1e6;
  result.cpu_seconds = static_cast<double>(cpu_microseconds) / 1e6;
  ASSIGN_OR_RETURN(result.latency, LatencyHistogram::Decode(latency));
  return result;
}

}  // namespace carillon
