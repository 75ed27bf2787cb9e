#include "server/http/session_host.h"

#include <boost/asio/post.hpp>

#include "server/http/http_session.h"

namespace carillon {

void HttpPoster::Post(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (io_ != nullptr) boost::asio::post(*io_, std::move(work));
}

void HttpPoster::Close() {
  const std::lock_guard lock(mutex_);
  io_ = nullptr;
}

SessionHost::SessionHost(ServerCore* core, const HttpLimits& limits,
                         std::shared_ptr<HttpPoster> poster)
    : limits_(limits),
      router_(NodeRoutes()),
      streams_(limits.max_streams),
      context_{.core = core,
               .clock = &SystemClock(),
               .streams = &streams_,
               .dictionaries = &dictionaries_},
      poster_(std::move(poster)) {}

bool SessionHost::Add(std::shared_ptr<HttpSession> session) {
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= limits_.max_connections) return false;
  const HttpSession* key = session.get();
  sessions_.emplace(key, std::move(session));
  metrics()->SetConnections("http", sessions_.size());
  return true;
}

void SessionHost::Remove(const HttpSession* session) {
  std::shared_ptr<HttpSession> removed;  // destroyed after the lock is let go
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  removed = std::move(found->second);
  sessions_.erase(found);
  metrics()->SetConnections("http", sessions_.size());
  if (sessions_.empty()) emptied_.notify_all();
}

std::vector<std::shared_ptr<HttpSession>> SessionHost::Sessions() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<HttpSession>> all;
  for (const auto& [key, session] : sessions_) all.push_back(session);
  return all;
}

void SessionHost::WaitUntilEmpty(Duration at_most) {
  std::unique_lock lock(mutex_);
  emptied_.wait_for(lock, at_most, [this] { return sessions_.empty(); });
}

void SessionHost::Clear() {
  decltype(sessions_) cleared;
  const std::lock_guard lock(mutex_);
  cleared.swap(sessions_);
  metrics()->SetConnections("http", 0);
}

bool SessionHost::TakeBodyBytes(std::size_t bytes) {
  if (body_bytes_.fetch_add(bytes) + bytes <= limits_.max_bodies_bytes) return true;
  body_bytes_.fetch_sub(bytes);
  return false;
}

}  // namespace carillon
