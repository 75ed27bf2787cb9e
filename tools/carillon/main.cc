#include <csignal>
#include <string>
#include <vector>

#include "base/process_tuning.h"
#include "tools/carillon/command.h"
#include "tools/carillon/input/time_argument.h"
#include "tools/carillon/session.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kProgram = {
    .name = "carillon",
    .description = "The command line of Carillon, a distributed store for events in time.",
    .examples =
        "Times: epoch seconds, 2015-04-07T13:57:23Z, now, -90s, -5m, -2h, -1d.\n"
        "Exit codes: 0 done, 1 failed, 2 usage, 3 partial or degraded.\n"
        "carillon VERB --help says more, with examples.",
};

void AddGeneralOptions(Command root, GeneralOptions* options) {
  root.ValueOrEnvironment("--endpoint", "CARILLON_ENDPOINT", &options->endpoint,
                          "HOST:PORT[,HOST:PORT...] of the nodes");
  root.Value("--bucket", &options->bucket, "bucket to work on");
  root.Choice("--format", &options->format, {"table", "json"}, "for people or for programs");
  root.Value("--timeout", &options->timeout, "seconds a call may take, retries included");
}

int Finish(Session* session, Outcome outcome) {
  const Status flushed = session->out().Flush();
  if (session->out().closed()) return static_cast<int>(ExitCode::kDone);
  if (outcome.status.ok() && !flushed.ok()) outcome = flushed;
  if (outcome.status.ok()) return static_cast<int>(outcome.code);
  if (outcome.code == ExitCode::kUsage) {
    PrintError(fmt::format("{} (see --help)", Message(outcome.status)));
  } else {
    PrintError(Explain(outcome.status));
  }
  return static_cast<int>(outcome.code);
}

int RunCommandLine(const std::vector<std::string>& arguments) {
  std::signal(SIGPIPE, SIG_IGN);  // Output sees EPIPE instead
  Session session;
  CommandParser parser(kProgram);
  AddGeneralOptions(parser.root(), &session.options);
  AddVerbs(&parser, &session);
  const CommandParser::Parsed parsed = parser.Parse(JoinDashedValues(arguments));
  if (parsed.run == nullptr) return Finish(&session, parsed.outcome);
  const Status usable = session.CheckOptions();
  return Finish(&session, usable.ok() ? parsed.run() : UsageError(usable));
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  carillon::TuneProcess();
  return carillon::RunCommandLine(std::vector<std::string>(argv + 1, argv + argc));
}
