#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace carillon {

inline constexpr std::uint64_t kMillisecond = 1'000;  // in microseconds, as all times of a world
inline constexpr std::uint64_t kSecond = 1'000'000;

// What will happen in a simulated world: acts in the order of their times, and of their scheduling
// among those of one time.
class EventQueue {
 public:
  using Act = std::function<void()>;

  std::uint64_t now() const { return now_; }
  std::uint64_t events() const { return events_; }

  void After(std::uint64_t delay, Act act) {
    heap_.push_back({.time = now_ + delay, .order = ++order_, .act = std::move(act)});
    std::push_heap(heap_.begin(), heap_.end(), IsLater);
  }

  // Carries out the next act that is due by `limit`. False: none is, and it is `limit` now.
  bool RunNext(std::uint64_t limit) {
    if (heap_.empty() || heap_.front().time > limit) {
      now_ = std::max(now_, limit);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), IsLater);
    const Event event = std::move(heap_.back());
    heap_.pop_back();
    now_ = event.time;
    ++events_;
    event.act();
    return true;
  }

 private:
  struct Event {
    std::uint64_t time = 0;
    std::uint64_t order = 0;
    Act act;
  };
  static bool IsLater(const Event& a, const Event& b) {
    return a.time != b.time ? a.time > b.time : a.order > b.order;
  }

  std::vector<Event> heap_;
  std::uint64_t now_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t events_ = 0;
};

}  // namespace carillon
