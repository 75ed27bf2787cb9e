#include "collector/edge/http_pool.h"

#include <map>
#include <utility>

#include <curl/curl.h>

#include "base/check.h"
#include "collector/edge/curl_request.h"

namespace carillon {
namespace {

constexpr int kPollMs = 1000;

}  // namespace

// What is under way. One thread, but for Wake.
class HttpPool::Runner {
 public:
  explicit Runner(HttpPool* pool) : pool_(pool), multi_(curl_multi_init()) {
    CHECK(multi_ != nullptr);
    const long most = static_cast<long>(pool->options_.max_connections);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most);
  }
  ~Runner() { curl_multi_cleanup(multi_); }

  void Wake() { curl_multi_wakeup(multi_); }

  void Run() {
    while (!pool_->stopping_) {
      for (Waiting& waiting : pool_->Take()) Begin(std::move(waiting));
      int running = 0;
      curl_multi_perform(multi_, &running);
      HandleEnds();
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
    while (!under_way_.empty()) End(under_way_.begin()->first, Unavailable("it stops"));
  }

 private:
  struct UnderWay {
    Waiting waiting;
    CurlHeaders headers;
    CurlAnswer answer;
  };

  void Begin(Waiting waiting) {
    CURL* easy = curl_easy_init();
    CHECK(easy != nullptr);
    CurlHeaders headers = MakeCurlHeaders(waiting.request.headers);
    auto owned =
        std::make_unique<UnderWay>(UnderWay{.waiting = std::move(waiting),
                                            .headers = std::move(headers),
                                            .answer = {.limit = pool_->options_.max_answer_bytes}});
    const HttpRequest& request = owned->waiting.request;
    SetCurlRequest(easy, {.url = request.url,
                          .method = request.method,
                          .body = request.body.view(),
                          .headers = owned->headers.get(),
                          .answer = &owned->answer,
                          .connect_timeout = pool_->options_.connect_timeout,
                          .timeout = pool_->options_.timeout,
                          .ca_file = pool_->options_.ca_file});
    under_way_.emplace(easy, std::move(owned));
    curl_multi_add_handle(multi_, easy);
  }

  void HandleEnds() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      if (message->data.result != CURLE_OK) {
        End(easy, Unavailable("{}", curl_easy_strerror(message->data.result)));
        continue;
      }
      long status = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
      std::string body = std::move(under_way_.at(easy)->answer.body);
      End(easy, HttpAnswer{.status = static_cast<int>(status), .body = std::move(body)});
    }
  }

  void End(CURL* easy, StatusOr<HttpAnswer> answer) {
    const auto found = under_way_.find(easy);
    CHECK(found != under_way_.end());
    const std::unique_ptr<UnderWay> one = std::move(found->second);
    under_way_.erase(found);
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    one->waiting.done(std::move(answer));
  }

  HttpPool* const pool_;
  CURLM* const multi_;
  std::map<CURL*, std::unique_ptr<UnderWay>> under_way_;
};

HttpPool::HttpPool(HttpPoolOptions options) : options_(std::move(options)) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  runner_ = std::make_unique<Runner>(this);
  thread_ = std::thread([this] { runner_->Run(); });
}

HttpPool::~HttpPool() {
  stopping_ = true;
  runner_->Wake();
  thread_.join();
  for (Waiting& waiting : Take()) waiting.done(Unavailable("it stops"));
}

std::vector<HttpPool::Waiting> HttpPool::Take() {
  const std::lock_guard lock(mutex_);
  std::vector<Waiting> taken(std::make_move_iterator(waiting_.begin()),
                             std::make_move_iterator(waiting_.end()));
  waiting_.clear();
  return taken;
}

void HttpPool::Send(HttpRequest request, Done done) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back({std::move(request), std::move(done)});
  }
  if (first) runner_->Wake();
}

}  // namespace carillon
