// TenantTable::Parse: tenants from TOML (docs/OPERATIONS.md, "Tenants").
#include <chrono>
#include <cmath>
#include <functional>
#include <map>
#include <sstream>

#include <toml++/toml.h>

#include "base/bucket.h"
#include "collector/dialects/json_document.h"
#include "collector/dialects/json_text.h"
#include "collector/tenant/tenant_table.h"

namespace carillon {
namespace {

constexpr std::size_t kMaxUserAgentFields = 8;

using Readers = std::map<std::string_view, std::function<Status(const toml::node&)>>;

// Gives each key of the table to its reader; unknown ones are errors.
Status ReadTable(const toml::node& node, const Readers& readers) {
  const toml::table* table = node.as_table();
  if (table == nullptr) return InvalidArgument("line {}: want a table", node.source().begin.line);
  for (const auto& [name, value] : *table) {
    const auto reader = readers.find(name.str());
    if (reader == readers.end()) {
      return InvalidArgument("line {}: unknown key '{}'", value.source().begin.line, name.str());
    }
    const Status status = reader->second(value);
    const bool placed = Message(status).starts_with("line ");
    if (!status.ok()) {
      return placed ? status
                    : InvalidArgument("line {}: {}: {}", value.source().begin.line, name.str(),
                                      Message(status));
    }
  }
  return OkStatus();
}

Status ReadEach(const toml::node& node, const std::function<Status(const toml::node&)>& read) {
  const toml::array* array = node.as_array();
  if (array == nullptr) return InvalidArgument("want an array");
  for (const toml::node& element : *array) RETURN_IF_ERROR(read(element));
  return OkStatus();
}

auto Text(std::string* out) {
  return [out](const toml::node& node) -> Status {
    const auto text = node.value_exact<std::string>();
    if (!text) return InvalidArgument("want a string");
    *out = *text;
    return OkStatus();
  };
}

auto Texts(std::vector<std::string>* out) {
  return [out](const toml::node& node) -> Status {
    return ReadEach(
        node, [out](const toml::node& element) { return Text(&out->emplace_back())(element); });
  };
}

auto Flag(bool* out) {
  return [out](const toml::node& node) -> Status {
    const auto flag = node.value_exact<bool>();
    if (!flag) return InvalidArgument("want true or false");
    *out = *flag;
    return OkStatus();
  };
}

template <typename Number>
auto Whole(Number* out, std::int64_t most = std::int64_t{1} << 40) {
  return [out, most](const toml::node& node) -> Status {
    const auto number = node.value_exact<std::int64_t>();
    if (!number || *number < 0 || *number > most) {
      return InvalidArgument("want a whole number of 0..{}", most);
    }
    *out = static_cast<Number>(*number);
    return OkStatus();
  };
}

// A date, or a date and time with or without an offset (UTC).
StatusOr<std::int64_t> SecondsOf(const toml::node& node) {
  const auto of_day = [](const toml::date& date) {
    const std::chrono::year_month_day day{
        std::chrono::year{date.year}, std::chrono::month{date.month}, std::chrono::day{date.day}};
    return std::int64_t{std::chrono::sys_days{day}.time_since_epoch().count()} * 86'400;
  };
  if (const auto date = node.value_exact<toml::date>()) return of_day(*date);
  if (const auto time = node.value_exact<toml::date_time>()) {
    const std::int64_t offset = time->offset ? std::int64_t{time->offset->minutes} * 60 : 0;
    return of_day(time->date) + time->time.hour * 3600 + time->time.minute * 60 +
           time->time.second - offset;
  }
  return InvalidArgument("want a date, or a date and time");
}

// A TOML value as JSON.
StatusOr<std::string> JsonOf(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return JsonText(*text);
  if (const auto flag = node.value_exact<bool>()) return std::string(*flag ? "true" : "false");
  if (const auto whole = node.value_exact<std::int64_t>()) return fmt::format("{}", *whole);
  if (const auto number = node.value_exact<double>(); number && std::isfinite(*number)) {
    return fmt::format("{}", *number);
  }
  return InvalidArgument("want a string, a number, true, or false");
}

// What a value is compared with: a text, or a number or bool as JSON has it.
StatusOr<std::string> ComparedText(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return *text;
  return JsonOf(node);
}

StatusOr<TenantKey> ReadKey(const toml::node& node) {
  TenantKey key;
  bool has_hash = false;
  RETURN_IF_ERROR(ReadTable(node, {{"name", Text(&key.name)},
                                   {"sha256",
                                    [&](const toml::node& value) -> Status {
                                      ASSIGN_OR_RETURN(
                                          key.hash, ParseKeyHash(value.value_or<std::string>("")));
                                      has_hash = true;
                                      return OkStatus();
                                    }},
                                   {"origins", Texts(&key.origins)},
                                   {"revoked", Flag(&key.revoked)},
                                   {"requests_per_second", Whole(&key.requests_per_second)},
                                   {"expires", [&](const toml::node& value) -> Status {
                                      ASSIGN_OR_RETURN(key.expires, SecondsOf(value));
                                      return OkStatus();
                                    }}}));
  if (!has_hash) {
    return InvalidArgument("line {}: a key without sha256", node.source().begin.line);
  }
  return key;
}

Status ReadQuota(const toml::node& node, QuotaLimits* quota) {
  return ReadTable(node, {{"requests_per_second", Whole(&quota->requests.per_second)},
                          {"requests_burst", Whole(&quota->requests.burst)},
                          {"requests_per_day", Whole(&quota->requests.per_day)},
                          {"events_per_second", Whole(&quota->events.per_second)},
                          {"events_burst", Whole(&quota->events.burst)},
                          {"events_per_day", Whole(&quota->events.per_day)},
                          {"bytes_per_second", Whole(&quota->bytes.per_second)},
                          {"bytes_burst", Whole(&quota->bytes.burst)},
                          {"bytes_per_day", Whole(&quota->bytes.per_day)}});
}

StatusOr<StreamPlace> ReadStream(const toml::node& node) {
  StreamPlace place;
  std::string stream;
  RETURN_IF_ERROR(ReadTable(node, {{"stream", Text(&stream)},
                                   {"bucket", Text(&place.bucket)},
                                   {"type", Text(&place.type)},
                                   {"subtype", Text(&place.subtype)}}));
  place.stream = StreamPattern(std::move(stream));
  return place;
}

StatusOr<FieldTest> ReadTest(const toml::node& node) {
  FieldTest test;
  int conditions = 0;
  const auto compare = [&](FieldTest::Kind kind) {
    return [&test, &conditions, kind](const toml::node& value) -> Status {
      test.kind = kind;
      ++conditions;
      ASSIGN_OR_RETURN(test.text, ComparedText(value));
      return OkStatus();
    };
  };
  RETURN_IF_ERROR(ReadTable(node, {{"field", Text(&test.field)},
                                   {"equals", compare(FieldTest::Kind::kEquals)},
                                   {"prefix", compare(FieldTest::Kind::kPrefix)},
                                   {"exists", [&](const toml::node& value) -> Status {
                                      bool exists = true;
                                      RETURN_IF_ERROR(Flag(&exists)(value));
                                      ++conditions;
                                      test.kind = exists ? FieldTest::Kind::kExists
                                                         : FieldTest::Kind::kAbsent;
                                      return OkStatus();
                                    }}}));
  if (test.field.empty() || conditions != 1) {
    return InvalidArgument("line {}: want a field, and one of equals, prefix, exists",
                           node.source().begin.line);
  }
  return test;
}

const std::map<std::string_view, EventRule::Action> kActions = {
    {"keep", EventRule::Action::kKeep},     {"drop", EventRule::Action::kDrop},
    {"block", EventRule::Action::kBlock},   {"sample", EventRule::Action::kSample},
    {"redact", EventRule::Action::kRedact}, {"hash", EventRule::Action::kHash},
    {"remove", EventRule::Action::kRemove}, {"rename", EventRule::Action::kRename},
    {"set", EventRule::Action::kSet},       {"route", EventRule::Action::kRoute}};

// What each action cannot do without.
Status CheckAction(const EventRule& rule) {
  switch (rule.action) {
    case EventRule::Action::kKeep:
    case EventRule::Action::kDrop:
    case EventRule::Action::kBlock:
    case EventRule::Action::kSample:
      return OkStatus();
    case EventRule::Action::kRedact:
    case EventRule::Action::kHash:
    case EventRule::Action::kRemove:
      return rule.fields.empty() ? InvalidArgument("want fields") : OkStatus();
    case EventRule::Action::kRename:
    case EventRule::Action::kSet:
      return rule.fields.size() != 1 || rule.text.empty()
                 ? InvalidArgument("want one field, and `to` or `value`")
                 : OkStatus();
    case EventRule::Action::kRoute:
      return rule.bucket.empty() && rule.type.empty() && rule.subtype.empty()
                 ? InvalidArgument("want a bucket, type, or subtype")
                 : OkStatus();
  }
  return OkStatus();
}

Status ReadRate(const toml::node& node, std::uint32_t* per_million) {
  const auto rate = node.value<double>();
  if (!node.is_number() || !rate || !(*rate >= 0 && *rate <= 1)) {
    return InvalidArgument("want a number of 0..1");
  }
  *per_million = static_cast<std::uint32_t>(std::lround(*rate * 1e6));
  return OkStatus();
}

StatusOr<EventRule> ReadRule(const toml::node& node) {
  EventRule rule;
  std::string action;
  std::string stream;
  const auto read_when = [&rule](const toml::node& value) -> Status {
    const auto read = [&rule](const toml::node& element) -> Status {
      ASSIGN_OR_RETURN(FieldTest test, ReadTest(element));
      rule.when.push_back(std::move(test));
      return OkStatus();
    };
    return value.is_array() ? ReadEach(value, read) : read(value);
  };
  RETURN_IF_ERROR(ReadTable(
      node,
      {{"do", Text(&action)},
       {"stream", Text(&stream)},
       {"when", read_when},
       {"fields", Texts(&rule.fields)},
       {"field",
        [&rule](const toml::node& value) { return Text(&rule.fields.emplace_back())(value); }},
       {"to", Text(&rule.text)},
       {"value",
        [&rule](const toml::node& value) -> Status {
          ASSIGN_OR_RETURN(rule.text, JsonOf(value));
          return OkStatus();
        }},
       {"rate", [&rule](const toml::node& value) { return ReadRate(value, &rule.per_million); }},
       {"bucket", Text(&rule.bucket)},
       {"type", Text(&rule.type)},
       {"subtype", Text(&rule.subtype)}}));
  const auto known = kActions.find(action);
  if (known == kActions.end()) {
    return InvalidArgument(
        "line {}: do = '{}': want keep, drop, block, sample, redact, hash, remove, rename, set, or "
        "route",
        node.source().begin.line, action);
  }
  rule.action = known->second;
  rule.stream = StreamPattern(std::move(stream));
  if (const Status status = CheckAction(rule); !status.ok()) {
    return InvalidArgument("line {}: {}: {}", node.source().begin.line, action, Message(status));
  }
  return rule;
}

// Reads elements of an array with `read` into `out`.
template <typename Element>
auto Elements(StatusOr<Element> (*read)(const toml::node&), std::vector<Element>* out) {
  return [read, out](const toml::node& node) -> Status {
    return ReadEach(node, [&](const toml::node& element) -> Status {
      ASSIGN_OR_RETURN(Element one, read(element));
      out->push_back(std::move(one));
      return OkStatus();
    });
  };
}

Status ReadEnrichment(const toml::node& node, Enrichment* enrich) {
  *enrich = {.received = false, .address = false, .user_agent = false};
  std::vector<std::string> names;
  RETURN_IF_ERROR(Texts(&names)(node));
  for (const std::string& name : names) {
    if (name == "received") {
      enrich->received = true;
    } else if (name == "ip") {
      enrich->address = true;
    } else if (name == "user_agent") {
      enrich->user_agent = true;
    } else {
      return InvalidArgument("'{}': want received, ip, or user_agent", name);
    }
  }
  return OkStatus();
}

// true: of the header; or fields of events that are looked at first.
Status ReadUserAgent(const toml::node& node, bool* parse, std::vector<std::string>* fields) {
  if (!node.is_array()) return Flag(parse)(node);
  *parse = true;
  RETURN_IF_ERROR(Texts(fields)(node));
  return fields->size() > kMaxUserAgentFields
             ? InvalidArgument("{} fields, at most {}", fields->size(), kMaxUserAgentFields)
             : OkStatus();
}

// "36h", seconds, or "off" (0).
Status ReadLifetime(const toml::node& node, std::uint64_t* seconds) {
  const auto text = node.value_exact<std::string>();
  const auto number = node.value_exact<std::int64_t>();
  if (text == "off" || number == 0) {
    *seconds = 0;
    return OkStatus();
  }
  const auto parsed = ParseTtl(text ? *text : number ? std::to_string(*number) : "");
  const bool is_good = parsed.ok() && *parsed > 0 && *parsed <= kMaxDeduplicateSeconds;
  if (is_good) *seconds = *parsed;
  return is_good ? OkStatus()
                 : InvalidArgument("want 'off', or up to {}: '36h', or seconds",
                                   FormatTtl(kMaxDeduplicateSeconds));
}

Status ReadAck(const toml::node& node, std::optional<AckLevel>* ack) {
  *ack = ParseAckLevel(node.value_exact<std::string>().value_or(""));
  return ack->has_value() ? OkStatus() : InvalidArgument("want 'local', 'replicated', or 'stored'");
}

StatusOr<Tenant> ReadTenant(std::string_view name, const toml::node& node) {
  constexpr std::int64_t kMostAge = std::int64_t{20} * 366 * 86'400;
  Tenant tenant;
  tenant.name = name;
  bool parse_user_agent = false;
  std::vector<std::string> fields;
  RETURN_IF_ERROR(ReadTable(
      node,
      {{"bucket", Text(&tenant.bucket)},
       {"type", Text(&tenant.type)},
       {"keys", Elements(&ReadKey, &tenant.keys)},
       {"quota", [&](const toml::node& value) { return ReadQuota(value, &tenant.quota); }},
       {"streams", Elements(&ReadStream, &tenant.streams)},
       {"rules", Elements(&ReadRule, &tenant.rules)},
       {"enrich", [&](const toml::node& value) { return ReadEnrichment(value, &tenant.enrich); }},
       {"user_agent",
        [&](const toml::node& value) { return ReadUserAgent(value, &parse_user_agent, &fields); }},
       {"packed_chunks", Flag(&tenant.packed_chunks)},
       {"mirror_rate",
        [&](const toml::node& value) {
          return ReadRate(value, &tenant.mirror_per_million.emplace());
        }},
       {"hash_salt", Text(&tenant.hash_salt)},
       {"deduplicate",
        [&](const toml::node& value) { return ReadLifetime(value, &tenant.deduplicate_seconds); }},
       {"ack", [&](const toml::node& value) { return ReadAck(value, &tenant.ack); }},
       {"max_age_seconds", Whole(&tenant.max_age_seconds, kMostAge)},
       {"max_ahead_seconds", Whole(&tenant.max_ahead_seconds, 86'400)}}));
  // Beside `enrich`, in whatever order they stand.
  tenant.enrich.parse_user_agent = parse_user_agent;
  tenant.enrich.user_agent_fields = std::move(fields);
  return tenant;
}

// toml++ throws; nothing of ours does.
StatusOr<toml::table> ParseToml(std::string_view text) {
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return InvalidArgument("line {}: {}", error.source().begin.line, error.description());
  }
}

}  // namespace

StatusOr<std::shared_ptr<const TenantTable>> TenantTable::Parse(std::string_view toml,
                                                                std::string_view source) {
  const auto parsed = ParseToml(toml);
  if (!parsed.ok()) return Annotate(parsed.status(), source);
  std::vector<Tenant> tenants;
  const toml::node* all = parsed->get("tenants");
  if (all != nullptr && !all->is_table()) {
    return InvalidArgument("{}: line {}: tenants: want a table", source, all->source().begin.line);
  }
  if (all != nullptr) {
    for (const auto& [name, node] : *all->as_table()) {
      auto tenant = ReadTenant(name.str(), node);
      if (!tenant.ok()) return Annotate(tenant.status(), source);
      tenants.push_back(*std::move(tenant));
    }
  }
  auto table = Make(std::move(tenants));
  if (!table.ok()) return Annotate(table.status(), source);
  return table;
}

StatusOr<Tenant> ParseTenant(std::string_view name, std::string_view document) {
  ASSIGN_OR_RETURN(const toml::table parsed, ParseToml(document));
  for (const auto& [key, node] : parsed) {
    if (key.str() != "tenants" && key.str() != "keys") continue;
    return InvalidArgument("line {}: {}", node.source().begin.line,
                           key.str() == "keys"
                               ? "keys of a tenant in the ring are made by `carillon key create`"
                               : "want one tenant: what stands in [tenants.NAME], alone");
  }
  ASSIGN_OR_RETURN(Tenant tenant, ReadTenant(name, parsed));
  RETURN_IF_ERROR(CheckTenant(tenant));
  return tenant;
}

}  // namespace carillon
