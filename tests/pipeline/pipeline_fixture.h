#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "collector/pipeline/pipeline.h"
#include "tests/pipeline/recording_client.h"
#include "tests/sim/support/quiet_log.h"
#include "tests/sim/support/simulated_clock.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {

inline constexpr std::uint64_t kNow = 1'700'000'000;

// A collector's machine and the store it sends to: the machine may crash, the store stays.
struct PipelineMachine {
  PipelineMachine() { QuietLog(); }

  PipelineOptions options() {
    PipelineOptions options;
    options.client = &client;
    options.directory = "/spool";
    options.files = &files;
    options.clock = &clock;
    options.max_spool_bytes = kMinSpoolBytes;
    return options;
  }
  Status Open() { return OpenWith(options()); }
  Status OpenWith(const PipelineOptions& with) {
    auto opened = Pipeline::Open(with);
    if (opened.ok()) pipeline = *std::move(opened);
    return opened.status();
  }

  // Waits for the answer. Every third event is of another type.
  Status Keep(const std::string& tenant, const std::vector<std::string>& events,
              std::uint64_t epoch = kNow, const std::string& type = "WEB",
              const std::string& bucket = "events") {
    IntakeRequest request{.tenant = tenant,
                          .received_us = static_cast<std::int64_t>(kNow) * 1'000'000};
    for (const std::string& event : events) {
      request.events.push_back({.bucket = bucket,
                                .type = request.events.size() % 3 == 2 ? std::string_view("ODD")
                                                                       : std::string_view(type),
                                .subtype = "",
                                .time_us = static_cast<std::int64_t>(epoch) * 1'000'000,
                                .json = event});
    }
    std::promise<Status> answer;
    pipeline->Keep(request, [&](const Status& status) { answer.set_value(status); });
    return answer.get_future().get();
  }

  // Events whose ids are claimed for an hour: an event is its id's, so that a second one of an id
  // is the same line. Waits for the answer.
  Status KeepIds(const std::vector<std::string>& ids, const std::string& tenant = "acme",
                 std::uint64_t epoch = kNow, std::uint64_t seconds = 3600) {
    IntakeRequest request{.tenant = tenant,
                          .received_us = static_cast<std::int64_t>(kNow) * 1'000'000,
                          .deduplicate_seconds = seconds};
    std::vector<std::string> events;
    for (const std::string& id : ids) events.push_back(EventOfId(id));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      request.events.push_back({.bucket = "events",
                                .type = ids[i].size() % 2 == 0 ? "WEB" : "ODD",
                                .time_us = static_cast<std::int64_t>(epoch) * 1'000'000,
                                .id = ids[i],
                                .json = events[i]});
    }
    std::promise<Status> answer;
    pipeline->Keep(request, [&](const Status& status) { answer.set_value(status); });
    return answer.get_future().get();
  }
  static std::string EventOfId(const std::string& id) {
    return fmt::format("{{\"id\":\"{}\"}}", id);
  }

  SimulatedFileSystem files;
  SimulatedClock clock{kNow};
  RecordingClient client;
  std::unique_ptr<Pipeline> pipeline;
};

inline std::string Event(int number) {
  return fmt::format("{{\"n\":{}}}", number);
}

class PipelineTest : public ::testing::Test, public PipelineMachine {};

MATCHER_P(HasCode, code, "") {
  return arg.code() == code;
}

}  // namespace carillon
