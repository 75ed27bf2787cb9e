#pragma once

#include "server/http/router.h"

// What a node says of itself: a page for people, metrics, whether it lives and serves.
namespace carillon {

void HandleIndex(const RouteContext& context, HttpRequest request, Reply reply);
// Prometheus' text format.
void HandleMetrics(const RouteContext& context, HttpRequest request, Reply reply);
// 200 as long as the process answers at all.
void HandleLive(const RouteContext& context, HttpRequest request, Reply reply);
// 200, or 503 and the reason.
void HandleReady(const RouteContext& context, HttpRequest request, Reply reply);

// The page of a node; names are shown as text, whatever they hold.
std::string IndexPage(std::string_view name, std::string_view node, std::string_view cluster);

}  // namespace carillon
