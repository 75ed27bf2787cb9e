#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tools/carillon/outcome.h"
#include "tools/carillon/output/completion.h"

namespace CLI {
class App;
}

namespace carillon {

// The groups of `carillon --help`.
inline constexpr char kForLoggers[] = "For loggers";
inline constexpr char kForDashboards[] = "For dashboards";
inline constexpr char kForAdmins[] = "For admins";
inline constexpr char kForMeasuring[] = "For measuring";

struct VerbText {
  std::string name;
  std::string group;        // one of the above; empty below a verb
  std::string description;  // one line
  std::string examples;     // and what else there is to say: shown at the end of its help
};

// A verb's options. A thin layer over CLI11, whose header takes nine seconds to compile: the only
// source that includes it is command.cc. What `to` points to must live until the verb has run; keep
// it in a shared_ptr that the function given to OnRun holds.
//
// Names are as CLI11 wants them: "--from", "-n,--limit".
class Command {
 public:
  using Run = std::function<Outcome()>;

  Command(CLI::App* app, Run* selected) : app_(app), selected_(selected) {}

  Command AddVerb(const VerbText& text);
  // A verb that only has verbs below it: one of them must follow.
  void RequireVerb();

  void Value(const std::string& names, std::string* to, const std::string& help);
  void Value(const std::string& names, std::optional<std::string>* to, const std::string& help);
  void Value(const std::string& names, std::uint64_t* to, const std::string& help);
  void Value(const std::string& names, std::optional<std::uint64_t>* to, const std::string& help);
  // May be given again and again.
  void Values(const std::string& names, std::vector<std::string>* to, const std::string& help);
  void Flag(const std::string& names, bool* to, const std::string& help);
  // One of `choices`.
  void Choice(const std::string& names, std::string* to, const std::vector<std::string>& choices,
              const std::string& help);
  // Has to be given; "FILE".
  void Positional(const std::string& name, std::string* to, const std::string& help);
  // May be left out.
  void OptionalPositional(const std::string& name, std::string* to, const std::string& help);
  // One or more.
  void Positionals(const std::string& name, std::vector<std::string>* to, const std::string& help);
  // None or more.
  void OptionalPositionals(const std::string& name, std::vector<std::string>* to,
                           const std::string& help);
  // Taken from the environment when it is not given.
  void ValueOrEnvironment(const std::string& names, const std::string& variable, std::string* to,
                          const std::string& help);

  // What the verb does; called after everything has been parsed.
  void OnRun(Run run);

 private:
  CLI::App* app_;
  Run* selected_;
};

// A whole command line.
class CommandParser {
 public:
  explicit CommandParser(const VerbText& text);
  ~CommandParser();

  Command root();
  CommandNode Describe() const;

  // The verb to run; or how it ends without: after --help (printed) kDone, without a verb
  // (help is printed) or with a mistake kUsage.
  struct Parsed {
    Command::Run run;
    Outcome outcome = ExitCode::kDone;
  };
  Parsed Parse(std::vector<std::string> arguments);

 private:
  std::unique_ptr<CLI::App> app_;
  Command::Run selected_;
};

}  // namespace carillon
