#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "crunch/dictionary_cache.h"
#include "server/http/http_message.h"
#include "server/http/stream_permits.h"
#include "server/shell/server_core.h"

namespace carillon {

// What every route may use. All of it outlives the requests.
struct RouteContext {
  ServerCore* core = nullptr;
  const Clock* clock = nullptr;
  StreamPermits* streams = nullptr;
  DictionaryCache* dictionaries = nullptr;
};

// Answers one request; must not block, and calls `reply` exactly once, now or later.
using RouteHandler = void (*)(const RouteContext& context, HttpRequest request, Reply reply);

struct HttpRoute {
  std::string_view method;  // GET also answers HEAD
  std::string_view path;    // ends in '/' and is not "/": one segment more follows, the parameter
  std::string_view name;    // in the metrics
  std::size_t max_body_bytes = 0;  // 0: takes no body
  RouteHandler handler = nullptr;
};

struct RouteMatch {
  const HttpRoute* route = nullptr;
  std::string parameter;
  std::string query;
};

// Finds who answers. Any thread.
class Router {
 public:
  explicit Router(std::vector<HttpRoute> routes) : routes_(std::move(routes)) {}

  // `target` is as in the request line: "/v1/events?from=1". Otherwise the response that says why
  // not: 400 for what is no path, 404, or 405 with Allow.
  std::variant<RouteMatch, HttpResponse> Find(std::string_view method,
                                              std::string_view target) const;

 private:
  const std::vector<HttpRoute> routes_;
};

// All routes of a node.
std::vector<HttpRoute> NodeRoutes();

}  // namespace carillon
