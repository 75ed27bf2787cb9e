#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/shell/node_loop.h"
#include "tests/storage/memory_store.h"

namespace carillon {

// Long enough for everything that ends; a test that reaches it hangs, and fails by its time limit.
inline constexpr Duration kForEver = std::chrono::hours(1);

// What a stream said. Counts what a receiver may not hear: two calls at once, words after the end.
class RecordingReceiver final : public StreamReceiver {
 public:
  void OnItem(StreamItem item) override {
    const Call call(this);
    if (on_item) on_item();
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
  }
  void OnEnd(Status status) override {
    const Call call(this);
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
    ++ends_;
    ended_.notify_all();
  }

  Status WaitForEnd() {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [this] { return ends_ > 0; });
    return status_;
  }
  std::vector<StreamItem> items() const {
    const std::lock_guard lock(mutex_);
    return items_;
  }
  int ends() const {
    const std::lock_guard lock(mutex_);
    return ends_;
  }
  int violations() const { return violations_; }

  std::function<void()> on_item;  // set before the stream is opened

 private:
  struct Call {
    explicit Call(RecordingReceiver* receiver) : receiver(receiver) {
      if (receiver->under_way_.fetch_add(1) != 0 || receiver->ends() != 0) ++receiver->violations_;
    }
    ~Call() { --receiver->under_way_; }
    RecordingReceiver* receiver;
  };

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::vector<StreamItem> items_;
  Status status_;
  int ends_ = 0;
  std::atomic<int> under_way_{0};
  std::atomic<int> violations_{0};
};

// A loop over a real node and a store in memory. One read thread: reads end in their order.
class NodeLoopFixture : public testing::Test {
 protected:
  // The wall stands still, as the store's does; what waits for time really waits, a little.
  class LoopClock final : public Clock {
   public:
    explicit LoopClock(const Clock* wall) : wall_(wall) {}
    Instant Now() const override { return SystemClock().Now(); }
    WallTime WallNow() const override { return wall_->WallNow(); }

   private:
    const Clock* wall_;
  };

  NodeLoopFixture()
      : loop_(
            std::make_unique<Node>(Options(), SavedRing{.state = Share(State()), .acceptor = {}},
                                   std::vector<HeardSeal>(), NodeTime{.now = clock_.Now()}),
            &threads_, &clock_,
            [this](const std::variant<AcceptorState, SharedState, Dispute>& what) {
              const auto* state = std::get_if<SharedState>(&what);
              return state == nullptr ? OkStatus() : save_state_(**state);
            },
            nullptr) {}

  static NodeOptions Options() {
    NodeOptions options{.self = State().members[0].node};
    options.ring.proposer = {.round_timeout = std::chrono::milliseconds(250),
                             .pause_first = std::chrono::milliseconds(1),
                             .pause_most = std::chrono::milliseconds(1),
                             .max_rounds = 4};
    return options;
  }

  // As a server does it: first what asks, then what works.
  ~NodeLoopFixture() override {
    loop_.Stop(kForEver);
    threads_.Stop();
  }

  static ClusterState State() {
    Uuid uuid;
    uuid.bytes[0] = 1;
    return FirstState(uuid, {.node = NodeId(uuid), .name = "a", .address = {}}, kTestPartitionBits);
  }

  PutChunkInput PutOf(std::uint64_t number, Bytes value = "value") {
    const ChunkWrite write = TestChunk(number, std::move(value));
    return {.request = loop_.NewRequest(),
            .bucket = write.bucket,
            .key = ToString(write.key),
            .value = write.value,
            .value_crc = write.value_crc,
            .computed_crc = write.value_crc};
  }
  CommitInput CommitOf(std::uint64_t numbers, const Bytes& value = "value") {
    std::vector<ChunkWrite> chunks;
    for (std::uint64_t i = 0; i < numbers; ++i) chunks.push_back(TestChunk(i, value));
    return {.request = loop_.NewRequest(), .commit = TestCommit(chunks).commit};
  }
  ListSecondsInput ListOf() {
    return {.request = loop_.NewRequest(), .bucket = "events", .range = Range()};
  }
  ReadRangeInput RangeOf() {
    return {.request = loop_.NewRequest(), .bucket = "events", .range = Range()};
  }
  CreateBucketInput BucketOf(std::string name) {
    return {.request = loop_.NewRequest(), .name = std::move(name), .properties = {}};
  }
  static EpochRange Range() {
    return {.first = Epoch(kTestNow - 10), .limit = Epoch(kTestNow + 10)};
  }

  template <typename I>
  Answer Ask(I input) {
    std::promise<Answer> answer;
    const RequestId request = input.request;
    loop_.Ask(request, std::move(input), [&](Answer given) { answer.set_value(std::move(given)); });
    return answer.get_future().get();
  }
  void PutAndCommit(std::uint64_t numbers) {
    for (std::uint64_t i = 0; i < numbers; ++i) {
      const Answer put = Ask(PutOf(i));
      ASSERT_TRUE(put.status.ok()) << ToString(put.status);
    }
    const Answer commit = Ask(CommitOf(numbers));
    ASSERT_TRUE(commit.status.ok()) << ToString(commit.status);
  }
  template <typename I>
  RequestId OpenStream(I input, std::shared_ptr<RecordingReceiver> receiver) {
    const RequestId request = input.request;
    loop_.Open(request, std::move(input), std::move(receiver));
    return request;
  }

  // Returns when all that was asked for so far has ended and the node has seen it. Another thread
  // may still have to take the inputs, which lead to a scan, which leads to chunks, and these to
  // more of them: a round each.
  void Settle() {
    for (int i = 0; i < 4; ++i) {
      std::latch read(1);
      threads_.Read([&] { read.count_down(); });
      read.wait();
      EXPECT_EQ(Ask(BucketOf("no name")).status.code(), StatusCode::kInvalidArgument);
    }
  }

  MemoryStore machine_;
  LoopClock clock_{&machine_.clock};
  StoreThreads threads_{machine_.store.get(), {.read_threads = 1}};
  std::function<Status(const ClusterState&)> save_state_ = [](const ClusterState&) {
    return OkStatus();
  };
  NodeLoop loop_;
};

}  // namespace carillon
