#include "collector/status_page.h"

#include "collector/dialects/json_text.h"

namespace carillon {
namespace {

double Seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

void AddNumber(JsonObjectWriter* object, std::string_view name, double value) {
  AppendJsonNumber(value, object->Begin(name));
}

void AddCount(JsonObjectWriter* object, std::string_view name, std::uint64_t value) {
  object->AddInteger(name, static_cast<std::int64_t>(value));
}

std::string Object(const std::function<void(JsonObjectWriter*)>& fill) {
  std::string text;
  JsonObjectWriter object(&text);
  fill(&object);
  object.End();
  return text;
}

std::string RingJson(const RingContact& ring) {
  return Object([&](JsonObjectWriter* object) {
    object->Add("reachable", ring.reachable ? "true" : "false");
    if (ring.seconds_since.has_value()) AddNumber(object, "seconds_since", *ring.seconds_since);
    object->AddText("cluster", ring.cluster);
    AddCount(object, "tenants_version", ring.version);
  });
}

std::string TenantsJson(const TenantSnapshot& tenants) {
  return Object([&](JsonObjectWriter* object) {
    AddCount(object, "all", tenants.table->size());
    AddCount(object, "of_ring", tenants.of_ring);
    AddCount(object, "refused", tenants.refused.size());
  });
}

std::string SpoolJson(const PipelineStats& stats, std::uint64_t limit_bytes) {
  return Object([&](JsonObjectWriter* object) {
    AddCount(object, "bytes", stats.intake_bytes + stats.outbox_bytes + stats.dead_letter_bytes);
    AddCount(object, "limit_bytes", limit_bytes);
    AddCount(object, "waiting_bytes", stats.waiting_bytes);
    AddCount(object, "chunks_waiting", stats.chunks_waiting);
    AddNumber(object, "oldest_seconds", Seconds(stats.oldest));
    AddCount(object, "dead_letter_bytes", stats.dead_letter_bytes);
  });
}

std::string ReplicaJson(const CopierStats& copies) {
  return Object([&](JsonObjectWriter* object) {
    object->AddText("state", ToString(copies.state));
    object->AddText("peer", copies.peer);
    AddNumber(object, "behind_seconds", Seconds(copies.behind));
    AddCount(object, "waiting_bytes", copies.waiting_bytes);
  });
}

std::string TotalsJson(const CollectorTotals& totals) {
  return Object([&](JsonObjectWriter* object) {
    AddCount(object, "requests", totals.requests);
    AddCount(object, "bytes", totals.bytes);
    AddCount(object, "events_accepted", totals.events_accepted);
    AddCount(object, "events_rejected", totals.events_rejected);
    AddCount(object, "events_dropped", totals.events_dropped);
  });
}

}  // namespace

StatusPage::StatusPage(Sources sources, Instant now) : sources_(std::move(sources)), began_(now) {
  Sample(now);
}

void StatusPage::Sample(Instant now) {
  Point point{.when = now, .totals = sources_.metrics->Totals()};
  const std::lock_guard lock(mutex_);
  points_.push_back(std::move(point));
  // One that is as old as the window, or older, is what the rest is compared with.
  while (points_.size() > 2 && now - points_[1].when >= kWindow) points_.pop_front();
}

void StatusPage::AppendRates(const Point& now, std::string* out) const {
  const std::lock_guard lock(mutex_);
  const Point& then = points_.front();
  const double seconds = Seconds(now.when - then.when);
  const auto rate = [seconds](std::uint64_t after, std::uint64_t before) {
    return seconds > 0 ? static_cast<double>(after - before) / seconds : 0.0;
  };
  *out += Object([&](JsonObjectWriter* object) {
    AddNumber(object, "requests", rate(now.totals.requests, then.totals.requests));
    AddNumber(object, "events", rate(now.totals.events_accepted, then.totals.events_accepted));
    AddNumber(object, "bytes", rate(now.totals.bytes, then.totals.bytes));
  });
}

std::string StatusPage::Render(Instant now) const {
  const Point point{.when = now, .totals = sources_.metrics->Totals()};
  const PipelineStats stats = sources_.pipeline();
  const std::string not_ready = sources_.not_ready();
  std::string text;
  JsonObjectWriter object(&text);
  object.AddText("version", sources_.version);
  AddNumber(&object, "uptime_seconds", Seconds(now - began_));
  object.AddText("not_ready", not_ready);
  object.Add("ring", RingJson(sources_.ring()));
  object.Add("tenants", TenantsJson(*sources_.tenants()));
  AppendRates(point, object.Begin("per_second"));
  object.Add("totals", TotalsJson(point.totals));
  object.Add("spool", SpoolJson(stats, sources_.spool_limit_bytes));
  if (stats.copies) object.Add("replica", ReplicaJson(*stats.copies));
  AddNumber(&object, "lag_seconds", Seconds(stats.oldest));
  AddCount(&object, "connections", point.totals.connections);
  object.Add("refused", Object([&](JsonObjectWriter* refused) {
               for (const auto& [reason, count] : point.totals.refused) {
                 AddCount(refused, reason, count);
               }
             }));
  object.End();
  return text + "\n";
}

}  // namespace carillon
