#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <curl/curl.h>

#include "base/clock.h"

// What all our requests by libcurl have in common: no proxy, no signals, no other protocol than
// HTTP, a path that goes as it is, times, and an answer that has a bound.
namespace carillon {

using CurlHeaders = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;
// "Name: value" each, behind one that switches "Expect: 100-continue" off.
CurlHeaders MakeCurlHeaders(const std::vector<std::string>& headers);

// Where a body is received. Beyond `limit` bytes the request ends with CURLE_WRITE_ERROR.
struct CurlAnswer {
  std::string body;
  std::size_t limit = 0;
};

struct CurlRequest {
  std::string url;  // curl copies it, and the method
  std::string method;
  std::string_view body;          // must live as long as the request
  curl_slist* headers = nullptr;  // the same
  CurlAnswer* answer = nullptr;   // the same; nullptr: what comes is thrown away
  Duration connect_timeout{0};    // 0: curl's own
  Duration timeout{0};            // of all of it; 0: none
  std::string ca_file;            // empty: the system's
};

// `easy` is new or has been reset.
void SetCurlRequest(CURL* easy, const CurlRequest& request);

}  // namespace carillon
