#include "server/http/node_route.h"

#include "server/http/problem_json.h"

namespace carillon {
namespace {

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'') {
      fmt::format_to(std::back_inserter(out), "&#{};", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::string IndexPage(std::string_view name, std::string_view node, std::string_view cluster) {
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>carillon: {0}</title></head>
<body>
<h1>{0}</h1>
<p>A Carillon node: {1} of the cluster {2}.</p>
<ul>
<li><a href="/v1/events?from=-5m&amp;limit=100">/v1/events</a>: events of the last five minutes</li>
<li><a href="/v1/seconds?from=-5m">/v1/seconds</a>: the seconds committed in them</li>
<li><a href="/v1/buckets">/v1/buckets</a>: buckets and their properties</li>
<li><a href="/v1/cluster">/v1/cluster</a>: the members, the ring, and what moves</li>
<li><a href="/metrics">/metrics</a>: for Prometheus</li>
<li><a href="/livez">/livez</a>, <a href="/readyz">/readyz</a>: for load balancers</li>
</ul>
</body>
</html>
)",
                     EscapeHtml(name), EscapeHtml(node), EscapeHtml(cluster));
}

void HandleIndex(const RouteContext& context, HttpRequest /*request*/, Reply reply) {
  const SharedState shared = context.core->node()->state();
  const ClusterState& state = *shared;
  std::string name = "a node";
  for (const Member& member : state.members) {
    if (member.node == context.core->self()) name = member.name;
  }
  reply(TextResponse(
      "text/html; charset=utf-8",
      IndexPage(name, ToString(context.core->self().value()), ToString(state.cluster))));
}

void HandleMetrics(const RouteContext& context, HttpRequest /*request*/, Reply reply) {
  reply(
      TextResponse("text/plain; version=0.0.4; charset=utf-8", context.core->metrics()->Render()));
}

void HandleLive(const RouteContext& /*context*/, HttpRequest /*request*/, Reply reply) {
  reply(TextResponse("text/plain; charset=utf-8", "alive\n"));
}

void HandleReady(const RouteContext& context, HttpRequest /*request*/, Reply reply) {
  if (const Status ready = context.core->Readiness(); !ready.ok()) return reply(Problem(ready));
  reply(TextResponse("text/plain; charset=utf-8", "ready\n"));
}

}  // namespace carillon
