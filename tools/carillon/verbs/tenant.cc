#include <fstream>
#include <iostream>
#include <memory>

#include "base/json_writer.h"
#include "collector/tenant/tenant_table.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

// A file of a collector may have many tenants.
constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20;

const VerbText kText = {
    .name = "tenant",
    .group = kForAdmins,
    .description = "Create, show, change, and remove tenants of the collectors",
    .examples =
        "A tenant's FILE is TOML: quota, streams, rules, enrich, and so on, as it would stand in\n"
        "[tenants.NAME] of a collector's file, without the keys (see docs/OPERATIONS.md).\n"
        "Collectors hear of a change within seconds.\n\n"
        "  carillon tenant create shop\n"
        "  carillon tenant show shop > shop.toml\n"
        "  carillon tenant set shop --file shop.toml",
};

struct TenantOptions {
  std::string name;
  std::string file;
  std::optional<std::uint64_t> expected;
};

// "-": standard input.
StatusOr<std::string> ReadText(const std::string& path, std::size_t limit) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& from = path == "-" ? std::cin : file;
  if (!from) return InvalidArgument("cannot read {}", path);
  std::string text(limit + 1, '\0');
  from.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(from.gcount()));
  if (from.bad()) return InvalidArgument("cannot read {}", path);
  if (text.size() > limit) return InvalidArgument("{} has more than {} bytes", path, limit);
  return text;
}

// The document of a tenant, which collectors will understand.
StatusOr<std::string> ReadDocument(const TenantOptions& options) {
  if (options.file.empty()) return std::string();
  ASSIGN_OR_RETURN(std::string text, ReadText(options.file, kMaxTenantDocumentBytes));
  const auto tenant = ParseTenant(options.name, text);
  if (!tenant.ok()) return Annotate(tenant.status(), options.file);
  return text;
}

StatusOr<RingTenants> AskTenants(Session* session) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(auto tenants, admin->Tenants());
  if (!tenants) return Internal("the node says that nothing has changed");
  return *std::move(tenants);
}

Status NoTenant(const std::string& name) {
  return NotFound("no tenant '{}' (make it: carillon tenant create {})", name, name);
}

std::optional<StateVersion> ExpectedOf(const TenantOptions& options) {
  if (!options.expected) return std::nullopt;
  return StateVersion(*options.expected);
}

Outcome SayDone(Session* session, const std::string& what, StateVersion version) {
  if (session->json()) {
    return session->out().Write(fmt::format("{{\"version\":{}}}\n", version));
  }
  return session->out().Write(fmt::format("{} (version {})\n", what, version));
}

Outcome RunCreate(Session* session, const TenantOptions& options) {
  ASSIGN_OR_USAGE(const std::string document, ReadDocument(options));
  RETURN_IF_ERROR(AskTenants(session).status());  // finds an endpoint that answers
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const StateVersion version,
                   admin->SetTenant(options.name, document, StateVersion(0)));
  return SayDone(
      session, fmt::format("created; a key for it: carillon key create {}", options.name), version);
}

Outcome RunSet(Session* session, const TenantOptions& options) {
  ASSIGN_OR_USAGE(const std::string document, ReadDocument(options));
  ASSIGN_OR_RETURN(const RingTenants tenants, AskTenants(session));
  if (!tenants.section.tenants.contains(options.name)) return NoTenant(options.name);
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const StateVersion version,
                   admin->SetTenant(options.name, document, ExpectedOf(options)));
  return SayDone(session, "set; collectors hear of it within seconds", version);
}

Outcome RunRemove(Session* session, const TenantOptions& options) {
  RETURN_IF_ERROR(AskTenants(session).status());  // finds an endpoint that answers
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const StateVersion version,
                   admin->RemoveTenant(options.name, ExpectedOf(options)));
  return SayDone(session, "removed with its keys; what it has sent stays", version);
}

std::size_t KeysOf(const TenantSection& section, const std::string& tenant) {
  std::size_t count = 0;
  for (const auto& [hash, key] : section.keys) count += key.tenant == tenant ? 1 : 0;
  return count;
}

void WriteJson(const TenantSection& section, const std::string& name, JsonWriter* json) {
  const TenantDocument& document = section.tenants.at(name);
  json->BeginObject().Field("name", name).Field("version", document.changed.value());
  json->Field("keys", KeysOf(section, name)).Field("document", document.text).EndObject();
}

Outcome RunShow(Session* session, const TenantOptions& options) {
  ASSIGN_OR_RETURN(const RingTenants tenants, AskTenants(session));
  const auto found = tenants.section.tenants.find(options.name);
  if (found == tenants.section.tenants.end()) return NoTenant(options.name);
  if (!session->json()) return session->out().Write(found->second.text);
  JsonWriter json;
  WriteJson(tenants.section, options.name, &json);
  return session->out().Write(json.Take() + "\n");
}

Outcome RunList(Session* session) {
  constexpr Table::Align kRight = Table::Align::kRight;
  ASSIGN_OR_RETURN(const RingTenants tenants, AskTenants(session));
  Table table({{"tenant"}, {"version", kRight}, {"keys", kRight}, {"document", kRight}});
  JsonWriter json;
  json.BeginArray();
  for (const auto& [name, document] : tenants.section.tenants) {
    WriteJson(tenants.section, name, &json);
    table.Add({name, FormatCount(document.changed.value()),
               FormatCount(KeysOf(tenants.section, name)), FormatBytes(document.text.size())});
  }
  return session->out().Write(session->json() ? json.EndArray().Take() + "\n" : table.Render());
}

// A tenant's file, or a collector's with many.
Outcome RunCheck(Session* session, const std::string& file) {
  ASSIGN_OR_USAGE(const std::string text, ReadText(file, kMaxFileBytes));
  ASSIGN_OR_USAGE(const auto table, TenantTable::Parse(text, file));
  std::size_t tenants = table->size();
  if (tenants == 0) {
    const auto tenant = ParseTenant("checked", text);
    if (!tenant.ok()) return UsageError(Annotate(tenant.status(), file));
    if (const Status fits = CheckTenantDocument("checked", text); !fits.ok()) {
      return UsageError(Annotate(fits, file));
    }
    tenants = 1;
  }
  if (session->json()) return session->out().Write(fmt::format("{{\"tenants\":{}}}\n", tenants));
  return session->out().Write(
      fmt::format("good: {}\n", tenants == 1 ? "one tenant" : fmt::format("{} tenants", tenants)));
}

using RunTenant = Outcome (*)(Session*, const TenantOptions&);
enum class FileOption { kNone, kMay, kMust };

void AddOne(Command* tenant, Session* session, const VerbText& text, FileOption file,
            bool with_expected, RunTenant run) {
  auto options = std::make_shared<TenantOptions>();
  Command verb = tenant->AddVerb(text);
  verb.Positional("NAME", &options->name, "the tenant");
  if (file != FileOption::kNone) {
    verb.Value("--file", &options->file, "TOML of the tenant; -: standard input");
  }
  if (with_expected) {
    verb.Value("--expected", &options->expected,
               "fail if it was changed after this version (of tenant list)");
  }
  verb.OnRun([=]() -> Outcome {
    if (file == FileOption::kMust && options->file.empty()) {
      return UsageError(InvalidArgument("tenant set: --file is required"));
    }
    return run(session, *options);
  });
}

}  // namespace

void AddTenant(CommandParser* parser, Session* session) {
  Command tenant = parser->root().AddVerb(kText);
  tenant.RequireVerb();
  Command list = tenant.AddVerb({"list", "", "List all tenants", "  carillon tenant list"});
  list.OnRun([=] { return RunList(session); });
  AddOne(&tenant, session,
         {"show", "", "Show a tenant's document", "  carillon tenant show shop > shop.toml"},
         FileOption::kNone, false, RunShow);
  AddOne(&tenant, session,
         {"create", "", "Create a tenant",
          "  carillon tenant create shop\n  carillon tenant create shop --file shop.toml"},
         FileOption::kMay, false, RunCreate);
  AddOne(&tenant, session,
         {"set", "", "Change a tenant: its document becomes FILE",
          "FILE is checked before it is sent.\n\n  carillon tenant set shop --file shop.toml"},
         FileOption::kMust, true, RunSet);
  AddOne(&tenant, session,
         {"remove", "", "Remove a tenant and its keys", "  carillon tenant remove shop"},
         FileOption::kNone, true, RunRemove);
  auto file = std::make_shared<std::string>();
  Command check = tenant.AddVerb({"check", "", "Say whether FILE is good, and why not",
                                  "A tenant's file, or a collector's with [tenants.NAME].\n\n"
                                  "  carillon tenant check shop.toml"});
  check.Positional("FILE", file.get(), "TOML; -: standard input");
  check.OnRun([=] { return RunCheck(session, *file); });
}

}  // namespace carillon
