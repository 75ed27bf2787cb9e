#include "collector/dialects/td_record.h"

#include <algorithm>

#include "base/coding.h"
#include "base/hash.h"
#include "collector/dialects/shown_key.h"
#include "collector/dialects/time_values.h"

namespace carillon {
namespace {

constexpr std::string_view kGlobalCookie = "_td_global";
constexpr std::size_t kMaxGlobalIdBytes = 64;
constexpr std::string_view kFilledByServer[] = {"td_global_id", "td_ip"};
constexpr std::string_view kNotKept[] = {"td_global_id", "td_ip",     "api_key",     "apiKey",
                                         "writeKey",     "write_key", "td_write_key"};

Status CheckName(std::string_view what, std::string_view name) {
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (good && name.size() >= 3 && name.size() <= 255) return OkStatus();
  return InvalidArgument("{}: want 3 to 255 of a-z, 0-9, _ in the path", what);
}

std::string CookieOf(const EdgeRequest& request, std::string_view name) {
  std::string_view cookies = request.Header("Cookie");
  while (!cookies.empty()) {
    std::string_view cookie = cookies.substr(0, cookies.find(';'));
    cookies.remove_prefix(std::min(cookies.size(), cookie.size() + 1));
    while (cookie.starts_with(' ')) cookie.remove_prefix(1);
    if (cookie.starts_with(name) && cookie.substr(name.size()).starts_with('=')) {
      return std::string(cookie.substr(name.size() + 1));
    }
  }
  return {};
}

bool IsGlobalId(std::string_view id) {
  return !id.empty() && id.size() <= kMaxGlobalIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

}  // namespace

StatusOr<TdTable> TdTableOf(std::string_view path, std::string_view prefix) {
  path.remove_prefix(std::min(prefix.size(), path.size()));
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::size_t slash = std::min(path.find('/'), path.size());
  const TdTable table{.database = path.substr(0, slash),
                      .table = path.substr(std::min(slash + 1, path.size()))};
  RETURN_IF_ERROR(CheckName("database", table.database));
  RETURN_IF_ERROR(CheckName("table", table.table));
  return table;
}

std::string TdKeyOf(const EdgeRequest& request, std::string_view parameter) {
  if (const auto key = request.Header("X-TD-Write-Key"); !key.empty()) return std::string(key);
  if (const auto key = AuthorizationOf(request, "TD1"); !key.empty()) return std::string(key);
  return QueryField(request, parameter);
}

std::string TdGlobalIdOf(const EdgeRequest& request) {
  std::string id = CookieOf(request, kGlobalCookie);
  if (IsGlobalId(id)) return id;
  Bytes seed;
  PutFixed(&seed, static_cast<std::uint64_t>(request.received_us));
  PutFixed(&seed, request.chance);
  const Hash128Value hash = Hash128(seed);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", hash.high >> 32,
                     hash.high >> 16 & 0xffff, hash.high & 0xfff,
                     0x8000 | (hash.low >> 48 & 0x3fff), hash.low & 0xffffffffffff);
}

void SetTdGlobalId(const EdgeRequest& request, EdgeAnswer* answer) {
  if (IsGlobalId(CookieOf(request, kGlobalCookie))) return;
  answer->headers.emplace_back(
      "Set-Cookie", fmt::format("{}={}; Path=/; Max-Age=63072000; Secure; HttpOnly; SameSite=None",
                                kGlobalCookie, TdGlobalIdOf(request)));
}

Status AddTdRecord(const EdgeRequest& request, const EventFields& where, JsonValue record,
                   EventWriter* writer) {
  EventFields event = where;
  if (!event.time_us) event.time_us = TimeOf(record["time"], TimeUnit::kSeconds);
  const bool global = record["td_global_id"].Written() == "td_global_id";
  const bool address = record["td_ip"].Written() == "td_ip";
  if (!global && !address) return writer->Add(event, record, kSecretMembers);
  if (const Status status = writer->CheckPart(record, 0); !status.ok()) {
    return writer->Reject(status);
  }
  JsonObjectWriter object = writer->Begin();
  object.AddMembersOf(record, kNotKept);
  for (const std::string_view name : kFilledByServer) {
    const JsonValue value = record[name];
    if (value.exists() && value.Written() != name) object.Add(name, value.raw());
  }
  if (global) object.AddText("td_global_id", TdGlobalIdOf(request));
  return writer->Finish(event, &object);
}

}  // namespace carillon
