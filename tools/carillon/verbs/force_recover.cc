#include <memory>

#include <fmt/ranges.h>

#include "base/json_writer.h"
#include "tools/carillon/ring/plan_report.h"
#include "tools/carillon/ring/ring_status.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

struct RecoverOptions {
  std::string survivors;
  bool destroyed = false;
};

const VerbText kText = {
    .name = "force-recover",
    .group = kForAdmins,
    .description = "Go on without a majority of the members, which is gone for good",
    .examples =
        "Only the survivors stay members. If one of the others runs ever again with its old data,\n"
        "there are two clusters: so destroy them first. All survivors must run; the newest state\n"
        "that any of them has is what goes on.\n\n"
        "  carillon force-recover --survivors node1,node4 --i-destroyed-the-others",
};

std::vector<std::string> SplitAtCommas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

// The survivor with the newest state: what it knows must not be lost.
StatusOr<std::unique_ptr<ClusterAdmin>> NewestOf(Session* session,
                                                 const std::vector<std::string>& survivors) {
  ASSIGN_OR_RETURN(ClusterAdmin* const any, session->admin());
  ASSIGN_OR_RETURN(const ClusterView view, any->View());
  std::unique_ptr<ClusterAdmin> newest;
  std::pair<std::uint64_t, StateVersion> newest_version;
  for (const std::string& name : survivors) {
    ASSIGN_OR_RETURN(const NodeId node, FindMemberNamed(*view.state, name));
    const Member& member = *view.state->FindMember(node);
    ASSIGN_OR_RETURN(auto admin, session->AdminOf(member.address));
    const auto its = admin->View();
    if (!its.ok()) return Annotate(its.status(), fmt::format("survivor {}", member.name));
    const std::pair version(its->state->generation, its->state->version);
    if (newest != nullptr && version <= newest_version) continue;
    newest = std::move(admin);
    newest_version = version;
  }
  return newest;
}

Outcome RunForceRecover(Session* session, const RecoverOptions& options) {
  const std::vector<std::string> survivors = SplitAtCommas(options.survivors);
  if (survivors.empty()) {
    return UsageError(InvalidArgument("--survivors: name the members that are left"));
  }
  if (!options.destroyed) {
    return UsageError(InvalidArgument(
        "destroy every member that is no survivor, then say so: --i-destroyed-the-others"));
  }
  ASSIGN_OR_RETURN(const auto admin, NewestOf(session, survivors));
  ASSIGN_OR_RETURN(const Recovered recovered, admin->ForceRecover(survivors));
  if (session->json()) {
    JsonWriter json;
    json.BeginObject().Field("version", recovered.version.value());
    json.Field("generation", recovered.generation).Key("lost_partitions").BeginArray();
    for (const PartitionId lost : recovered.lost) json.Number(lost.value());
    RETURN_IF_ERROR(session->out().Write(json.EndArray().EndObject().Take() + "\n"));
  } else {
    RETURN_IF_ERROR(session->out().Write(fmt::format("generation {}, version {}: {} go on\n",
                                                     recovered.generation, recovered.version,
                                                     fmt::join(survivors, ", "))));
    if (!recovered.lost.empty()) {
      RETURN_IF_ERROR(session->out().Write(
          fmt::format("{} partitions had no survivor, their data are gone: {}\n",
                      recovered.lost.size(), FormatPartitions(recovered.lost))));
    }
  }
  return recovered.lost.empty() ? ExitCode::kDone : ExitCode::kPartial;
}

}  // namespace

void AddForceRecover(CommandParser* parser, Session* session) {
  auto options = std::make_shared<RecoverOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--survivors", &options->survivors, "NODE[,NODE...] by name or node id");
  verb.Flag("--i-destroyed-the-others", &options->destroyed,
            "they will never run again with their data");
  verb.OnRun([=] { return RunForceRecover(session, *options); });
}

}  // namespace carillon
