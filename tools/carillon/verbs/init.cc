#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "tools/carillon/bench/child_node.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "init",
    .group = kForAdmins,
    .description = "Make the data directory of a new cluster's first node, offline",
    .examples =
        "What cannot be changed later is chosen here: the partitions. DIR must be empty or not\n"
        "there. Nodes that join a cluster need no init: start them with --join.\n"
        "carillond --init does the same.\n\n"
        "  carillon init --data /var/lib/carillon --name node1 --rack r1 --partitions 256",
};

struct InitOptions {
  std::string data;
  std::string name;
  std::string rack;
  std::optional<std::uint64_t> partitions;
};

// Becomes carillond, which knows how a data directory is made.
Outcome RunInit(const InitOptions& options) {
  const std::string program = ProgramDirectory() + "/carillond";
  std::vector<std::string> arguments = {program, "--init", "--data", options.data};
  const auto add = [&arguments](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    arguments.push_back(name);
    arguments.push_back(value);
  };
  add("--name", options.name);
  add("--rack", options.rack);
  if (options.partitions) add("--partitions", std::to_string(*options.partitions));
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execv(program.c_str(), pointers.data());
  return Unavailable("cannot run {}: {}", program, std::strerror(errno));
}

}  // namespace

void AddInit(CommandParser* parser, Session* /*session*/) {
  auto options = std::make_shared<InitOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--data", &options->data, "the data directory to make");
  verb.Value("--name", &options->name, "name of the node, for people (node1)");
  verb.Value("--rack", &options->rack, "its failure domain (rack1)");
  verb.Value("--partitions", &options->partitions, "of the ring, a power of two (64)");
  verb.OnRun([=]() -> Outcome {
    if (options->data.empty()) return UsageError(InvalidArgument("--data: say where"));
    return RunInit(*options);
  });
}

}  // namespace carillon
