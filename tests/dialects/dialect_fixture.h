#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/dialects/dialect.h"

namespace carillon {

// A request as the tests write it.
struct TestRequest final : public EdgeRequest {
  TestRequest(std::string_view method_and_target,
              std::vector<std::pair<std::string, std::string>> with = {}, std::string content = {})
      : target(method_and_target), headers(std::move(with)), held(std::move(content)) {
    const std::string_view view(target);
    const std::size_t space = view.find(' ');
    method = view.substr(0, space);
    path = view.substr(space + 1);
    const std::size_t mark = std::min(path.find('?'), path.size());
    query = path.substr(std::min(mark + 1, path.size()));
    path = path.substr(0, mark);
    const std::size_t size = held.size();
    held.append(kBodyPadding, '\0');
    body = std::string_view(held).substr(0, size);
    received_us = 1'700'000'100'000'000;
  }
  TestRequest(const TestRequest&) = delete;
  TestRequest& operator=(const TestRequest&) = delete;

  std::string_view Header(std::string_view name) const override {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }

  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string held;
};

// One request through the dialect that takes it.
class DialectTest : public ::testing::Test {
 protected:
  // Finds the dialect, shows its name in `dialect_`, and decodes.
  Status Send(const TestRequest& request) {
    events_.Clear();
    found_ = FindDialect(request);
    if (found_ == nullptr) return NotFound("no dialect");
    dialect_ = found_->name();
    key_ = found_->KeyOf(request);
    status_ = found_->Decode(request, &events_);
    return status_;
  }
  // What the client hears when all was kept, or what Decode said.
  EdgeAnswer Answer(const TestRequest& request) {
    return found_->Answer(request, {.status = status_, .events = &events_});
  }
  EdgeAnswer AnswerTo(const TestRequest& request, Status status, bool key_missing = false) {
    return found_->Answer(request, {.status = std::move(status),
                                    .retry_after = std::chrono::seconds(1),
                                    .key_missing = key_missing,
                                    .events = &events_});
  }
  std::string Json(std::size_t place) { return std::string(events_.event(place).json); }
  std::string Id(std::size_t place) { return std::string(events_.event(place).id); }
  std::string Stream(std::size_t place) { return std::string(events_.event(place).stream); }
  std::int64_t Time(std::size_t place) { return events_.event(place).time_us.value_or(-1); }
  std::string Why(std::size_t place) {
    return events_.rejection(place) == nullptr ? "" : events_.rejection(place)->text;
  }

  const Dialect* found_ = nullptr;
  std::string dialect_;
  std::string key_;
  Status status_;
  EventBatch events_;
};

// `levels` arrays within each other.
inline std::string Nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace carillon
