#include "collector/edge/http_pool.h"

#include <map>
#include <utility>

#include <curl/curl.h>

#include "base/check.h"

namespace carillon {
namespace {

constexpr int kPollMs = 1000;

long Milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

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
    curl_slist* headers = nullptr;
    std::string answer;
    std::size_t limit = 0;
  };

  static std::size_t Receive(char* bytes, std::size_t size, std::size_t count, void* into) {
    auto* under_way = static_cast<UnderWay*>(into);
    if (under_way->answer.size() + size * count > under_way->limit) return 0;
    under_way->answer.append(bytes, size * count);
    return size * count;
  }

  void Begin(Waiting waiting) {
    CURL* easy = curl_easy_init();
    CHECK(easy != nullptr);
    auto owned = std::make_unique<UnderWay>();
    UnderWay& one = *owned;
    one.waiting = std::move(waiting);
    one.limit = pool_->options_.max_answer_bytes;
    const HttpRequest& request = one.waiting.request;
    one.headers = curl_slist_append(nullptr, "Expect:");
    for (const std::string& header : request.headers) {
      one.headers = curl_slist_append(one.headers, header.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.view().data());
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, one.headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Receive);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &one);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     Milliseconds(pool_->options_.connect_timeout));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(pool_->options_.timeout));
    if (!pool_->options_.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, pool_->options_.ca_file.c_str());
    }
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
      HttpAnswer answer{.status = static_cast<int>(status)};
      answer.body = std::move(under_way_.at(easy)->answer);
      End(easy, std::move(answer));
    }
  }

  void End(CURL* easy, StatusOr<HttpAnswer> answer) {
    const auto found = under_way_.find(easy);
    CHECK(found != under_way_.end());
    const std::unique_ptr<UnderWay> one = std::move(found->second);
    under_way_.erase(found);
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(one->headers);
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
