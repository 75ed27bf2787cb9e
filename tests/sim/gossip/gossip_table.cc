// Measures the tables of docs/GOSSIP.md: gossip_table [MEMBERS...] (10 100 1000).
#include <fmt/format.h>

#include <charconv>
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

void PrintDetection(std::size_t members) {
  GossipOptions options{.members = members, .duration = minutes(10)};
  options.deaths = members == 10 ? 5 : 8;
  const GossipReport report = RunGossip(options, 1);
  GossipOptions quiet{.members = members, .duration = minutes(3)};
  const GossipReport idle = RunGossip(quiet, 1);
  fmt::print("| {} | {} | {:.1f} / {:.1f} s | {:.1f} / {:.1f} s | {} | {} | {} |\n", members,
             report.first_noticed.size(), Seconds(Percentile(report.first_noticed, 500)),
             Seconds(Percentile(report.first_noticed, 1000)),
             Seconds(Percentile(report.all_noticed, 500)),
             Seconds(Percentile(report.all_noticed, 1000)), idle.bytes_per_member_second,
             report.bytes_per_member_second, report.false_deaths);
}

void PrintFalsePositives(std::size_t members, Duration away, Duration cycle) {
  for (const bool lifeguard : {false, true}) {
    GossipOptions options{.members = members,
                          .duration = minutes(10),
                          .lost_per_million = 10'000,
                          .slow_members = (members + 99) / 100,
                          .slow_away = away,
                          .slow_cycle = cycle};
    options.swim.lifeguard = lifeguard;
    const GossipReport report = RunGossip(options, 1);
    fmt::print("| {} | {:.1f} of {:.1f} s | {} | {} | {} | {} | {} | {} |\n", members,
               Seconds(away), Seconds(cycle), lifeguard ? "with" : "without", report.false_deaths,
               report.false_victims, report.slow_deaths, report.counters.suspicions,
               report.bytes_per_member_second);
  }
}

void PrintTables(std::size_t members) {
  PrintDetection(members);
  PrintFalsePositives(members, milliseconds(1500), seconds(2));
  PrintFalsePositives(members, seconds(8), seconds(10));
  PrintFalsePositives(members, seconds(16), seconds(20));
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
