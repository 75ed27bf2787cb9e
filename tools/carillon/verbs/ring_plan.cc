#include <chrono>
#include <cstdio>
#include <memory>

#include "tools/carillon/ring/plan_report.h"
#include "tools/carillon/ring/ring_status.h"
#include "tools/carillon/ring/transfer_report.h"
#include "tools/carillon/verbs/ring_verbs.h"

namespace carillon {
namespace {

constexpr auto kFollowInterval = std::chrono::milliseconds(500);
constexpr int kFailuresAtMost = 20;  // in a row, while moves are followed

struct PlanOptions {
  bool look = false;
  bool accept_loss = false;
};

struct CommitOptions {
  std::string id;
  bool yes = false;
  bool wait = false;
};

Outcome RunPlan(Session* session, const PlanOptions& options) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  RETURN_IF_ERROR(admin->View().status());  // finds an endpoint that answers
  ASSIGN_OR_RETURN(const PlannedChange planned, admin->Plan(options.look, options.accept_loss));
  return session->out().Write(session->json() ? PlanJson(planned) : PlanText(planned));
}

bool IsConfirmed(const ClusterState& state) {
  std::string text;
  for (const StagedChange& change : state.staged) {
    text += fmt::format("  {}\n", Describe(state, change));
  }
  fmt::print(stderr, "{}Carry this out? [y/N] ", text);
  const int answer = std::getchar();
  return answer == 'y' || answer == 'Y';
}

Outcome RunCommit(Session* session, const CommitOptions& options) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  if (!view.state->plan) return FailedPrecondition("no plan is saved: carillon ring plan");
  const std::string saved = ToString(view.state->plan->id);
  const std::string& id = options.id.empty() ? saved : options.id;
  if (id != saved) return Aborted("plan {} is not the one that is saved, {}", id, saved);
  if (!options.yes && IsTerminal(0) && !IsConfirmed(*view.state)) {
    return Cancelled("nothing was changed");
  }
  ASSIGN_OR_RETURN(const StateVersion version, admin->Commit(id));
  if (session->json()) {
    RETURN_IF_ERROR(
        session->out().Write(fmt::format("{{\"version\":{},\"plan\":\"{}\"}}\n", version, id)));
  } else {
    RETURN_IF_ERROR(session->out().Write(
        fmt::format("committed as version {}{}\n", version,
                    options.wait ? "" : "; follow it with: carillon ring transfers --watch")));
  }
  RETURN_IF_ERROR(session->out().Flush());
  if (!options.wait) return ExitCode::kDone;
  StopSignal stop;
  ASSIGN_OR_RETURN(const bool all_moved, FollowMoves(*session, admin, version, &stop));
  if (!all_moved) return ExitCode::kPartial;
  return session->json() ? OkStatus() : session->out().Write("nothing moves any more\n");
}

}  // namespace

StatusOr<bool> FollowMoves(const Session& session, ClusterAdmin* admin, StateVersion since,
                           StopSignal* stop) {
  const bool draws = IsTerminal(2) && !session.json();
  const Instant began = SystemClock().Now();
  std::optional<MoveProgress> progress;
  int failures = 0;
  bool all_moved = false;
  do {
    const auto view = admin->View();
    if (!view.ok()) {
      if (++failures >= kFailuresAtMost) return view.status();
      continue;
    }
    failures = 0;
    if (view->state->version < since) continue;
    const std::size_t moving = MovesOf(*view->state).all();
    const std::chrono::duration<double> seconds = SystemClock().Now() - began;
    if (!progress) progress.emplace(moving);
    progress->Update(moving, seconds.count());
    if (draws) fmt::print(stderr, "\r{}\033[K", progress->Line());
    all_moved = moving == 0;
  } while (!all_moved && !stop->WaitUntil(SystemClock().Now() + kFollowInterval));
  if (draws) fmt::print(stderr, "\r\033[K");
  return all_moved;
}

void AddRingPlans(Command* ring, Session* session) {
  auto plan_options = std::make_shared<PlanOptions>();
  Command plan =
      ring->AddVerb({"plan", "", "Show what a commit of the staged changes would do, and save it",
                     "Refuses what would not be safe, and says why.\n\n"
                     "  carillon ring plan\n"
                     "  carillon ring plan --look --format json"});
  plan.Flag("--look", &plan_options->look, "do not save it");
  plan.Flag("--accept-loss", &plan_options->accept_loss,
            "plan though something cannot be copied any more: it is given up");
  plan.OnRun([=] { return RunPlan(session, *plan_options); });

  auto commit_options = std::make_shared<CommitOptions>();
  Command commit =
      ring->AddVerb({"commit", "", "Carry out the saved plan",
                     "On a terminal it asks first. Exit code 3: Ctrl-C before all was moved.\n\n"
                     "  carillon ring commit\n"
                     "  carillon ring commit 0b5f8a52-... --yes --wait"});
  commit.OptionalPositional("ID", &commit_options->id, "the plan's id: no other is carried out");
  commit.Flag("--yes", &commit_options->yes, "do not ask");
  commit.Flag("--wait", &commit_options->wait, "until nothing moves any more");
  commit.OnRun([=] { return RunCommit(session, *commit_options); });
}

}  // namespace carillon
