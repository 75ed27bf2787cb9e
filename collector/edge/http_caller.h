#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "collector/copies/copy_link.h"

namespace carillon {

struct HttpCallerOptions {
  std::string url;      // "http://HOST:PORT", https as well
  std::string ca_file;  // PEM, of whoever signed the other's certificate; empty: the system's
  Duration connect_timeout = std::chrono::seconds(1);
  Duration timeout = std::chrono::seconds(2);  // of a call
  std::size_t max_answer_bytes = std::size_t{4} << 20;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// INVALID_ARGUMENT: not as HttpCallerOptions::url wants it.
Status CheckPeerUrl(const std::string& url);

// Requests to one server, one after the other, on a connection that is kept.
//
// Threads: one caller at a time.
class HttpCaller {
 public:
  explicit HttpCaller(HttpCallerOptions options);
  ~HttpCaller();
  HttpCaller(const HttpCaller&) = delete;
  HttpCaller& operator=(const HttpCaller&) = delete;

  // Blocks. `headers`: "Name: value". UNAVAILABLE: no answer; the connection is closed then.
  StatusOr<HttpAnswer> Call(const std::string& method, const std::string& target,
                            const std::vector<std::string>& headers, std::string_view body);

 private:
  const HttpCallerOptions options_;
  void* easy_;  // CURL
};

// Where CopyDesk is served, and how its key is shown.
inline constexpr std::string_view kCopiesPath = "/v1/copies";
inline constexpr std::string_view kBearer = "Bearer ";

// The way to another collector that keeps copies.
class HttpCopyLink final : public CopyLink {
 public:
  HttpCopyLink(HttpCallerOptions options, std::string key)
      : caller_(std::move(options)), key_(std::move(key)) {}
  StatusOr<Bytes> Ask(ByteSpan ask) override;

 private:
  HttpCaller caller_;
  const std::string key_;
};

}  // namespace carillon
