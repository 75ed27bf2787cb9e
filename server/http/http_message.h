#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// Requests and responses as plain data, so that what a route does needs no socket to be tested.
namespace carillon {

struct HttpRequest {
  std::string parameter;  // the last segment of the path, decoded, when the route has one
  std::string query;      // as it came, without '?'
  std::string accept;     // the header; may be empty
  std::optional<std::string> crc32c;  // the header X-Carillon-Crc32c
  Bytes body;
};

// A body that is made while it is sent. One caller at a time, which may destroy it at any time;
// the stream lets go of whatever it held.
class BodyStream {
 public:
  struct Piece {
    enum class Kind {
      kBytes,   // `bytes` come next; never empty
      kEnd,     // that was all
      kFailed,  // `status` says why; the body will not be whole
      kLater,   // nothing yet: `wake` will be called once
    } kind = Kind::kLater;
    SharedBytes bytes;
    Status status;
  };

  virtual ~BodyStream() = default;
  // The next piece; asking says that all pieces before were taken by the client. `wake` runs on any
  // thread and must not block. After kEnd and kFailed, ask no more.
  virtual Piece Next(std::function<void()> wake) = 0;
};

struct HttpResponse {
  int status = 200;
  StatusCode code = StatusCode::kOk;  // for the metrics
  std::string content_type;
  std::vector<std::pair<std::string, std::string>> headers;  // beyond those every response has
  SharedBytes body;
  std::unique_ptr<BodyStream> stream;  // instead of `body`
};

// Takes the response of one request: exactly once, from any thread. Does not block.
using Reply = std::function<void(HttpResponse)>;

// 200 with a body.
HttpResponse TextResponse(std::string content_type, Bytes body);
inline constexpr char kJsonType[] = "application/json";
inline constexpr char kNdjsonType[] = "application/x-ndjson";
inline constexpr char kCrcHeader[] = "X-Carillon-Crc32c";

}  // namespace carillon
