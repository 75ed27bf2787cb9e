#include "server/http/router.h"

#include <algorithm>

#include <fmt/ranges.h>

#include "server/http/buckets_route.h"
#include "server/http/chunks_route.h"
#include "server/http/cluster_route.h"
#include "server/http/events_route.h"
#include "server/http/node_route.h"
#include "server/http/problem_json.h"
#include "server/http/query_string.h"
#include "server/http/seconds_route.h"

namespace carillon {
namespace {

// The segment after `path` when the route has a parameter; nullopt: another path.
std::optional<std::string_view> MatchPath(const HttpRoute& route, std::string_view path) {
  const bool has_parameter = route.path.size() > 1 && route.path.ends_with('/');
  if (!has_parameter) return path == route.path ? std::optional(std::string_view()) : std::nullopt;
  if (!path.starts_with(route.path)) return std::nullopt;
  const std::string_view segment = path.substr(route.path.size());
  if (segment.empty() || segment.find('/') != std::string_view::npos) return std::nullopt;
  return segment;
}

HttpResponse MethodNotAllowed(const std::vector<std::string_view>& allowed,
                              std::string_view method) {
  const std::string list = fmt::format("{}", fmt::join(allowed, ", "));
  HttpResponse response =
      Problem(405, Unimplemented("{} is not among the methods here: {}", method, list));
  response.headers.push_back({"Allow", list});
  return response;
}

}  // namespace

std::variant<RouteMatch, HttpResponse> Router::Find(std::string_view method,
                                                    std::string_view target) const {
  if (!target.starts_with('/')) return Problem(InvalidArgument("'{}' is not a path", target));
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  std::vector<std::string_view> allowed;
  for (const HttpRoute& route : routes_) {
    const auto segment = MatchPath(route, path);
    if (!segment) continue;
    if (route.method != wanted) {
      allowed.push_back(route.method);
      if (route.method == "GET") allowed.push_back("HEAD");
      continue;
    }
    auto parameter = PercentDecode(*segment, false);
    if (!parameter.ok()) return Problem(parameter.status());
    return RouteMatch{.route = &route,
                      .parameter = *std::move(parameter),
                      .query = std::string(target.substr(std::min(question + 1, target.size())))};
  }
  if (!allowed.empty()) return MethodNotAllowed(allowed, method);
  return Problem(NotFound("nothing at '{}'", path));
}

std::vector<HttpRoute> NodeRoutes() {
  return {
      {"GET", "/", "index", 0, HandleIndex},
      {"GET", "/v1/events", "events", 0, HandleEvents},
      {"GET", "/v1/seconds", "seconds", 0, HandleListSeconds},
      {"POST", "/v1/seconds/", "commit", kMaxCommitBodyBytes, HandleCommit},
      {"GET", "/v1/chunks/", "get_chunk", 0, HandleGetChunk},
      {"PUT", "/v1/chunks/", "put_chunk", kMaxChunkBodyBytes, HandlePutChunk},
      {"GET", "/v1/buckets", "buckets", 0, HandleListBuckets},
      {"GET", "/v1/buckets/", "bucket", 0, HandleGetBucket},
      {"PUT", "/v1/buckets/", "put_bucket", kMaxBucketBodyBytes, HandlePutBucket},
      {"GET", "/v1/cluster", "cluster", 0, HandleCluster},
      {"GET", "/metrics", "metrics", 0, HandleMetrics},
      {"GET", "/livez", "livez", 0, HandleLive},
      {"GET", "/readyz", "readyz", 0, HandleReady},
      {"GET", "/healthz", "healthz", 0, HandleReady},
  };
}

}  // namespace carillon
