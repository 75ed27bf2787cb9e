#include "collector/edge/http_caller.h"

#include <mutex>

#include <curl/curl.h>

#include "base/check.h"
#include "collector/edge/curl_request.h"

namespace carillon {

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
  const CurlHeaders list = MakeCurlHeaders(headers);
  CurlAnswer received{.limit = options_.max_answer_bytes};
  SetCurlRequest(easy, {.url = options_.url + target,
                        .method = method,
                        .body = body,
                        .headers = list.get(),
                        .answer = &received,
                        .connect_timeout = options_.connect_timeout,
                        .timeout = options_.timeout,
                        .ca_file = options_.ca_file});
  const CURLcode code = curl_easy_perform(easy);
  if (code != CURLE_OK) return Unavailable("{}: {}", options_.url, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return HttpAnswer{.status = static_cast<int>(status), .body = std::move(received.body)};
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
