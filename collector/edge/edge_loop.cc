#include "collector/edge/edge_loop.h"

#include <boost/asio/post.hpp>

#include "collector/edge/edge_connection.h"

namespace carillon {
namespace {

constexpr auto kSweepPeriod = std::chrono::milliseconds(250);
constexpr std::size_t kKeptExchanges = 1024;  // free ones; more are deleted

}  // namespace

EdgeLoop::EdgeLoop(EdgeHost* host)
    : host_(host),
      desk_(host, [](Exchange* exchange) { exchange->loop->Complete(exchange); }),
      read_buffer_(kReadBytes),
      work_(io_.get_executor()),
      sweep_(io_) {}

EdgeLoop::~EdgeLoop() {
  Stop();
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
  members_.erase(member);
}

void EdgeLoop::Complete(Exchange* exchange) {
  {
    const std::lock_guard lock(mutex_);
    completed_.push_back(exchange);
    if (completed_.size() > 1) return;  // the loop is woken already
  }
  boost::asio::post(io_, [this] { HandleCompleted(); });
}

void EdgeLoop::HandleCompleted() {
  {
    const std::lock_guard lock(mutex_);
    handled_.swap(completed_);
  }
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

void EdgeLoop::Post(std::function<void()> work) {
  boost::asio::post(io_, std::move(work));
}

void EdgeLoop::Start() {
  Sweep();
  thread_ = std::thread([this] { io_.run(); });
}

std::vector<std::shared_ptr<LoopMember>> EdgeLoop::Members() const {
  std::vector<std::shared_ptr<LoopMember>> members;
  members.reserve(members_.size());
  for (const auto& [key, member] : members_) members.push_back(member);
  return members;
}

void EdgeLoop::Sweep() {
  const Instant now = SystemClock().Now();
  for (const auto& member : Members()) member->Tick(now);
  sweep_.expires_after(kSweepPeriod);
  sweep_.async_wait([this](boost::system::error_code error) {
    if (!error) Sweep();
  });
}

void EdgeLoop::Drain() {
  Post([this] {
    for (const auto& member : Members()) member->Drain();
  });
}

void EdgeLoop::Stop() {
  if (!thread_.joinable()) return;
  Post([this] {
    for (const auto& member : Members()) member->Close();
    io_.stop();
  });
  thread_.join();
}

}  // namespace carillon
