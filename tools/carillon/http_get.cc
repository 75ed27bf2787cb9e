#include "tools/carillon/http_get.h"

#include <memory>

#include <curl/curl.h>

namespace carillon {
namespace {

struct Body {
  std::string text;
  bool too_large = false;
};

std::size_t Append(const char* bytes, std::size_t /*size*/, std::size_t count, void* to) {
  auto* body = static_cast<Body*>(to);
  body->too_large = body->text.size() + count > kMaxGetBytes;
  if (body->too_large) return 0;  // ends it
  body->text.append(bytes, count);
  return count;
}

}  // namespace

StatusOr<std::string> HttpGet(const std::string& url, Duration timeout) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 &curl_easy_cleanup);
  if (curl == nullptr) return Unavailable("libcurl cannot be used");
  Body body;
  std::string error(CURL_ERROR_SIZE, '\0');
  const auto timeout_ms =
      static_cast<long>(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, timeout_ms);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(curl.get());
  if (body.too_large) return ResourceExhausted("{}: more than {} bytes", url, kMaxGetBytes);
  if (code != CURLE_OK) {
    const std::string why(error.c_str());
    return Unavailable("{}: {}", url, why.empty() ? curl_easy_strerror(code) : why);
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return Unavailable("{}: HTTP status {}", url, status);
  return std::move(body.text);
}

}  // namespace carillon
