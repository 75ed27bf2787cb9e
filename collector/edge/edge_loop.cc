#include "collector/edge/edge_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "collector/edge/edge_connection.h"

namespace carillon {
namespace {

constexpr auto kSweepPeriod = std::chrono::milliseconds(250);
constexpr std::size_t kKeptExchanges = 1024;  // free ones; more are deleted
constexpr std::size_t kMaxEvents = 256;       // of one epoll_wait

}  // namespace

EdgeLoop::EdgeLoop(EdgeHost* host)
    : host_(host),
      desk_(host, [](Exchange* exchange) { exchange->loop->Complete(exchange); }),
      read_buffer_(kReadBytes),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  CHECK(epoll_ >= 0);
  CHECK(wakeup_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) == 0);
}

EdgeLoop::~EdgeLoop() {
  Stop();
  ::close(wakeup_);
  ::close(epoll_);
}

Exchange* EdgeLoop::TakeExchange() {
  if (free_.empty()) {
    exchanges_.push_back(std::make_unique<Exchange>());
    free_.push_back(exchanges_.back().get());
  }
  Exchange* exchange = free_.back();
  free_.pop_back();
  exchange->loop = this;
  return exchange;
}

void EdgeLoop::GiveExchange(Exchange* exchange) {
  host_->GiveBodyBytes(exchange->taken_bytes);
  exchange->Clear();
  free_.push_back(exchange);
  // When nothing is under way, the memory of a burst goes.
  if (free_.size() == exchanges_.size() && free_.size() > kKeptExchanges) {
    free_.clear();
    exchanges_.clear();
  }
}

void EdgeLoop::Add(std::shared_ptr<LoopMember> member) {
  LoopMember* key = member.get();
  members_.emplace(key, std::move(member));
}

void EdgeLoop::Remove(LoopMember* member) {
  const auto found = members_.find(member);
  if (found == members_.end()) return;
  removed_.push_back(std::move(found->second));
  members_.erase(found);
}

void EdgeLoop::Watch(LoopMember* member, int descriptor, bool readable, bool writable) {
  epoll_event event{.events = 0, .data = {.ptr = member}};
  if (readable) event.events |= EPOLLIN;
  if (writable) event.events |= EPOLLOUT;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &event) == 0) return;
  CHECK(errno == ENOENT);
  CHECK(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
}

bool EdgeLoop::MayLog() {
  constexpr auto kBetween = std::chrono::seconds(1);
  const Instant now = SystemClock().Now();
  if (logged_ != Instant() && now - logged_ < kBetween) return false;
  logged_ = now;
  return true;
}

void EdgeLoop::Wake() {
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  (void)!::write(wakeup_, &one, sizeof(one));  // full is as good as woken
}

void EdgeLoop::Complete(Exchange* exchange) {
  {
    const std::lock_guard lock(mutex_);
    completed_.push_back(exchange);
  }
  Wake();
}

void EdgeLoop::Post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Wake();
}

void EdgeLoop::HandlePosted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
    handled_.swap(completed_);
  }
  HandleCompleted();
  for (const auto& work : posted) work();
}

void EdgeLoop::HandleCompleted() {
  if (handled_.empty()) return;
  host_->under_way().fetch_sub(handled_.size());
  std::vector<std::shared_ptr<EdgeConnection>> touched;
  for (Exchange* exchange : handled_) {
    std::shared_ptr<EdgeConnection> connection = exchange->connection;
    if (!connection->TakeBack(exchange)) continue;
    desk_.Answer(exchange);
    if (touched.empty() || touched.back() != connection) touched.push_back(std::move(connection));
  }
  handled_.clear();
  for (const auto& connection : touched) connection->Continue();
}

void EdgeLoop::Start() {
  thread_ = std::thread([this] { Run(); });
}

void EdgeLoop::Run() {
  std::array<epoll_event, kMaxEvents> events;
  Instant swept = SystemClock().Now();
  const auto patience =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(kSweepPeriod).count());
  while (!stopping_) {
    const int ready = ::epoll_wait(epoll_, events.data(), kMaxEvents, patience);
    for (int i = 0; i < ready; ++i) {
      const std::uint32_t what = events[i].events;
      if (events[i].data.ptr == nullptr) {
        std::uint64_t count = 0;
        (void)!::read(wakeup_, &count, sizeof(count));  // its value says nothing
        woken_ = false;
        continue;
      }
      const bool failed = (what & (EPOLLERR | EPOLLHUP)) != 0;
      static_cast<LoopMember*>(events[i].data.ptr)
          ->OnReady(failed || (what & EPOLLIN) != 0, failed || (what & EPOLLOUT) != 0);
    }
    HandlePosted();
    removed_.clear();
    const Instant now = SystemClock().Now();
    if (now - swept < kSweepPeriod) continue;
    swept = now;
    Sweep(now);
  }
}

std::vector<std::shared_ptr<LoopMember>> EdgeLoop::Members() const {
  std::vector<std::shared_ptr<LoopMember>> members;
  members.reserve(members_.size());
  for (const auto& [key, member] : members_) members.push_back(member);
  return members;
}

void EdgeLoop::Sweep(Instant now) {
  for (const auto& member : Members()) member->Tick(now);
}

void EdgeLoop::Drain() {
  Post([this] {
    for (const auto& member : Members()) member->Drain();
  });
}

void EdgeLoop::Stop() {
  if (thread_.joinable()) {
    Post([this] {
      for (const auto& member : Members()) member->Close();
      stopping_ = true;
    });
    thread_.join();
  }
  removed_.clear();
}

}  // namespace carillon
