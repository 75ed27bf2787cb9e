#include <functional>
#include <limits>
#include <memory>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/ring/ring_status.h"
#include "tools/carillon/verbs/ring_verbs.h"

namespace carillon {
namespace {

using Kind = StagedChange::Kind;

struct ChangeOptions {
  std::string node;
  std::string other;
  std::string weight;
  std::string rack;
};

// Makes the change where an endpoint answers; `done` says what has come of it.
Outcome Make(Session* session, const std::function<StatusOr<StateVersion>(ClusterAdmin*)>& change,
             const std::string& done) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  RETURN_IF_ERROR(admin->View().status());  // finds an endpoint that answers
  ASSIGN_OR_RETURN(const StateVersion version, change(admin));
  if (session->json()) {
    return session->out().Write(fmt::format("{{\"version\":{}}}\n", version));
  }
  return session->out().Write(fmt::format("{} (version {})\n", done, version));
}

Outcome RunStage(Session* session, Kind kind, const ChangeOptions& options) {
  RingChange change{.kind = kind,
                    .node = options.node,
                    .other = options.other,
                    .weight = 0,
                    .rack = options.rack};
  if (kind == Kind::kWeight) {
    ASSIGN_OR_USAGE(const std::uint64_t weight, ParseDecimal("weight", options.weight, kMaxWeight));
    change.weight = static_cast<std::uint32_t>(weight);
  }
  return Make(
      session, [&](ClusterAdmin* admin) { return admin->Stage(change); },
      "staged; next: carillon ring plan");
}

struct StageText {
  Kind kind;
  const char* description;
  const char* node;   // nullptr: takes none
  const char* other;  // what comes behind it; nullptr: nothing
  const char* examples;
};

constexpr StageText kStages[] = {
    {Kind::kJoin, "Stage: a joining member becomes one that owns partitions", "NODE", nullptr,
     "A new node stages this itself; after `ring clear` it can be staged again.\n\n"
     "  carillon ring join node4"},
    {Kind::kLeave, "Stage: a member gives up all it owns, and goes", "NODE", nullptr,
     "  carillon ring leave node2"},
    {Kind::kReplace, "Stage: a joining member takes the place of another", "OLD", "NEW",
     "  carillon ring replace node2 node5"},
    {Kind::kRemove, "Stage: a member that is dead for good goes", "NODE", nullptr,
     "Its partitions are copied from their other homes.\n\n"
     "  carillon ring remove node2"},
    {Kind::kWeight, "Stage: a member's share of the partitions; 100 is usual", "NODE", "WEIGHT",
     "  carillon ring weight node2 200"},
    {Kind::kRack, "Stage: a member is in another failure domain", "NODE", "RACK",
     "  carillon ring rack node2 rack3"},
    {Kind::kSplit, "Stage: every partition becomes two", nullptr, nullptr, "  carillon ring split"},
    {Kind::kRebalance, "Stage: nothing but a better placement", nullptr, nullptr,
     "  carillon ring rebalance"},
};

std::string* SecondOf(Kind kind, ChangeOptions* options) {
  if (kind == Kind::kReplace) return &options->other;
  return kind == Kind::kWeight ? &options->weight : &options->rack;
}

void AddStages(Command* ring, Session* session) {
  for (const StageText& stage : kStages) {
    auto options = std::make_shared<ChangeOptions>();
    Command verb =
        ring->AddVerb({std::string(ToString(stage.kind)), "", stage.description, stage.examples});
    if (stage.node != nullptr) {
      verb.Positional(stage.node, &options->node, "a member, by name or node id");
    }
    if (stage.other != nullptr) {
      verb.Positional(stage.other, SecondOf(stage.kind, options.get()),
                      stage.kind == Kind::kReplace  ? "a joining member"
                      : stage.kind == Kind::kWeight ? "0 (owns nothing) to 10000"
                                                    : "its name");
    }
    verb.OnRun([=, kind = stage.kind] { return RunStage(session, kind, *options); });
  }
}

StatusOr<std::uint32_t> RepairAt(const Session& session, const std::string& address) {
  ASSIGN_OR_RETURN(const auto admin, session.AdminOf(address));
  return admin->Repair();
}

Outcome RunRepair(Session* session, const std::string& node) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  NodeId only;
  if (!node.empty()) {
    ASSIGN_OR_RETURN(only, FindMemberNamed(*view.state, node));
  }
  Table table({{"member"}, {"pulls", Table::Align::kRight}, {"error"}});
  JsonWriter json;
  json.BeginArray();
  bool all_answered = true;
  for (const Member& member : view.state->members) {
    if (!node.empty() && member.node != only) continue;
    const StatusOr<std::uint32_t> pulls = RepairAt(*session, member.address);
    all_answered = all_answered && pulls.ok();
    const std::string error = pulls.ok() ? "" : Explain(pulls.status());
    table.Add({member.name, pulls.ok() ? fmt::format("{}", *pulls) : "-", error});
    json.BeginObject().Field("member", member.name);
    json.Field("pulls", pulls.ok() ? *pulls : 0).Field("error", error).EndObject();
  }
  RETURN_IF_ERROR(
      session->out().Write(session->json() ? json.EndArray().Take() + "\n" : table.Render()));
  return all_answered ? ExitCode::kDone : ExitCode::kPartial;
}

using Change = std::function<StatusOr<StateVersion>(ClusterAdmin*)>;

void AddPlain(Command* ring, Session* session, const VerbText& text, const std::string& done,
              const Change& change) {
  Command verb = ring->AddVerb(text);
  verb.OnRun([=] { return Make(session, change, done); });
}

}  // namespace

void AddRingChanges(Command* ring, Session* session) {
  AddStages(ring, session);
  AddPlain(ring, session,
           {"clear", "", "Drop what is staged, and the plan", "  carillon ring clear"},
           "nothing is staged any more", [](ClusterAdmin* admin) { return admin->ClearStaged(); });
  AddPlain(ring, session,
           {"pause", "", "Start no more moves; those under way go on", "  carillon ring pause"},
           "paused", [](ClusterAdmin* admin) { return admin->Pause(true); });
  AddPlain(ring, session, {"resume", "", "Go on with the moves", "  carillon ring resume"},
           "moves go on", [](ClusterAdmin* admin) { return admin->Pause(false); });
  AddPlain(ring, session,
           {"abort", "", "Leave partitions where they are, as far as that is still possible",
            "Partitions whose new homes are read already finish.\n\n  carillon ring abort"},
           "aborted", [](ClusterAdmin* admin) { return admin->AbortMoves(); });
  auto node = std::make_shared<std::string>();
  Command repair = ring->AddVerb({"repair", "", "Have members pull now what they lack",
                                  "Otherwise each compares with the other homes once a minute.\n\n"
                                  "  carillon ring repair\n"
                                  "  carillon ring repair --node node2"});
  repair.Value("--node", node.get(), "only this member");
  repair.OnRun([=] { return RunRepair(session, *node); });
}

}  // namespace carillon
