#include "tools/carillon/command.h"

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

namespace carillon {
namespace {

constexpr std::size_t kHelpColumn = 26;

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

bool IsForFiles(const CLI::Option& option) {
  return option.get_positional() && option.get_name(true).find("FILE") != std::string::npos;
}

CommandNode DescribeApp(const CLI::App& app) {
  CommandNode node;
  node.name = app.get_name();
  node.description = OneLine(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (IsForFiles(*option)) node.takes_files = true;
    if (option->get_positional()) continue;
    CommandNode::Option described;
    for (const std::string& name : option->get_snames()) described.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) described.names.push_back("--" + name);
    described.takes_value = option->get_expected_max() > 0;
    described.description = OneLine(option->get_description());
    node.options.push_back(std::move(described));
  }
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    node.commands.push_back(DescribeApp(*command));
  }
  return node;
}

template <typename T>
CLI::Option* AddValue(CLI::App* app, const std::string& names, T* to, const std::string& help) {
  return app->add_option(names, *to, help)->type_name(std::is_arithmetic_v<T> ? "N" : "TEXT");
}

}  // namespace

Command Command::AddVerb(const VerbText& text) {
  CLI::App* verb = app_->add_subcommand(text.name, text.description);
  if (!text.group.empty()) verb->group(text.group);
  verb->footer(text.examples);
  verb->fallthrough();  // the general options may stand behind the verb
  return Command(verb, selected_);
}

void Command::RequireVerb() {
  app_->require_subcommand(1);
}

void Command::Value(const std::string& names, std::string* to, const std::string& help) {
  CLI::Option* option = AddValue(app_, names, to, help);
  if (!to->empty()) option->capture_default_str();
}

void Command::Value(const std::string& names, std::optional<std::string>* to,
                    const std::string& help) {
  AddValue(app_, names, to, help);
}

void Command::Value(const std::string& names, std::uint64_t* to, const std::string& help) {
  AddValue(app_, names, to, help)->capture_default_str();
}

void Command::Value(const std::string& names, std::optional<std::uint64_t>* to,
                    const std::string& help) {
  AddValue(app_, names, to, help)->type_name("N");
}

void Command::Values(const std::string& names, std::vector<std::string>* to,
                     const std::string& help) {
  AddValue(app_, names, to, help)->allow_extra_args(false);
}

void Command::Flag(const std::string& names, bool* to, const std::string& help) {
  app_->add_flag(names, *to, help);
}

void Command::Choice(const std::string& names, std::string* to,
                     const std::vector<std::string>& choices, const std::string& help) {
  app_->add_option(names, *to, help)->check(CLI::IsMember(choices))->capture_default_str();
}

void Command::Positional(const std::string& name, std::string* to, const std::string& help) {
  AddValue(app_, name, to, help)->required();
}

void Command::OptionalPositional(const std::string& name, std::string* to,
                                 const std::string& help) {
  AddValue(app_, name, to, help);
}

void Command::Positionals(const std::string& name, std::vector<std::string>* to,
                          const std::string& help) {
  AddValue(app_, name, to, help)->required();
}

void Command::OptionalPositionals(const std::string& name, std::vector<std::string>* to,
                                  const std::string& help) {
  AddValue(app_, name, to, help);
}

void Command::ValueOrEnvironment(const std::string& names, const std::string& variable,
                                 std::string* to, const std::string& help) {
  AddValue(app_, names, to, help)->envname(variable)->capture_default_str();
}

void Command::OnRun(Run run) {
  // Verbs below are called first: theirs counts.
  app_->callback([selected = selected_, run = std::move(run)] {
    if (!*selected) *selected = run;
  });
}

CommandParser::CommandParser(const VerbText& text)
    : app_(std::make_unique<CLI::App>(text.description, text.name)) {
  app_->footer(text.examples);
  app_->get_formatter()->column_width(kHelpColumn);
  app_->get_formatter()->label("SUBCOMMAND", "VERB");
}

CommandParser::~CommandParser() = default;

Command CommandParser::root() {
  return Command(app_.get(), &selected_);
}

CommandNode CommandParser::Describe() const {
  return DescribeApp(*app_);
}

CommandParser::Parsed CommandParser::Parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::Success&) {
    std::fputs(app_->help().c_str(), stdout);
    return {nullptr, ExitCode::kDone};
  } catch (const CLI::Error& error) {
    return {nullptr, UsageError(InvalidArgument("{}", OneLine(error.what())))};
  }
  if (selected_ == nullptr) {
    std::fputs(app_->help().c_str(), stderr);
    return {nullptr, ExitCode::kUsage};
  }
  return {selected_, ExitCode::kDone};
}

}  // namespace carillon
