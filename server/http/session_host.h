#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "server/http/http_server.h"
#include "server/http/router.h"

namespace carillon {

class HttpSession;

// A way onto the server's threads for those who may outlive it, such as a node's answers. Threads:
// any.
class HttpPoster {
 public:
  explicit HttpPoster(boost::asio::io_context* io) : io_(io) {}
  // Runs `work` on a thread of the server; drops it once closed.
  void Post(std::function<void()> work);
  // When it returns, nothing is being posted, and nothing will be.
  void Close();

 private:
  std::mutex mutex_;
  boost::asio::io_context* io_;
};

// What the connections of a server share. Outlives them. Threads: any.
class SessionHost {
 public:
  SessionHost(ServerCore* core, const HttpLimits& limits, std::shared_ptr<HttpPoster> poster);

  // False: there are limits().max_connections already.
  bool Add(std::shared_ptr<HttpSession> session);
  void Remove(const HttpSession* session);
  std::vector<std::shared_ptr<HttpSession>> Sessions() const;
  void WaitUntilEmpty(Duration at_most);
  void Clear();

  // Room for `bytes` of a request's body, to be given back. False: there is none.
  bool TakeBodyBytes(std::size_t bytes);
  void GiveBodyBytes(std::size_t bytes) { body_bytes_.fetch_sub(bytes); }

  const HttpLimits& limits() const { return limits_; }
  const Router& router() const { return router_; }
  const RouteContext& context() const { return context_; }
  Metrics* metrics() const { return context_.core->metrics(); }
  const std::shared_ptr<HttpPoster>& poster() const { return poster_; }
  bool draining() const { return draining_; }
  void Drain() { draining_ = true; }

 private:
  const HttpLimits limits_;
  const Router router_;
  StreamPermits streams_;
  DictionaryCache dictionaries_;
  const RouteContext context_;
  const std::shared_ptr<HttpPoster> poster_;
  std::atomic<std::size_t> body_bytes_{0};
  std::atomic<bool> draining_{false};
  mutable std::mutex mutex_;
  std::condition_variable emptied_;
  std::unordered_map<const HttpSession*, std::shared_ptr<HttpSession>> sessions_;
};

}  // namespace carillon
