#include "collector/command_line.h"

#include <functional>
#include <vector>

#include <CLI/CLI.hpp>

namespace carillon {
namespace {

constexpr int kExitUsage = 2;

// A flag is laid over what the file says, if it was given.
class Overlay {
 public:
  explicit Overlay(CLI::App* app) : app_(app) {}

  template <typename Value>
  void Add(const std::string& flag, Value CollectorConfig::*field, const std::string& help) {
    auto value = std::make_shared<Value>();
    CLI::Option* option = app_->add_option(flag, *value, help);
    apply_.push_back([=](CollectorConfig* config) {
      if (option->count() > 0) config->*field = *value;
    });
  }
  void AddFlag(const std::string& flag, bool CollectorConfig::*field, const std::string& help) {
    CLI::Option* option = app_->add_flag(flag, help);
    apply_.push_back([=](CollectorConfig* config) {
      if (option->count() > 0) config->*field = true;
    });
  }
  void Apply(CollectorConfig* config) const {
    for (const auto& apply : apply_) apply(config);
  }

 private:
  CLI::App* app_;
  std::vector<std::function<void(CollectorConfig*)>> apply_;
};

void AddFlags(Overlay* overlay) {
  overlay->Add("--endpoint", &CollectorConfig::endpoint,
               "HOST:PORT of a node of the ring (default 127.0.0.1:7480); repeat for more");
  overlay->Add("--http", &CollectorConfig::http,
               "IP:PORT that clients send to (default 127.0.0.1:7490); port 0 picks one");
  overlay->Add("--admin", &CollectorConfig::admin,
               "IP:PORT of /metrics and health alone (default: at --http)");
  overlay->Add("--forward", &CollectorConfig::forward,
               "IP:PORT of the Fluent forward protocol (default: none)");
  overlay->Add("--syslog", &CollectorConfig::syslog, "IP:PORT of syslog over TCP");
  overlay->Add("--relp", &CollectorConfig::relp, "IP:PORT of RELP");
  overlay->Add("--stream-tenant", &CollectorConfig::stream_tenant,
               "Tenant of these three and of --tail (default: that of --open)");
  overlay->Add("--tail", &CollectorConfig::tail,
               "Follow the files that match GLOB, each line an event; repeat for more");
  overlay->Add("--spool", &CollectorConfig::spool,
               "Directory of events that are accepted and not in the ring yet");
  overlay->Add("--tenants", &CollectorConfig::tenants_file,
               "TOML file of the tenants (default: that of --config)");
  overlay->Add("--open", &CollectorConfig::open,
               "Take requests without a key as TENANT's; on loopback only");
  overlay->Add("--ack", &CollectorConfig::ack,
               "When events are acknowledged: local, replicated, or stored (default local)");
  overlay->Add("--threads", &CollectorConfig::threads, "Of connections (default: one a core)");
  overlay->Add("--dc", &CollectorConfig::dc, "Data centre in the keys of chunks (default 1)");
  overlay->Add("--cell", &CollectorConfig::cell,
               "Failure cell in the keys of chunks (default cell0)");
  overlay->Add("--log-level", &CollectorConfig::log_level,
               "debug, info, warning, error (default info)");
  overlay->AddFlag("--log-json", &CollectorConfig::log_json, "Log lines as JSON objects");
  overlay->Add("--tls-certificate", &CollectorConfig::tls_certificate,
               "PEM file of the certificate and its chain");
  overlay->Add("--tls-key", &CollectorConfig::tls_key, "PEM file of its key");
  overlay->AddFlag("--insecure-listen", &CollectorConfig::insecure_listen,
                   "Allow other than loopback without TLS");
}

// Sets the verb of the one that is given. The tables of CLI11 keep pointers into `command`.
void AddDead(CLI::App* app, CollectorCommand* command) {
  CLI::App* dead = app->add_subcommand("dead", "Chunks that the ring refused for good");
  dead->require_subcommand(1)->fallthrough();
  const auto add = [&](const char* name, DeadCommand::Verb verb, const char* help) {
    CLI::App* sub = dead->add_subcommand(name, help)->fallthrough();
    sub->callback([command, verb] {
      command->kind = CollectorCommand::Kind::kDead;
      command->dead.verb = verb;
    });
    return sub;
  };
  CLI::App* list = add("list", DeadCommand::Verb::kList, "Each with its reason");
  CLI::App* show = add("show", DeadCommand::Verb::kShow, "The events of one, a line each");
  CLI::App* retry =
      add("retry", DeadCommand::Verb::kRetry, "Send them again; the collector must not run");
  CLI::App* drop =
      add("drop", DeadCommand::Verb::kDrop, "Forget them for good; the collector must not run");
  show->add_option("key", command->dead.keys, "Of the chunk")->required()->expected(1);
  for (CLI::App* sub : {retry, drop}) {
    sub->add_option("keys", command->dead.keys, "Of the chunks");
    sub->add_flag("--all", command->dead.all, "All of them");
  }
  for (CLI::App* sub : {list, retry, drop}) {
    sub->add_option("--tenant", command->dead.tenant, "All of this tenant");
  }
}

}  // namespace

StatusOr<std::optional<CollectorCommand>> ParseCommandLine(int argc, char** argv, int* exit_code) {
  CollectorCommand command;
  CLI::App app("Takes events of many kinds of clients, and makes committed seconds of them.",
               "carillon-collector");
  Overlay overlay(&app);
  app.add_option("--config", command.file, "TOML file; flags win over it");
  AddFlags(&overlay);
  bool print = false;
  app.add_flag("--print-config", print, "Print every key with its meaning and value, and stop");
  app.set_version_flag("--version", "carillon-collector " CARILLON_VERSION);
  app.footer(
      "Drains on SIGTERM and SIGINT, reads the tenants again on SIGHUP.\n"
      "Exit codes: 0 stopped, 1 failed, 2 usage or configuration.");
  CLI::App* config = app.add_subcommand("config", "The configuration");
  CLI::App* check = config->add_subcommand("check", "Say whether it is good, and stop");
  CLI::App* key = app.add_subcommand("key", "Write keys");
  CLI::App* create = key->add_subcommand("create", "Make a key, show it once, and say what to add");
  create->add_option("tenant", command.tenant, "Whose key it will be")->required();
  CLI::App* drain = app.add_subcommand(
      "drain", "Send a copy of a spool (--spool SPOOL/copies/NAME/N) to the ring, and remove it");
  drain->fallthrough();
  for (CLI::App* sub : {config, key}) sub->require_subcommand(1)->fallthrough();
  for (CLI::App* sub : {check, create}) sub->fallthrough();
  AddDead(&app, &command);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
    return std::optional<CollectorCommand>();
  }
  if (create->parsed()) {
    command.kind = CollectorCommand::Kind::kCreateKey;
    return std::optional(command);
  }
  if (!command.file.empty()) RETURN_IF_ERROR(LoadConfig(command.file, &command.config));
  overlay.Apply(&command.config);
  if (check->parsed()) command.kind = CollectorCommand::Kind::kCheckConfig;
  if (drain->parsed()) command.kind = CollectorCommand::Kind::kDrain;
  if (print) command.kind = CollectorCommand::Kind::kPrintConfig;
  return std::optional(command);
}

}  // namespace carillon
