#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "ring/hash_ring.h"
#include "server/node/node.h"

namespace carillon {

// A node of a cluster of one, whose store is the test: it sees the effects and says how they ended.
class NodeFixture : public testing::Test {
 protected:
  static constexpr std::uint64_t kNow = 1'700'000'000;

  explicit NodeFixture(NodeOptions options = {})
      : node_(WithSelf(std::move(options)), {.state = Share(State()), .acceptor = {}}, {}, time_) {
    Step(StartInput{});
    effects_.clear();
  }

  static NodeId Self() {
    Uuid uuid;
    uuid.bytes[0] = 1;
    return NodeId(uuid);
  }
  static NodeOptions WithSelf(NodeOptions options) {
    options.self = Self();
    return options;
  }
  static ClusterState State() {
    return FirstState(Self().value(), {.node = Self(), .name = "a", .address = {}}, 6);
  }

  // What the register wants saved now, and what it wants saved then, ends so; how many saves.
  int EndSaves(const Status& status = OkStatus()) {
    int saves = 0;
    for (auto left = Take<SaveRing>(); !left.empty(); left = Take<SaveRing>()) {
      for (const SaveRing& save : left) {
        ++saves;
        Step(SavedDone{.operation = save.operation, .status = status});
      }
    }
    return saves;
  }

  void Step(Input input) { node_.Step(time_, std::move(input), &effects_); }

  void Advance(std::chrono::seconds by) {
    time_.now += by;
    time_.wall += by;
  }

  PutChunkInput Put(std::uint64_t request, std::string key, std::string value) {
    PutChunkInput input;
    input.request = RequestId(request);
    input.bucket = "events";
    input.key = std::move(key);
    input.value = Rope(std::move(value));
    input.value_crc = input.computed_crc = Crc32c(input.value);
    return input;
  }

  static ChunkInfo Info(const std::string& key, std::uint64_t events = 1) {
    return {.key = *ParseChunkKey(key),
            .events = events,
            .raw_bytes = 10,
            .value_bytes = 5,
            .value_crc = 42};
  }

  // The effects of kind T so far, taken out.
  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    Effects kept;
    for (Effect& effect : effects_) {
      if (T* one = std::get_if<T>(&effect)) {
        taken.push_back(std::move(*one));
      } else {
        kept.push_back(std::move(effect));
      }
    }
    effects_ = std::move(kept);
    return taken;
  }
  template <typename T>
  T TakeOne() {
    std::vector<T> taken = Take<T>();
    EXPECT_EQ(taken.size(), 1u);
    return taken.empty() ? T{} : std::move(taken.front());
  }

  NodeTime time_{.now = Instant(std::chrono::seconds(5)),
                 .wall = WallTime(std::chrono::seconds(kNow))};
  Node node_;
  Effects effects_;
};

}  // namespace carillon
