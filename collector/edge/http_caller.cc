#include "collector/edge/http_caller.h"

#include <mutex>

#include <curl/curl.h>

#include "base/check.h"

namespace carillon {
namespace {

long Milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

struct Received {
  std::string* body = nullptr;
  std::size_t limit = 0;
};

std::size_t Receive(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto* received = static_cast<Received*>(into);
  if (received->body->size() + size * count > received->limit) return 0;
  received->body->append(bytes, size * count);
  return size * count;
}

}  // namespace

Status CheckPeerUrl(const std::string& url) {
  CURLU* parsed = curl_url();
  const bool good = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                    (url.starts_with("http://") || url.starts_with("https://")) &&
                    url.find('/', url.find("//") + 2) == std::string::npos;
  curl_url_cleanup(parsed);
  return good ? OkStatus() : InvalidArgument("'{}': want http://HOST:PORT", url);
}

HttpCaller::HttpCaller(HttpCallerOptions options) : options_(std::move(options)) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  easy_ = curl_easy_init();
  CHECK(easy_ != nullptr);
}

HttpCaller::~HttpCaller() {
  curl_easy_cleanup(static_cast<CURL*>(easy_));
}

StatusOr<HttpAnswer> HttpCaller::Call(const std::string& method, const std::string& target,
                                      const std::vector<std::string>& headers,
                                      std::string_view body) {
  CURL* easy = static_cast<CURL*>(easy_);
  curl_easy_reset(easy);  // connections are kept
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
  HttpAnswer answer;
  Received received{.body = &answer.body, .limit = options_.max_answer_bytes};
  const std::string url = options_.url + target;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Receive);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(options_.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(options_.timeout));
  if (!options_.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, options_.ca_file.c_str());
  }
  const CURLcode code = curl_easy_perform(easy);
  curl_slist_free_all(list);
  if (code != CURLE_OK) return Unavailable("{}: {}", options_.url, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  answer.status = static_cast<int>(status);
  return answer;
}

StatusOr<Bytes> HttpCopyLink::Ask(ByteSpan ask) {
  ASSIGN_OR_RETURN(HttpAnswer answer,
                   caller_.Call("POST", std::string(kCopiesPath),
                                {"Content-Type: application/octet-stream",
                                 "Authorization: " + std::string(kBearer) + key_},
                                ask));
  if (answer.status == 200) return std::move(answer.body);
  if (answer.status == 401) {
    return MakeStatus(StatusCode::kPermissionDenied, "it does not know our key");
  }
  if (answer.status == 404) return Unimplemented("it keeps no copies there");
  return Unavailable("status {}", answer.status);
}

}  // namespace carillon
