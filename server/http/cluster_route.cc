#include "server/http/cluster_route.h"

#include "server/http/json_text.h"
#include "server/http/problem_json.h"
#include "server/http/query_string.h"
#include "server/node/node_view.h"

namespace carillon {
namespace {

// `write(one)` of each, between brackets.
template <typename List, typename Write>
std::string JsonList(const List& list, Write write) {
  std::string out = "[";
  for (const auto& one : list) {
    if (out.size() > 1) out.push_back(',');
    out += write(one);
  }
  return out + "]";
}

double InSeconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

// The name; of one that is no member any more, the id.
std::string NameJson(const ClusterState& state, const NodeId& node) {
  const Member* member = state.FindMember(node);
  if (member != nullptr) return JsonString(member->name);
  return node.value().IsNil() ? "\"\"" : JsonString(ToString(node.value()));
}

std::string MemberJson(const ClusterView& view, std::size_t index) {
  const ClusterState& state = *view.state;
  const Member& member = state.members[index];
  const MemberHealth& health = view.HealthOf(index);
  std::size_t primaries = 0;
  std::size_t copies = 0;
  for (const PartitionHomes& partition : state.placement) {
    for (const std::uint16_t home : partition.homes) copies += home == index ? 1 : 0;
    if (!partition.homes.empty() && partition.homes.front() == index) ++primaries;
  }
  return fmt::format(
      R"({{"name":{},"node":"{}","address":{},"rack":{},"weight":{},"role":"{}","health":"{}",)"
      R"("health_seconds":{:.1f},"latency_ms":{:.2f},"duplicate":{},"primaries":{},)"
      R"("partitions":{}}})",
      JsonString(member.name), member.node, JsonString(member.address), JsonString(member.rack),
      member.weight, ToString(member.role), ToString(health.health), InSeconds(health.since),
      InSeconds(health.latency) * 1000, health.duplicate.has_value(), primaries, copies);
}

std::string PartitionJson(const ClusterState& state, const PartitionHomes& partition) {
  const auto names = [&state](const std::vector<std::uint16_t>& list) {
    return JsonList(list, [&](std::uint16_t i) { return JsonString(state.members[i].name); });
  };
  std::string out = fmt::format(R"({{"phase":"{}","homes":{})", ToString(partition.phase),
                                names(partition.homes));
  if (!partition.next.empty()) out += R"(,"next":)" + names(partition.next);
  if (!partition.target.empty()) out += R"(,"target":)" + names(partition.target);
  return out + "}";
}

std::string TransferJson(const ClusterState& state, const PullView& pull) {
  return fmt::format(
      R"({{"partition":{},"from":{},"reason":{},"hours":{},"hours_done":{},"chunks":{},)"
      R"("bytes":{},"seconds":{:.1f}}})",
      pull.partition, NameJson(state, pull.source), JsonString(pull.reason), pull.hours,
      pull.hours_done, pull.chunks, pull.bytes, InSeconds(pull.running));
}

std::string StagedJson(const ClusterState& state, const StagedChange& change) {
  return fmt::format(R"({{"kind":"{}","node":{},"other":{},"weight":{},"rack":{}}})",
                     ToString(change.kind), NameJson(state, change.node),
                     NameJson(state, change.other), change.weight, JsonString(change.rack));
}

}  // namespace

std::string ClusterJson(const ClusterView& view) {
  const ClusterState& state = *view.state;
  std::string out = fmt::format(
      R"({{"cluster":"{}","generation":{},"version":{},"seen_by":{},"moving":{},"paused":{},)"
      R"("frozen":{},"refusal":{},"plan":{},"members":)",
      state.cluster, state.generation, state.version, NameJson(state, view.viewer),
      state.IsMoving(), state.paused, JsonString(view.frozen), JsonString(view.refusal),
      state.plan ? fmt::format("\"{}\"", state.plan->id) : "null");
  std::vector<std::size_t> members(state.members.size());
  for (std::size_t i = 0; i < members.size(); ++i) members[i] = i;
  out += JsonList(members, [&](std::size_t index) { return MemberJson(view, index); });
  out += R"(,"voters":)" +
         JsonList(view.voters, [&](const NodeId& node) { return NameJson(state, node); });
  out += R"(,"staged":)" + JsonList(state.staged, [&](const StagedChange& change) {
           return StagedJson(state, change);
         });
  out += R"(,"transfers":)" +
         JsonList(view.pulls, [&](const PullView& pull) { return TransferJson(state, pull); });
  out += fmt::format(R"(,"transfers_waiting":{},"foreign_partitions":)", view.pulls_waiting);
  out += JsonList(view.foreign, [](PartitionId id) { return fmt::format("{}", id); });
  out += R"(,"partitions":)" + JsonList(state.placement, [&](const PartitionHomes& partition) {
           return PartitionJson(state, partition);
         });
  return out + "}\n";
}

void HandleCluster(const RouteContext& context, HttpRequest request, Reply reply) {
  const auto query = QueryString::Parse(request.query, {});
  if (!query.ok()) return reply(Problem(query.status()));
  ClusterView view;
  context.core->node()->Look(
      [&](const Node& node) { view = ViewOf(node, context.clock->Now(), 0); });
  reply(TextResponse(kJsonType, ClusterJson(view)));
}

}  // namespace carillon
