#include "tools/carillon/ring/ring_status.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "ring/settling.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/ring/ring_picture.h"

namespace carillon {
namespace {

constexpr Table::Align kRight = Table::Align::kRight;

double InSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// "alive"; what is not well also says since when.
std::string HealthText(const MemberHealth& health) {
  std::string text(ToString(health.health));
  if (health.duplicate) text += ", twice";
  if (IsWell(health) || health.since == Duration::zero()) return text;
  return fmt::format("{} {}", text, FormatSeconds(InSeconds(health.since)));
}

std::string LatencyText(const MemberHealth& health) {
  if (health.latency == Duration::zero()) return "-";
  return fmt::format("{:.1f} ms", InSeconds(health.latency) * 1000);
}

bool IsVoter(const ClusterView& view, const NodeId& node) {
  return std::find(view.voters.begin(), view.voters.end(), node) != view.voters.end();
}

std::string MovesText(const MoveCounts& moves) {
  return fmt::format("{} {} ({} wait, {} dual, {} read-new)", moves.all(),
                     moves.all() == 1 ? "partition moves" : "partitions move", moves.waiting,
                     moves.dual, moves.read_new);
}

// Compares runs of digits as numbers.
bool ComesBefore(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto run = [&](std::string_view text) {
    return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) -
                                    text.begin());
  };
  while (!a.empty() && !b.empty()) {
    const std::size_t a_run = run(a);
    const std::size_t b_run = run(b);
    if (a_run != b_run && a_run > 0 && b_run > 0) return a_run < b_run;
    if (a.front() != b.front()) return a.front() < b.front();
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

std::string Picture(const ClusterView& view, bool color) {
  const std::vector<std::size_t> order = ByName(*view.state);
  std::vector<std::size_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  std::vector<RingCell> cells;
  for (const PartitionHomes& partition : view.state->placement) {
    cells.push_back(
        {.member = place[partition.homes.front()], .is_moving = partition.phase != Phase::kStable});
  }
  return DrawRing(
      cells,
      {fmt::format("{} partitions", cells.size()), fmt::format("version {}", view.state->version),
       fmt::format("{} members", view.state->members.size())},
      color);
}

// Names of members, by comma.
std::string NamesOf(const ClusterState& state, const std::vector<std::uint16_t>& members) {
  std::vector<std::string_view> names;
  for (const std::uint16_t member : members) names.push_back(state.members[member].name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// One line a bucket whose rule before still counts.
std::string SettlingText(const ClusterState& state) {
  if (!state.settling) return {};
  const std::vector<std::uint16_t> waits = WaitsToSettle(state);
  std::string text;
  for (const auto& [name, before] : state.settling->before) {
    const BucketProperties* bucket = state.FindBucket(name);
    if (bucket == nullptr) continue;
    const ReplicaRule rule = RuleOf(*bucket);
    text += fmt::format("settling: bucket {} from n_val {}, w {} to n_val {}, w {}", name,
                        before.n_val, before.w, rule.n_val, rule.w);
    text += waits.empty() ? "\n" : fmt::format("; waits for {}\n", NamesOf(state, waits));
  }
  return text;
}

void WriteSettling(const ClusterState& state, JsonWriter* json) {
  json->Key("settling").BeginArray();
  if (state.settling) {
    const std::vector<std::uint16_t> waits = WaitsToSettle(state);
    for (const auto& [name, before] : state.settling->before) {
      json->BeginObject().Field("bucket", name).Field("n_val_before", before.n_val);
      json->Field("w_before", before.w).Key("waits_for").BeginArray();
      for (const std::uint16_t member : waits) json->Text(state.members[member].name);
      json->EndArray().EndObject();
    }
  }
  json->EndArray();
}

std::string SummaryText(const ClusterView& view) {
  const ClusterState& state = *view.state;
  std::string text = fmt::format(
      "cluster {}: version {}, generation {}, {} partitions, {} {}, {} copies of each\n",
      state.cluster, state.version, state.generation, state.partitions(), state.members.size(),
      state.members.size() == 1 ? "member" : "members",
      std::min<std::size_t>(state.MaxReplicas(), state.placement.front().homes.size()));
  const std::vector<std::string> troubles = TroublesOf(view);
  if (troubles.empty()) text += "all is well\n";
  for (const std::string& trouble : troubles) text += fmt::format("degraded: {}\n", trouble);
  text += SettlingText(state);
  if (state.paused) text += "moves are paused: carillon ring resume\n";
  for (const StagedChange& change : state.staged) {
    text += fmt::format("staged: {}\n", Describe(state, change));
  }
  if (state.plan) {
    text += fmt::format("a plan is saved: carillon ring commit {}\n", state.plan->id);
  } else if (!state.staged.empty()) {
    text += "next: carillon ring plan\n";
  }
  return text;
}

void WriteHealth(const MemberHealth& health, JsonWriter* json) {
  json->Field("health", ToString(health.health));
  json->Key("health_seconds").Decimal(InSeconds(health.since));
  json->Key("latency_ms").Decimal(InSeconds(health.latency) * 1000);
  json->Key("duplicate").Bool(health.duplicate.has_value());
}

void WriteMember(const ClusterView& view, std::size_t index, const MemberShare& share,
                 JsonWriter* json) {
  const Member& member = view.state->members[index];
  json->BeginObject().Field("name", member.name).Field("node", ToString(member.node.value()));
  json->Field("address", member.address).Field("rack", member.rack);
  json->Field("weight", member.weight).Field("role", ToString(member.role));
  WriteHealth(view.HealthOf(index), json);
  json->Key("voter").Bool(IsVoter(view, member.node));
  json->Field("primaries", share.primaries).Field("partitions", share.copies).EndObject();
}

void WriteMembers(const ClusterView& view, JsonWriter* json) {
  const std::vector<MemberShare> shares = SharesOf(*view.state);
  json->Key("members").BeginArray();
  for (std::size_t i = 0; i < shares.size(); ++i) WriteMember(view, i, shares[i], json);
  json->EndArray();
}

}  // namespace

std::vector<std::size_t> ByName(const ClusterState& state) {
  std::vector<std::size_t> order(state.members.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return ComesBefore(state.members[a].name, state.members[b].name);
  });
  return order;
}

std::vector<MemberShare> SharesOf(const ClusterState& state) {
  std::vector<MemberShare> shares(state.members.size());
  for (const PartitionHomes& partition : state.placement) {
    ++shares[partition.homes.front()].primaries;
    for (const std::uint16_t home : partition.homes) ++shares[home].copies;
  }
  return shares;
}

MoveCounts MovesOf(const ClusterState& state) {
  MoveCounts moves;
  for (const PartitionHomes& partition : state.placement) {
    switch (partition.phase) {
      case Phase::kStable:
        if (!partition.target.empty()) ++moves.waiting;
        break;
      case Phase::kDual:
        ++moves.dual;
        break;
      case Phase::kReadNew:
        ++moves.read_new;
        break;
    }
  }
  return moves;
}

std::vector<std::string> TroublesOf(const ClusterView& view) {
  const ClusterState& state = *view.state;
  std::vector<std::string> troubles;
  if (!view.refusal.empty()) {
    troubles.push_back(
        fmt::format("{}, which says this: {}", NameOf(state, view.viewer), view.refusal));
  }
  for (std::size_t i = 0; i < state.members.size(); ++i) {
    if (const auto& duplicate = view.HealthOf(i).duplicate) {
      troubles.push_back(
          fmt::format("two processes run as {}, last seen {} ago: find and destroy "
                      "the copy of its data directory",
                      state.members[i].name, FormatSeconds(InSeconds(*duplicate))));
    }
    if (IsWell(view.HealthOf(i))) continue;
    troubles.push_back(
        fmt::format("{} is {}", state.members[i].name, ToString(view.HealthOf(i).health)));
  }
  const MoveCounts moves = MovesOf(state);
  if (moves.all() > 0) troubles.push_back(MovesText(moves));
  const std::size_t wanted = state.MaxReplicas();
  std::size_t few = 0;
  std::size_t fewest = wanted;
  for (const PartitionHomes& partition : state.placement) {
    if (partition.homes.size() >= wanted) continue;
    ++few;
    fewest = std::min(fewest, partition.homes.size());
  }
  if (few > 0) {
    troubles.push_back(fmt::format("{} {} fewer homes than the {} a bucket wants, down to {}", few,
                                   few == 1 ? "partition has" : "partitions have", wanted, fewest));
  }
  if (!view.frozen.empty()) troubles.push_back("the ring cannot change: " + view.frozen);
  return troubles;
}

std::string NameOf(const ClusterState& state, const NodeId& node) {
  const Member* member = state.FindMember(node);
  return member != nullptr ? member->name : ToString(node.value());
}

std::string Describe(const ClusterState& state, const StagedChange& change) {
  using Kind = StagedChange::Kind;
  std::string text(ToString(change.kind));
  switch (change.kind) {
    case Kind::kSplit:
    case Kind::kRebalance:
      return text;
    case Kind::kReplace:
      return fmt::format("{} {} {}", text, NameOf(state, change.node), NameOf(state, change.other));
    case Kind::kWeight:
      return fmt::format("{} {} {}", text, NameOf(state, change.node), change.weight);
    case Kind::kRack:
      return fmt::format("{} {} {}", text, NameOf(state, change.node), change.rack);
    case Kind::kJoin:
    case Kind::kLeave:
    case Kind::kRemove:
      break;
  }
  return fmt::format("{} {}", text, NameOf(state, change.node));
}

std::string StatusText(const ClusterView& view, const StatusStyle& style) {
  const ClusterState& state = *view.state;
  const std::vector<MemberShare> shares = SharesOf(state);
  std::size_t copies = 0;
  for (const MemberShare& share : shares) copies += share.copies;
  Table table({{""},
               {"member"},
               {"rack"},
               {"health"},
               {"role"},
               {"weight", kRight},
               {"primaries", kRight},
               {"partitions", kRight},
               {"share", kRight},
               {"address"}});
  for (const std::size_t i : ByName(state)) {
    const Member& member = state.members[i];
    const double share = static_cast<double>(shares[i].copies) / static_cast<double>(copies);
    table.Add({std::string(1, MarkOf(table.rows())), member.name, member.rack,
               HealthText(view.HealthOf(i)), std::string(ToString(member.role)),
               FormatCount(member.weight), FormatCount(shares[i].primaries),
               FormatCount(shares[i].copies), fmt::format("{:.1f}%", share * 100), member.address});
  }
  std::string text;
  if (style.picture) text += Picture(view, style.color) + "\n";
  return text + table.Render() + "\n" + SummaryText(view);
}

std::string StatusJson(const ClusterView& view) {
  const ClusterState& state = *view.state;
  const MoveCounts moves = MovesOf(state);
  const std::vector<std::string> troubles = TroublesOf(view);
  JsonWriter json;
  json.BeginObject().Field("cluster", ToString(state.cluster));
  json.Field("version", state.version.value()).Field("generation", state.generation);
  json.Field("partitions", state.partitions()).Field("seen_by", NameOf(state, view.viewer));
  WriteMembers(view, &json);
  json.Key("moving").BeginObject().Field("waiting", moves.waiting).Field("dual", moves.dual);
  json.Field("read_new", moves.read_new).EndObject();
  json.Key("paused").Bool(state.paused).Key("staged").BeginArray();
  for (const StagedChange& change : state.staged) json.Text(Describe(state, change));
  json.EndArray().Field("plan", state.plan ? ToString(state.plan->id) : "");
  WriteSettling(state, &json);
  json.Field("refusal", view.refusal);
  json.Key("degraded").Bool(!troubles.empty()).Key("troubles").BeginArray();
  for (const std::string& trouble : troubles) json.Text(trouble);
  return json.EndArray().EndObject().Take() + "\n";
}

std::string MembersText(const ClusterView& view) {
  const ClusterState& state = *view.state;
  Table table({{"member"},
               {"node"},
               {"address"},
               {"rack"},
               {"weight", kRight},
               {"role"},
               {"health"},
               {"latency", kRight},
               {"votes"}});
  for (const std::size_t i : ByName(state)) {
    const Member& member = state.members[i];
    const MemberHealth& health = view.HealthOf(i);
    table.Add({member.name, ToString(member.node.value()), member.address, member.rack,
               FormatCount(member.weight), std::string(ToString(member.role)), HealthText(health),
               LatencyText(health), IsVoter(view, member.node) ? "yes" : "no"});
  }
  return table.Render() + fmt::format("as {} sees it\n", NameOf(state, view.viewer));
}

std::string MembersJson(const ClusterView& view) {
  JsonWriter json;
  json.BeginObject().Field("seen_by", NameOf(*view.state, view.viewer));
  WriteMembers(view, &json);
  return json.EndObject().Take() + "\n";
}

}  // namespace carillon
