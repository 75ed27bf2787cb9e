#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ring/swim.h"

// How well and how cheaply a cluster of up to 1,024 members notices who lives: real Swim machines
// on a simulated network. One thread; the same options and seed are the same run.
namespace carillon {

// Packets from members [from_first, from_limit) to [to_first, to_limit) are lost meanwhile.
struct GossipCut {
  std::size_t from_first = 0;
  std::size_t from_limit = 0;
  std::size_t to_first = 0;
  std::size_t to_limit = 0;
  Duration begin{0};  // since the start
  Duration end{0};
};
// Both ways, between the first `members` and the others.
std::vector<GossipCut> SplitOff(std::size_t members, std::size_t of, Duration begin, Duration end);

struct GossipOptions {
  std::size_t members = 30;
  Duration duration = std::chrono::minutes(2);
  std::size_t deaths = 0;  // of the last members, one after another, at even distances
  std::uint32_t lost_per_million = 0;
  std::uint32_t repeated_per_million = 0;
  Duration delay_least = std::chrono::microseconds(200);
  Duration delay_most = std::chrono::milliseconds(2);
  std::size_t slow_members = 0;  // the first; for slow_away of each slow_cycle they do nothing
  Duration slow_away = std::chrono::seconds(2);
  Duration slow_cycle = std::chrono::seconds(3);
  std::vector<GossipCut> cuts;
  bool rpc_answers = false;    // the fallback probe over gRPC works wherever UDP is lost by chance
  bool through_bytes = false;  // every packet is encoded and decoded
  SwimOptions swim;
};

struct GossipReport {
  std::vector<Duration> first_noticed;  // of each death: until one believes it
  std::vector<Duration> all_noticed;    // until all that run do; only of those all noticed
  std::uint64_t unnoticed = 0;          // deaths that not all noticed before the end
  std::uint64_t false_deaths = 0;       // a member that runs well was believed dead, by one other
  std::uint64_t false_victims = 0;      // how many members that happened to
  std::uint64_t slow_deaths = 0;        // as false_deaths, of slow members
  std::uint64_t status_changes = 0;     // all, at all members
  std::uint64_t not_alive_at_end = 0;   // pairs of running members, one not believing in the other
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  // of UDP payload, sealed
  std::uint64_t bytes_per_member_second = 0;
  std::uint64_t trace_hash = 0;         // of every status change, by whom, when
  SwimCounters counters;                // summed over the members
  std::vector<std::string> violations;  // what must not happen whatever the network does
};

GossipReport RunGossip(const GossipOptions& options, std::uint64_t seed);

// `permille` of 1000 of them are not greater. Zero: there are none.
Duration Percentile(std::vector<Duration> durations, std::size_t permille);
// A few lines for people.
std::string ToText(const GossipReport& report);

}  // namespace carillon
