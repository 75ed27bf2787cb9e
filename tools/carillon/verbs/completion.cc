#include "tools/carillon/output/completion.h"

#include <memory>

#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "completion",
    .group = kForAdmins,
    .description = "Print a completion script for a shell",
    .examples =
        "  source <(carillon completion bash)\n"
        "  source <(carillon completion zsh)\n"
        "  carillon completion fish | source",
};

}  // namespace

void AddCompletion(CommandParser* parser, Session* session) {
  auto shell = std::make_shared<std::string>();
  Command verb = parser->root().AddVerb(kText);
  verb.Positional("SHELL", shell.get(), "bash, zsh, or fish");
  verb.OnRun([=]() -> Outcome {
    ASSIGN_OR_USAGE(const std::string script, MakeCompletion(*shell, parser->Describe()));
    return session->out().Write(script);
  });
}

}  // namespace carillon
