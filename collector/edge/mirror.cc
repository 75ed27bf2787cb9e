#include "collector/edge/mirror.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <curl/curl.h>

#include "base/check.h"
#include "collector/edge/curl_request.h"

namespace carillon {
namespace {

constexpr std::size_t kCopyOverheadBytes = 512;
constexpr int kPollMs = 1000;

// What belongs to the connection that it came by.
bool IsOfTheWay(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "connection", "host", "content-length", "transfer-encoding",
      "keep-alive", "te",   "upgrade",        "expect"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return std::find(kNames.begin(), kNames.end(), lower) != kNames.end();
}

}  // namespace

struct Mirror::Copy {
  std::string method;
  std::string target;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;

  std::size_t bytes() const {
    std::size_t sum = kCopyOverheadBytes + target.size() + body.size();
    for (const std::string& header : headers) sum += header.size();
    return sum;
  }
};

// The requests that are under way. One thread, but for Wake.
class Mirror::Sender {
 public:
  explicit Sender(Mirror* mirror) : mirror_(mirror), multi_(curl_multi_init()) {
    CHECK(multi_ != nullptr);
    const long most = static_cast<long>(mirror->options_.max_under_way);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, most);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, most);
  }
  ~Sender() {
    while (!under_way_.empty()) End(under_way_.begin()->first);
    curl_multi_cleanup(multi_);
  }

  void Wake() { curl_multi_wakeup(multi_); }

  void Run() {
    while (!mirror_->stopping_) {
      while (under_way_.size() < mirror_->options_.max_under_way) {
        std::unique_ptr<Copy> copy = mirror_->Take();
        if (copy == nullptr) break;
        Begin(std::move(copy));
      }
      int running = 0;
      curl_multi_perform(multi_, &running);
      HandleEnds();
      curl_multi_poll(multi_, nullptr, 0, kPollMs, nullptr);
    }
  }

 private:
  struct UnderWay {
    std::unique_ptr<Copy> copy;
    CurlHeaders headers;
  };

  void Begin(std::unique_ptr<Copy> copy) {
    CURL* easy = curl_easy_init();
    CHECK(easy != nullptr);
    CurlHeaders headers = MakeCurlHeaders(copy->headers);
    SetCurlRequest(easy, {.url = mirror_->options_.url + copy->target,
                          .method = copy->method,
                          .body = copy->body,
                          .headers = headers.get(),
                          .connect_timeout = mirror_->options_.connect_timeout,
                          .timeout = mirror_->options_.timeout});
    curl_multi_add_handle(multi_, easy);
    under_way_.emplace(easy, UnderWay{std::move(copy), std::move(headers)});
  }

  void HandleEnds() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      long code = 0;
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
      if (message->data.result != CURLE_OK) {
        ++mirror_->counts_.failed;
      } else if (code >= 200 && code < 300) {
        ++mirror_->counts_.sent;
      } else {
        ++mirror_->counts_.refused;
      }
      End(easy);
    }
  }

  void End(CURL* easy) {
    const auto found = under_way_.find(easy);
    CHECK(found != under_way_.end());
    mirror_->waiting_requests_ -= 1;
    mirror_->waiting_bytes_ -= found->second.copy->bytes();
    curl_multi_remove_handle(multi_, easy);
    curl_easy_cleanup(easy);
    under_way_.erase(found);
  }

  Mirror* const mirror_;
  CURLM* const multi_;
  std::map<CURL*, UnderWay> under_way_;
};

Mirror::Mirror(MirrorOptions options)
    : options_(std::move(options)),
      sender_(std::make_unique<Sender>(this)),
      thread_([this] { sender_->Run(); }) {}

Mirror::~Mirror() {
  stopping_ = true;
  sender_->Wake();
  thread_.join();
}

StatusOr<std::unique_ptr<Mirror>> Mirror::Start(MirrorOptions options) {
  RETURN_IF_ERROR(CheckMirrorUrl(options.url));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return std::unique_ptr<Mirror>(new Mirror(std::move(options)));
}

Status CheckMirrorUrl(const std::string& url) {
  CURLU* parsed = curl_url();
  const bool good = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                    (url.starts_with("http://") || url.starts_with("https://")) &&
                    !url.ends_with('/');
  curl_url_cleanup(parsed);
  return good ? OkStatus() : InvalidArgument("mirror = '{}': want http://HOST:PORT", url);
}

std::unique_ptr<Mirror::Copy> Mirror::Take() {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return nullptr;
  std::unique_ptr<Copy> copy = std::move(waiting_.front());
  waiting_.pop_front();
  return copy;
}

void Mirror::Offer(const Exchange& exchange) {
  const std::size_t least = kCopyOverheadBytes + exchange.sent_body().size();
  if (waiting_requests_ >= options_.max_waiting_requests ||
      waiting_bytes_ + least > options_.max_waiting_bytes) {
    ++counts_.dropped;
    return;
  }
  auto copy = std::make_unique<Copy>();
  copy->method = exchange.method;
  copy->target = exchange.path;
  if (!exchange.query.empty()) copy->target += "?" + std::string(exchange.query);
  exchange.ForEachHeader([&](std::string_view name, std::string_view value) {
    if (IsOfTheWay(name)) return;
    // curl wants a semicolon where there is no value.
    copy->headers.push_back(std::string(name) + (value.empty() ? ";" : ": " + std::string(value)));
  });
  copy->headers.push_back(std::string(kMirroredHeader) + ": 1");
  copy->body = exchange.sent_body();
  waiting_requests_ += 1;
  waiting_bytes_ += copy->bytes();
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(copy));
  }
  if (first) sender_->Wake();
}

}  // namespace carillon
