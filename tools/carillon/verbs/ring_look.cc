#include <chrono>
#include <memory>

#include "tools/carillon/ring/ring_status.h"
#include "tools/carillon/ring/transfer_report.h"
#include "tools/carillon/stop_signal.h"
#include "tools/carillon/verbs/ring_verbs.h"

namespace carillon {
namespace {

constexpr auto kWatchInterval = std::chrono::seconds(1);
constexpr std::uint64_t kMaxHistoryAsked = 1000;

struct StatusOptions {
  bool picture = false;
};

Outcome RunStatus(Session* session, const StatusOptions& options) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  const StatusStyle style{.picture = options.picture || IsTerminal(1), .color = WantsColor(1)};
  RETURN_IF_ERROR(
      session->out().Write(session->json() ? StatusJson(view) : StatusText(view, style)));
  return TroublesOf(view).empty() ? ExitCode::kDone : ExitCode::kPartial;
}

Outcome RunMembers(Session* session) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  return session->out().Write(session->json() ? MembersJson(view) : MembersText(view));
}

StatusOr<ClusterView> ViewFrom(const Session& session, const std::string& address) {
  ASSIGN_OR_RETURN(const auto admin, session.AdminOf(address));
  return admin->View();
}

MemberPulls AskPulls(const Session& session, const Member& member) {
  MemberPulls pulls{.name = member.name, .error = {}, .pulls = {}};
  const StatusOr<ClusterView> view = ViewFrom(session, member.address);
  if (!view.ok()) {
    pulls.error = Explain(view.status());
    return pulls;
  }
  pulls.pulls = view->pulls;
  pulls.waiting = view->pulls_waiting;
  pulls.foreign = view->foreign.size();
  return pulls;
}

// Every member tells what it pulls itself.
Outcome PrintTransfers(Session* session, ClusterAdmin* admin, bool clear) {
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  std::vector<MemberPulls> members;
  bool all_answered = true;
  for (const Member& member : view.state->members) {
    members.push_back(AskPulls(*session, member));
    all_answered = all_answered && members.back().error.empty();
  }
  std::string text =
      session->json() ? TransfersJson(*view.state, members) : TransfersText(*view.state, members);
  if (clear) text = "\033[H\033[2J" + text;
  RETURN_IF_ERROR(session->out().Write(text));
  RETURN_IF_ERROR(session->out().Flush());
  return all_answered ? ExitCode::kDone : ExitCode::kPartial;
}

Outcome RunTransfers(Session* session, bool watch) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  if (!watch) return PrintTransfers(session, admin, false);
  StopSignal stop;
  Outcome outcome = ExitCode::kDone;
  const bool clear = IsTerminal(1) && !session->json();
  do {
    outcome = PrintTransfers(session, admin, clear);
    if (!outcome.status.ok()) return outcome;
  } while (!stop.WaitUntil(SystemClock().Now() + kWatchInterval));
  return outcome;
}

// A chunk's key, or EPOCH-DC.
Status CheckKey(const std::string& key) {
  if (key.find(':') != std::string::npos) return ParseChunkKey(key).status();
  const std::size_t dash = key.find('-');
  if (dash == std::string::npos) {
    return InvalidArgument("'{}' is neither epoch:dc:cell:type:subtype:chunkN nor EPOCH-DC", key);
  }
  RETURN_IF_ERROR(ParseDecimal("epoch", std::string_view(key).substr(0, dash), kMaxEpoch).status());
  return CheckName("dc", std::string_view(key).substr(dash + 1));
}

Outcome RunWhere(Session* session, const std::string& key) {
  if (const Status status = CheckKey(key); !status.ok()) return UsageError(status);
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  const std::string& bucket = session->options.bucket;
  if (view.state->FindBucket(bucket) == nullptr) return NotFound("no bucket '{}'", bucket);
  return session->out().Write(session->json() ? WhereJson(view, bucket, key)
                                              : WhereText(view, bucket, key));
}

Outcome RunHistory(Session* session, std::uint64_t count) {
  if (count == 0 || count > kMaxHistoryAsked) {
    return UsageError(InvalidArgument("--count {}: want 1 to {}", count, kMaxHistoryAsked));
  }
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, admin->View(static_cast<std::uint32_t>(count)));
  return session->out().Write(session->json() ? HistoryJson(view) : HistoryText(view));
}

void AddStatus(Command* ring, Session* session) {
  auto options = std::make_shared<StatusOptions>();
  Command verb = ring->AddVerb(
      {"status", "", "Show the ring: members, shares, what is wrong",
       "On a terminal with a picture: a letter a partition, of the member that is its primary,\n"
       "small while it moves. Exit code 3: degraded, and each reason is named.\n\n"
       "  carillon ring status\n"
       "  carillon ring status --format json | jq .troubles"});
  verb.Flag("--picture", &options->picture, "draw the ring though this is no terminal");
  verb.OnRun([=] { return RunStatus(session, *options); });
}

}  // namespace

void AddRingLooks(Command* ring, Session* session) {
  AddStatus(ring, session);
  Command members = ring->AddVerb(
      {"members", "", "List members with ids, addresses, and health", "  carillon ring members"});
  members.OnRun([=] { return RunMembers(session); });

  auto watch = std::make_shared<bool>(false);
  Command transfers =
      ring->AddVerb({"transfers", "", "Show what every member pulls now",
                     "Asks every member. Exit code 3: one of them did not answer.\n\n"
                     "  carillon ring transfers --watch"});
  transfers.Flag("--watch", watch.get(), "again every second, until Ctrl-C");
  transfers.OnRun([=] { return RunTransfers(session, *watch); });

  auto key = std::make_shared<std::string>();
  Command where = ring->AddVerb({"where", "", "Show which members have a key",
                                 "  carillon ring where 1428415043:1:cell0:WEB:app:chunk0\n"
                                 "  carillon ring where 1428415043-1 --bucket rollups"});
  where.Positional("KEY", key.get(), "a chunk's key, or EPOCH-DC of a second's manifest");
  where.OnRun([=] { return RunWhere(session, *key); });

  auto count = std::make_shared<std::uint64_t>(20);
  Command history = ring->AddVerb({"history", "", "List the versions of the ring, newest last",
                                   "  carillon ring history -n 5"});
  history.Value("-n,--count", count.get(), "how many");
  history.OnRun([=] { return RunHistory(session, *count); });
}

}  // namespace carillon
