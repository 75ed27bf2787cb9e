#include <memory>

#include <sodium.h>

#include "base/json_writer.h"
#include "collector/tenant/write_key.h"
#include "tools/carillon/input/time_text.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "key",
    .group = kForAdmins,
    .description = "Create, list, and revoke write keys of tenants",
    .examples =
        "A write key lets its holder send events of one tenant to collectors, and nothing else, "
        "so\n"
        "it may stand in a page or an app. Collectors hear of a change within seconds.\n\n"
        "  carillon key create shop --label web --origin https://shop.example --expires 90d\n"
        "  carillon key list shop\n"
        "  carillon key revoke 9f86d081884c",
};

struct CreateOptions {
  std::string tenant;
  std::string label;
  std::vector<std::string> origins;
  std::string expires = "forever";
  std::uint64_t rate = 0;
  std::string sha256;
};

struct NewKey {
  std::string text;  // empty: known by its hash alone
  WriteKeyHash hash{};
};

StatusOr<NewKey> MakeKey(const std::string& sha256) {
  NewKey key;
  if (!sha256.empty()) {
    ASSIGN_OR_RETURN(const KeyHash hash, ParseKeyHash(sha256));
    key.hash = hash.bytes;
    return key;
  }
  if (sodium_init() < 0) return Unavailable("there are no random bytes");
  std::string random(kWriteKeyBytes, '\0');
  randombytes_buf(random.data(), random.size());
  key.text = WriteKeyText(random);
  key.hash = HashOf(key.text).bytes;
  return key;
}

Outcome RunCreate(Session* session, const CreateOptions& options) {
  ASSIGN_OR_USAGE(const std::uint64_t seconds, ParseTtl(options.expires));
  const std::uint64_t now = Now().value();
  const WriteKeyRecord record{.tenant = options.tenant,
                              .label = options.label,
                              .origins = options.origins,
                              .requests_per_second = options.rate,
                              .created = now,
                              .expires = seconds == 0 ? 0 : now + seconds};
  if (const Status usable = CheckWriteKey(record); !usable.ok()) return UsageError(usable);
  ASSIGN_OR_USAGE(const NewKey key, MakeKey(options.sha256));
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  RETURN_IF_ERROR(admin->Tenants().status());  // finds an endpoint that answers
  const auto version = admin->CreateKey(key.hash, record);
  if (version.status().code() == StatusCode::kNotFound) {
    return NotFound("{} (make it: carillon tenant create {})", Message(version.status()),
                    options.tenant);
  }
  RETURN_IF_ERROR(version.status());
  const std::string id = KeyIdOf(key.hash);
  if (session->json()) {
    JsonWriter json;
    json.BeginObject().Field("key", key.text).Field("id", id).Field("tenant", options.tenant);
    json.Field("version", version->value()).EndObject();
    return session->out().Write(json.Take() + "\n");
  }
  std::string text =
      key.text.empty() ? "" : fmt::format("key {}\nIt is shown this once. ", key.text);
  text += fmt::format("Its id is {}; it ends by: carillon key revoke {}\n", id, id);
  return session->out().Write(text);
}

std::string StateOf(const WriteKeyRecord& key, std::uint64_t now) {
  if (key.revoked) return "revoked";
  return key.expires != 0 && key.expires <= now ? "expired" : "active";
}

void WriteJson(const WriteKeyHash& hash, const WriteKeyRecord& key, JsonWriter* json) {
  json->BeginObject().Field("id", KeyIdOf(hash)).Field("sha256", HexOf(hash));
  json->Field("tenant", key.tenant).Field("label", key.label);
  json->Field("state", StateOf(key, Now().value())).Key("origins").BeginArray();
  for (const std::string& origin : key.origins) json->Text(origin);
  json->EndArray().Field("requests_per_second", key.requests_per_second);
  json->Field("created", key.created).Field("expires", key.expires).EndObject();
}

std::string OriginsText(const WriteKeyRecord& key) {
  std::string text;
  for (const std::string& origin : key.origins) text += (text.empty() ? "" : " ") + origin;
  return text.empty() ? "any" : text;
}

Outcome RunList(Session* session, const std::string& tenant) {
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  ASSIGN_OR_RETURN(const auto tenants, admin->Tenants());
  if (!tenants) return Internal("the node says that nothing has changed");
  const TenantSection& section = tenants->section;
  if (!tenant.empty() && !section.tenants.contains(tenant)) {
    return NotFound("no tenant '{}'", tenant);
  }
  Table table({{"id"},
               {"tenant"},
               {"label"},
               {"state"},
               {"created"},
               {"expires"},
               {"requests/s", Table::Align::kRight},
               {"origins"}});
  JsonWriter json;
  json.BeginArray();
  for (const auto& [hash, key] : section.keys) {
    if (!tenant.empty() && key.tenant != tenant) continue;
    WriteJson(hash, key, &json);
    table.Add({KeyIdOf(hash), key.tenant, key.label, StateOf(key, Now().value()),
               FormatTime(Epoch(key.created)),
               key.expires == 0 ? "never" : FormatTime(Epoch(key.expires)),
               key.requests_per_second == 0 ? "any" : FormatCount(key.requests_per_second),
               OriginsText(key)});
  }
  return session->out().Write(session->json() ? json.EndArray().Take() + "\n" : table.Render());
}

Outcome RunRevoke(Session* session, const std::string& key, bool forget) {
  // Whoever has only the key that leaked can end it by that.
  const std::string id = key.starts_with("wk_") ? ToHex(HashOf(key)) : key;
  ASSIGN_OR_RETURN(ClusterAdmin* const admin, session->admin());
  RETURN_IF_ERROR(admin->Tenants().status());  // finds an endpoint that answers
  ASSIGN_OR_RETURN(const StateVersion version, admin->RevokeKey(id, forget));
  if (session->json()) {
    return session->out().Write(fmt::format("{{\"version\":{}}}\n", version));
  }
  return session->out().Write(fmt::format("{} (version {}); collectors hear of it within seconds\n",
                                          forget ? "forgotten" : "revoked", version));
}

void AddCreate(Command* key, Session* session) {
  auto options = std::make_shared<CreateOptions>();
  Command verb = key->AddVerb(
      {"create", "", "Make a write key, and show it once",
       "Only its SHA-256 is kept. With --sha256 a key that exists already, such as one of a\n"
       "collector's file, becomes the tenant's.\n\n"
       "  carillon key create shop --label web --origin https://shop.example --expires 90d\n"
       "  carillon key create shop --rate 100"});
  verb.Positional("TENANT", &options->tenant, "whose key it will be");
  verb.Value("--label", &options->label, "for people: where it is used");
  verb.Values("--origin", &options->origins,
              "SCHEME://HOST[:PORT] of pages that may use it; repeat for more");
  verb.Value("--expires", &options->expires, "how long it is good: 90d, 36h, forever");
  verb.Value("--rate", &options->rate, "requests a second with it; 0: no limit of its own");
  verb.Value("--sha256", &options->sha256, "64 hexadecimal digits of a key that exists");
  verb.OnRun([=] { return RunCreate(session, *options); });
}

}  // namespace

void AddKey(CommandParser* parser, Session* session) {
  Command key = parser->root().AddVerb(kText);
  key.RequireVerb();
  AddCreate(&key, session);
  auto tenant = std::make_shared<std::string>();
  Command list = key.AddVerb({"list", "", "List keys, by their ids",
                              "  carillon key list\n  carillon key list shop --format json"});
  list.OptionalPositional("TENANT", tenant.get(), "only its keys");
  list.OnRun([=] { return RunList(session, *tenant); });
  auto id = std::make_shared<std::string>();
  auto forget = std::make_shared<bool>(false);
  Command revoke = key.AddVerb({"revoke", "", "End a key: collectors refuse it within seconds",
                                "It stays in the list as revoked, unless it is to be forgotten.\n\n"
                                "  carillon key revoke 9f86d081884c\n"
                                "  carillon key revoke --forget 9f86d081884c"});
  revoke.Positional("KEYID", id.get(), "its id, or the beginning of it; or the key itself");
  revoke.Flag("--forget", forget.get(), "take it out of the list, too");
  revoke.OnRun([=] { return RunRevoke(session, *id, *forget); });
}

}  // namespace carillon
