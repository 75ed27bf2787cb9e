#include "collector/pipeline_numbers.h"

namespace carillon {

PipelineNumbers::PipelineNumbers(const Pipeline* pipeline, CollectorMetrics* metrics)
    : pipeline_(pipeline) {
  const auto add = [&](const char* name, const char* help, auto read) {
    metrics->AddNumber(name, help, [this, read] { return static_cast<double>(read(Stats())); });
  };
  using Stats = PipelineStats;
  add("spool_bytes", "On the disk: intake, outbox, dead letters.", [](const Stats& stats) {
    return stats.intake_bytes + stats.outbox_bytes + stats.dead_letter_bytes;
  });
  add("intake_bytes", "Of the intake log.", [](const Stats& stats) { return stats.intake_bytes; });
  add("outbox_bytes", "Of the outbox log.", [](const Stats& stats) { return stats.outbox_bytes; });
  add("dead_letter_bytes", "Of chunks given up.",
      [](const Stats& stats) { return stats.dead_letter_bytes; });
  add("waiting_bytes", "Accepted, and in no batch yet.",
      [](const Stats& stats) { return stats.waiting_bytes; });
  add("unpacked_events",
      "Accepted, and in no chunk yet. The spool is through: 0, and no chunk waits.",
      [](const Stats& stats) { return stats.unpacked_events; });
  add("lag_seconds", "Age of the oldest chunk that is not committed.",
      [](const Stats& stats) { return std::chrono::duration<double>(stats.oldest).count(); });
  add("chunks_waiting", "Chunks that are not committed.",
      [](const Stats& stats) { return stats.chunks_waiting; });
  add("chunks_committed_total", "Chunks in the ring.",
      [](const Stats& stats) { return stats.chunks_committed; });
  add("events_committed_total", "Events in the ring.",
      [](const Stats& stats) { return stats.events_committed; });
  add("commits_total", "Commits.", [](const Stats& stats) { return stats.commits; });
  add("live_bytes_sent_total", "Of chunks of the last seconds.",
      [](const Stats& stats) { return stats.live_bytes_sent; });
  add("stale_bytes_sent_total", "Of older chunks.",
      [](const Stats& stats) { return stats.stale_bytes_sent; });
  add("send_failures_total", "Puts and commits that were tried again.",
      [](const Stats& stats) { return stats.failures; });
  add("dead_letter_events_total", "Events of chunks given up.",
      [](const Stats& stats) { return stats.dead_letter_events; });
  add("spool_damaged_total", "Stretches of the spool that were unreadable.",
      [](const Stats& stats) { return stats.damaged; });
  add("requests_watched", "Kept, and not answered before they are stored.",
      [](const Stats& stats) { return stats.requests_watched; });
  AddDictionaries(metrics);
  AddDeduplication(metrics);
  if (pipeline->stats().copies) AddCopies(metrics);
  metrics->AddNumber("listen_overflows_total",
                     "Connections the kernel dropped for full queues, of the whole machine.",
                     ListenOverflows);
}

template <typename Samples>
std::vector<MetricSample> PipelineNumbers::OfTenants(Samples samples) {
  std::vector<MetricSample> all;
  for (const auto& [tenant, counts] : Stats().deduplicated.tenants) {
    samples(tenant, counts, &all);
  }
  return all;
}

void PipelineNumbers::AddDeduplication(CollectorMetrics* metrics) {
  using Samples = std::vector<MetricSample>;
  const auto add = [&](const char* name, const char* help, auto value) {
    metrics->AddFamily(name, help, [this, value] {
      return OfTenants([&](const std::string& tenant, const ClaimCounts& counts, Samples* out) {
        out->push_back({{{"tenant", tenant}}, static_cast<double>(value(counts))});
      });
    });
  };
  add("dedup_checked_total", "Events whose id was looked at, by tenant.",
      [](const ClaimCounts& counts) { return counts.checked; });
  add("dedup_duplicates_total", "Events dropped as duplicates, by tenant.",
      [](const ClaimCounts& counts) { return counts.duplicates; });
  add("dedup_ratio", "Duplicates of the events checked, by tenant.", [](const ClaimCounts& counts) {
    return counts.checked == 0
               ? 0.0
               : static_cast<double>(counts.duplicates) / static_cast<double>(counts.checked);
  });
  metrics->AddFamily(
      "dedup_unchecked_total", "Events with an id that went on unchecked, by tenant and reason.",
      [this] {
        return OfTenants([](const std::string& tenant, const ClaimCounts& counts, Samples* out) {
          for (std::size_t i = 0; i < kUncheckedReasons; ++i) {
            const std::string reason(ToString(static_cast<Unchecked>(i)));
            out->push_back({{{"tenant", tenant}, {"reason", reason}},
                            static_cast<double>(counts.unchecked[i])});
          }
        });
      });
  metrics->AddNumber("dedup_waiting_requests", "Requests that wait for verdicts.",
                     [this] { return static_cast<double>(Stats().deduplicated.waiting_requests); });
  metrics->AddHistogram("claim_seconds", "How long the ring took to answer a claim.", [this] {
    const ClaimCallTimes times = Stats().deduplicated.calls;
    return MetricHistogram{.bounds = {kCallSeconds.begin(), kCallSeconds.end()},
                           .within = {times.within.begin(), times.within.end()},
                           .count = times.calls,
                           .sum = times.seconds};
  });
}

void PipelineNumbers::AddDictionaries(CollectorMetrics* metrics) {
  const auto add = [&](const char* name, const char* help, auto field) {
    metrics->AddNumber(name, help, [this, field] { return static_cast<double>(Stats().*field); });
  };
  add("dictionaries", "In use for small chunks.", &PipelineStats::dictionaries);
  add("dictionary_chunks_total", "Chunks encoded with a dictionary.",
      &PipelineStats::dictionary_chunks);
  add("dictionary_events_total", "Events of these chunks.", &PipelineStats::dictionary_events);
  add("dictionary_failures_total", "Times that the ring did not give or take a dictionary.",
      &PipelineStats::dictionary_failures);
}

void PipelineNumbers::AddCopies(CollectorMetrics* metrics) {
  const auto add = [&](const char* name, const char* help, auto read) {
    metrics->AddNumber(name, help, [this, read] {
      const PipelineStats stats = Stats();
      return static_cast<double>(read(*stats.copies));
    });
  };
  using Stats = CopierStats;
  add("replica_in_step", "1: another collector has a copy of the spool, up to the last moments.",
      [](const Stats& stats) { return stats.state == CopyState::kInStep ? 1 : 0; });
  add("replica_alone", "1: none has, and nothing waits for one.",
      [](const Stats& stats) { return stats.state == CopyState::kAlone ? 1 : 0; });
  add("replica_alone_total", "Times that it was so.",
      [](const Stats& stats) { return stats.times_alone; });
  add("replica_behind_seconds", "Age of the oldest change that no copy has.",
      [](const Stats& stats) { return std::chrono::duration<double>(stats.behind).count(); });
  add("replica_waiting_bytes", "Of the spool, to be copied.",
      [](const Stats& stats) { return stats.waiting_bytes; });
  add("replica_shipped_bytes_total", "Of the spool, copied.",
      [](const Stats& stats) { return stats.shipped_bytes; });
  add("replica_failures_total", "Calls that no peer answered with OK.",
      [](const Stats& stats) { return stats.failures; });
  add("replica_copies_total", "Copies that were begun.",
      [](const Stats& stats) { return stats.copies; });
  add("replica_acks_total", "Requests answered when a copy had them.",
      [](const Stats& stats) { return stats.acks; });
  add("replica_acks_late_total", "Requests answered with 503, as none had them in time.",
      [](const Stats& stats) { return stats.acks_late; });
}

PipelineStats PipelineNumbers::Stats() {
  constexpr auto kFresh = std::chrono::milliseconds(100);
  const std::lock_guard lock(mutex_);
  const Instant now = SystemClock().Now();
  if (asked_ == Instant() || now - asked_ > kFresh) {
    stats_ = pipeline_->stats();
    asked_ = now;
  }
  return stats_;
}

}  // namespace carillon
