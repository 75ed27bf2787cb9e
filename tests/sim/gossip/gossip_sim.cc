#include "tests/sim/gossip/gossip_sim.h"

#include <algorithm>

#include "base/check.h"
#include "tests/sim/gossip/gossip_world.h"

namespace carillon {
namespace {

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

std::vector<GossipCut> SplitOff(std::size_t members, std::size_t of, Duration begin, Duration end) {
  return {{.from_first = 0,
           .from_limit = members,
           .to_first = members,
           .to_limit = of,
           .begin = begin,
           .end = end},
          {.from_first = members,
           .from_limit = of,
           .to_first = 0,
           .to_limit = members,
           .begin = begin,
           .end = end}};
}

GossipReport RunGossip(const GossipOptions& options, std::uint64_t seed) {
  CHECK(options.deaths < options.members);
  GossipWorld world(options, seed);
  const Instant begin = world.now();
  for (std::size_t death = 0; death < options.deaths; ++death) {
    world.RunUntil(begin + options.duration * static_cast<int>(death + 1) /
                               static_cast<int>(options.deaths + 2));
    world.Kill(options.members - 1 - death);
  }
  world.RunUntil(begin + options.duration);
  return world.Report();
}

Duration Percentile(std::vector<Duration> durations, std::size_t permille) {
  if (durations.empty()) return Duration{0};
  std::ranges::sort(durations);
  return durations[(durations.size() - 1) * permille / 1000];
}

std::string ToText(const GossipReport& report) {
  return fmt::format(
      "deaths {} (unnoticed {}): first noticed {:.1f} s median, {:.1f} s p99; by all {:.1f} s "
      "median, {:.1f} s p99\n"
      "false deaths {} of {} members, of slow members {}; not alive at the end {}\n"
      "{} B a member and second, {} packets; probes {}, failed {}, suspicions {}, refutations {}\n"
      "trace {:016x}, violations {}\n",
      report.first_noticed.size(), report.unnoticed, Seconds(Percentile(report.first_noticed, 500)),
      Seconds(Percentile(report.first_noticed, 990)), Seconds(Percentile(report.all_noticed, 500)),
      Seconds(Percentile(report.all_noticed, 990)), report.false_deaths, report.false_victims,
      report.slow_deaths, report.not_alive_at_end, report.bytes_per_member_second, report.packets,
      report.counters.probes, report.counters.probes_failed, report.counters.suspicions,
      report.counters.refutations, report.trace_hash, report.violations.size());
}

}  // namespace carillon
