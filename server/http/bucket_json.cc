#include "server/http/bucket_json.h"

#include <limits>

#include "server/http/json_reader.h"
#include "server/http/json_text.h"

namespace carillon {
namespace {

template <typename T>
Status ReadNumber(std::string_view name, simdjson::dom::element value, std::optional<T>* out) {
  if (*out) return InvalidArgument("member '{}' is given twice", name);
  ASSIGN_OR_RETURN(const std::uint64_t number,
                   JsonUnsigned(name, value, std::numeric_limits<T>::max()));
  *out = static_cast<T>(number);
  return OkStatus();
}

Status ReadTtl(simdjson::dom::element value, BucketChange* change) {
  if (change->ttl_seconds) return InvalidArgument("member 'ttl' is given twice");
  std::uint64_t seconds = 0;
  if (value.get(seconds) == simdjson::SUCCESS) {
    ASSIGN_OR_RETURN(change->ttl_seconds, ParseTtl(fmt::format("{}", seconds)));
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const std::string_view text, JsonText("ttl", value));
  ASSIGN_OR_RETURN(change->ttl_seconds, ParseTtl(text));
  return OkStatus();
}

Status ReadMember(std::string_view name, simdjson::dom::element value, BucketChange* change) {
  if (name == "n_val") return ReadNumber(name, value, &change->n_val);
  if (name == "w") return ReadNumber(name, value, &change->w);
  if (name == "ttl") return ReadTtl(value, change);
  if (name == "max_chunk_bytes") return ReadNumber(name, value, &change->max_chunk_bytes);
  if (name == "quota_bytes_per_second") {
    return ReadNumber(name, value, &change->quota_bytes_per_second);
  }
  if (name != "sync") return InvalidArgument("unknown member '{}'", name);
  if (change->sync) return InvalidArgument("member 'sync' is given twice");
  ASSIGN_OR_RETURN(const std::string_view text, JsonText(name, value));
  ASSIGN_OR_RETURN(change->sync, ParseSyncMode(text));
  return OkStatus();
}

}  // namespace

std::string BucketJson(std::string_view name, const BucketProperties& properties) {
  return fmt::format(R"({{"name":{},"n_val":{},"w":{},"ttl":"{}","sync":"{}","max_chunk_bytes":{},)"
                     R"("quota_bytes_per_second":{}}})",
                     JsonString(name), properties.n_val, properties.w,
                     FormatTtl(properties.ttl_seconds), ToString(properties.sync),
                     properties.max_chunk_bytes, properties.quota_bytes_per_second);
}

StatusOr<BucketChange> ParseBucketJson(ByteSpan body) {
  BucketChange change;
  if (body.empty()) return change;
  RETURN_IF_ERROR(ForEachMember(body, [&](std::string_view name, simdjson::dom::element value) {
    return ReadMember(name, value, &change);
  }));
  return change;
}

}  // namespace carillon
