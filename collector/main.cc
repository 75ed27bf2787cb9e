// carillon-collector: between those who have single events and the ring that wants seconds.
#include <cstdio>
#include <string>

#include "base/process_tuning.h"
#include "collector/collector.h"
#include "collector/command_line.h"
#include "collector/drain.h"

namespace carillon {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int ExitCode(const Status& status) {
  if (status.ok()) return 0;
  std::fprintf(stderr, "carillon-collector: %s\n", std::string(Message(status)).c_str());
  return status.code() == StatusCode::kInvalidArgument ? kExitUsage : kExitFailed;
}

Status Do(const CollectorCommand& command) {
  switch (command.kind) {
    case CollectorCommand::Kind::kRun:
      return RunCollector(command.config, command.file);
    case CollectorCommand::Kind::kCheckConfig:
      RETURN_IF_ERROR(CheckCollector(command.config, command.file));
      std::puts("the configuration is good");
      return OkStatus();
    case CollectorCommand::Kind::kPrintConfig:
      std::fputs(DocumentConfig(command.config).c_str(), stdout);
      return OkStatus();
    case CollectorCommand::Kind::kCreateKey:
      return CreateKey(command.tenant);
    case CollectorCommand::Kind::kDead:
      return RunDead(command.dead, command.config);
    case CollectorCommand::Kind::kDrain:
      return DrainCopy(command.config);
  }
  return Internal("a command that is none");
}

int Main(int argc, char** argv) {
  int exit_code = 0;
  const auto command = ParseCommandLine(argc, argv, &exit_code);
  if (!command.ok()) return ExitCode(command.status());
  return command->has_value() ? ExitCode(Do(**command)) : exit_code;
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  carillon::TuneProcess();
  return carillon::Main(argc, argv);
}
