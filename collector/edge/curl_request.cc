#include "collector/edge/curl_request.h"

#include <chrono>

namespace carillon {
namespace {

long Milliseconds(Duration duration) {
  return static_cast<long>(std::chrono::ceil<std::chrono::milliseconds>(duration).count());
}

std::size_t Discard(char* /*bytes*/, std::size_t size, std::size_t count, void* /*nobody*/) {
  return size * count;
}

std::size_t Receive(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto* answer = static_cast<CurlAnswer*>(into);
  if (answer->body.size() + size * count > answer->limit) return 0;  // ends it
  answer->body.append(bytes, size * count);
  return size * count;
}

}  // namespace

CurlHeaders MakeCurlHeaders(const std::vector<std::string>& headers) {
  CurlHeaders list(curl_slist_append(nullptr, "Expect:"), &curl_slist_free_all);
  for (const std::string& header : headers) curl_slist_append(list.get(), header.c_str());
  return list;
}

void SetCurlRequest(CURL* easy, const CurlRequest& request) {
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  // Not a null pointer, which would mean a callback.
  const char* const body = request.body.empty() ? "" : request.body.data();
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
  const bool has_body = !request.body.empty() || request.method == "POST";
  if (!has_body) curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);  // no Content-Length
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request.headers);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, request.answer != nullptr ? &Receive : &Discard);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, request.answer);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(request.connect_timeout));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, Milliseconds(request.timeout));
  if (!request.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, request.ca_file.c_str());
  }
}

}  // namespace carillon
