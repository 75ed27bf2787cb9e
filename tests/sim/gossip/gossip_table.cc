// Measures the tables of docs/GOSSIP.md: gossip_table [MEMBERS...] (10 100 1000).
#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "tests/sim/gossip/gossip_sim.h"

namespace carillon {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void Append(const std::vector<Duration>& more, std::vector<Duration>* all) {
  all->insert(all->end(), more.begin(), more.end());
}

// How soon deaths are noticed, no other fault; and what a quiet cluster costs.
void PrintDetection(std::size_t members, std::uint64_t seeds) {
  const GossipOptions options{
      .members = members, .duration = minutes(10), .deaths = members < 50 ? 5u : 8u};
  std::vector<Duration> first;
  std::vector<Duration> all;
  std::uint64_t unnoticed = 0;
  std::uint64_t false_deaths = 0;
  std::uint64_t bytes = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const GossipReport report = RunGossip(options, seed);
    Append(report.first_noticed, &first);
    Append(report.all_noticed, &all);
    unnoticed += report.unnoticed;
    false_deaths += report.false_deaths;
    bytes += report.bytes_per_member_second;
  }
  const GossipReport quiet = RunGossip({.members = members, .duration = minutes(10)}, 1);
  fmt::print("| {} | {} | {:.1f} / {:.1f} s | {:.1f} / {:.1f} s | {} | {} | {} | {} |\n", members,
             first.size(), Seconds(Percentile(first, 500)), Seconds(Percentile(first, 990)),
             Seconds(Percentile(all, 500)), Seconds(Percentile(all, 990)), unnoticed, false_deaths,
             quiet.bytes_per_member_second, bytes / seeds);
}

// Some members do nothing for `away`, and then something for `awake`, again and again.
struct Slowness {
  std::size_t percent;
  Duration away;
  Duration awake;
};

// Who is wrongly buried in ten minutes, with 1 % of the packets lost and some members slow.
void PrintFalsePositives(std::size_t members, const Slowness& slow, std::uint64_t seeds) {
  for (const bool lifeguard : {false, true}) {
    GossipOptions options{.members = members,
                          .duration = minutes(10),
                          .lost_per_million = 10'000,
                          .slow_members = (members * slow.percent + 99) / 100,
                          .slow_away = slow.away,
                          .slow_cycle = slow.away + slow.awake};
    options.swim.lifeguard = lifeguard;
    std::uint64_t false_deaths = 0;
    std::uint64_t slow_deaths = 0;
    std::uint64_t suspicions = 0;
    std::uint64_t bytes = 0;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const GossipReport report = RunGossip(options, seed);
      false_deaths += report.false_deaths;
      slow_deaths += report.slow_deaths;
      suspicions += report.counters.suspicions;
      bytes += report.bytes_per_member_second;
    }
    fmt::print("| {} | {} %, {} / {:.3g} s | {} | {} | {} | {} | {} | {} |\n", members,
               slow.percent, Seconds(slow.away), Seconds(slow.awake), seeds,
               lifeguard ? "with" : "without", false_deaths, slow_deaths, suspicions,
               bytes / seeds);
  }
  std::fflush(stdout);
}

void PrintTables(std::size_t members) {
  const std::uint64_t seeds = members < 50 ? 20 : members < 500 ? 10 : 2;
  PrintDetection(members, seeds);
  const std::uint64_t slow_seeds = members < 500 ? 5 : 1;
  if (members >= 100) PrintFalsePositives(members, {1, seconds(7), seconds(1)}, slow_seeds);
  if (members >= 500) return;  // more slow ones take too long: all talk about them all the time
  PrintFalsePositives(members, {10, seconds(7), seconds(1)}, slow_seeds);
  PrintFalsePositives(members, {10, seconds(8), milliseconds(64)}, slow_seeds);
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  if (argc < 2) {
    for (const std::size_t members : {10, 100, 1000}) carillon::PrintTables(members);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string_view text = argv[i];
    std::size_t members = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), members);
    if (parsed.ec != std::errc{} || members < 2 || members > 1024) return 2;
    carillon::PrintTables(members);
  }
  return 0;
}
