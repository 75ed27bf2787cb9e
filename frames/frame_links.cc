#include "frames/frame_links.h"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

namespace carillon {

FrameLinks::FrameLinks(const Options& options)
    : options_(options),
      work_(boost::asio::make_work_guard(io_)),
      timer_(io_),
      thread_([this] { io_.run(); }) {}

FrameLinks::~FrameLinks() {
  Stop();
}

void FrameLinks::Ask(const std::string& address, int lane, FrameKind kind, Rope body,
                     Duration timeout, FrameLink::Done done) {
  const auto link = LinkTo(address, lane);
  if (!link.ok()) return done(link.status());
  (*link)->Ask(kind, std::move(body), SystemClock().Now(), timeout, std::move(done));
  KeepTicking();
}

StatusOr<std::shared_ptr<FrameLink>> FrameLinks::LinkTo(const std::string& address, int lane) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return Unavailable("stopped");
  const std::pair key(address, lane);
  if (const auto found = links_.find(key); found != links_.end()) return found->second;
  if (links_.size() >= options_.max_links && !DropIdleLink()) {
    return ResourceExhausted("{} connections to nodes are in use", links_.size());
  }
  return links_.emplace(key, std::make_shared<FrameLink>(&io_, address, options_.max_reply_bytes))
      .first->second;
}

// Requires: the lock is held. False: all are in use.
bool FrameLinks::DropIdleLink() {
  for (auto link = links_.begin(); link != links_.end(); ++link) {
    if (link->second->busy()) continue;
    link->second->Stop(Unavailable("the connection was idle"));
    links_.erase(link);
    return true;
  }
  return false;
}

// While something is under way there is a tick to come. Called after the link has become busy.
void FrameLinks::KeepTicking() {
  if (ticking_.exchange(true)) return;
  boost::asio::post(io_, [this] {
    timer_.expires_after(kTick);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) Tick();
    });
  });
}

void FrameLinks::Tick() {
  std::vector<std::shared_ptr<FrameLink>> links;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    for (const auto& [key, link] : links_) links.push_back(link);
  }
  // Before looking: who asks after the look sees it, and begins anew.
  ticking_ = false;
  const Instant now = SystemClock().Now();
  bool busy = false;
  for (const auto& link : links) {
    link->Tick(now);
    busy = busy || link->busy();
  }
  if (busy) KeepTicking();
}

void FrameLinks::Stop() {
  decltype(links_) links;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    links.swap(links_);
  }
  for (const auto& [key, link] : links) link->Stop(Unavailable("stopped"));
  boost::asio::post(io_, [this] {
    timer_.cancel();
    work_.reset();
  });
  if (thread_.joinable()) thread_.join();
}

std::size_t FrameLinks::size() const {
  const std::lock_guard lock(mutex_);
  return links_.size();
}

}  // namespace carillon
