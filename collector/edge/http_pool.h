#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "collector/edge/http_caller.h"

namespace carillon {

struct HttpRequest {
  std::string method;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  SharedBytes body;
};

struct HttpPoolOptions {
  std::string ca_file;  // as of HttpCallerOptions
  Duration connect_timeout = std::chrono::seconds(2);
  Duration timeout = std::chrono::seconds(15);
  std::size_t max_connections = 64;
  std::size_t max_answer_bytes = std::size_t{64} << 10;
};

// Requests to several servers, many at once, on connections that are kept.
//
// Threads: any, at once; one of its own, which calls back.
class HttpPool {
 public:
  using Done = std::function<void(StatusOr<HttpAnswer>)>;

  explicit HttpPool(HttpPoolOptions options);
  ~HttpPool();  // what is under way or waits is answered with UNAVAILABLE
  HttpPool(const HttpPool&) = delete;
  HttpPool& operator=(const HttpPool&) = delete;

  // `done` is called once, and must not block. UNAVAILABLE: no answer.
  void Send(HttpRequest request, Done done);

 private:
  struct Waiting {
    HttpRequest request;
    Done done;
  };
  class Runner;
  std::vector<Waiting> Take();

  const HttpPoolOptions options_;
  std::mutex mutex_;
  std::deque<Waiting> waiting_;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Runner> runner_;
  std::thread thread_;
};

}  // namespace carillon
