#include "collector/tenant/event_shaper.h"

#include <algorithm>

#include "base/check.h"
#include "collector/dialects/json_text.h"
#include "crunch/chunk_codec.h"
#include "crunch/event_name.h"

namespace carillon {
namespace {

constexpr std::int64_t kMicros = 1'000'000;
constexpr std::size_t kMaxUserAgentBytes = 1024;

// Seconds, with a fraction if there is one.
void AppendSeconds(std::int64_t time_us, std::string* out) {
  time_us = std::max<std::int64_t>(time_us, 0);
  if (time_us % kMicros == 0) {
    *out += fmt::format_int(time_us / kMicros).c_str();
  } else {
    const fmt::format_int micros(kMicros + time_us % kMicros);  // a digit more: zeros in front
    *out += fmt::format_int(time_us / kMicros).c_str();
    *out += '.';
    out->append(micros.data() + 1, micros.size() - 1);
  }
}

void AssignName(std::string_view text, std::string* name) {
  name->clear();
  AppendName(text, name);
}

// When it happened, as far as that can be believed.
std::int64_t PlaceTime(const Tenant& tenant, std::optional<std::int64_t> said,
                       std::int64_t received_us) {
  const std::int64_t time_us = said.value_or(received_us);
  const bool believed = time_us >= received_us - tenant.max_age_seconds * kMicros &&
                        time_us <= received_us + tenant.max_ahead_seconds * kMicros;
  return believed ? time_us : received_us;
}

}  // namespace

EventShaper::Span EventShaper::Keep(std::string_view text) {
  const Span span{.begin = text_.size(), .size = text.size()};
  text_ += text;
  return span;
}

void EventShaper::Place(const Tenant& tenant, const EventFields& fields) {
  event_.bucket = tenant.bucket;
  if (!fields.stream.empty()) {
    const std::size_t dot = std::min(fields.stream.find('.'), fields.stream.size());
    AssignName(fields.stream.substr(0, dot), &event_.type);
    AssignName(fields.stream.substr(std::min(dot + 1, fields.stream.size())), &event_.subtype);
  } else {
    AssignName(root_["type"].Text(&scratch_), &event_.type);
    AssignName(root_["subtype"].Text(&scratch_), &event_.subtype);
  }
  if (event_.type.empty()) event_.type = tenant.type;
  for (const StreamPlace& place : tenant.streams) {
    if (!place.stream.Matches(fields.stream)) continue;
    if (!place.bucket.empty()) event_.bucket = place.bucket;
    if (!place.type.empty()) event_.type = place.type;
    if (!place.type.empty() || !place.subtype.empty()) event_.subtype = place.subtype;
    return;
  }
}

void EventShaper::RemoveReserved() {
  constexpr std::string_view kReserved[] = {kReceivedField, kAddressField, kUserAgentField,
                                            kParsedUserAgentField};
  if (!root_.HasAny(kReserved)) return;
  CHECK(document_.Parse(event_.json).ok());  // what RemoveMembers works on
  for (const std::string_view name : kReserved) {
    if (document_.root()[name].exists()) RemoveMembers(name, &document_, &event_.json);
  }
  root_ = document_.root();
}

// The text to be parsed; empty: none.
std::string_view EventShaper::UserAgentOf(const Tenant& tenant, const EventOrigin& origin) {
  if (!tenant.enrich.parse_user_agent || origin.user_agents == nullptr) return {};
  for (const std::string& field : tenant.enrich.user_agent_fields) {
    const JsonValue value = FindField(root_, field);
    if (value.IsString()) return value.Text(&scratch_);
  }
  return origin.user_agent;
}

// The event without its closing brace, what it lacks, what the collector knows, and the brace.
void EventShaper::AppendJson(const Tenant& tenant, const EventOrigin& origin,
                             std::int64_t time_us) {
  const bool has_time = root_["timestamp"].exists();
  const bool has_type = root_["type"].exists();
  std::string_view json = event_.json;
  json.remove_suffix(json.size() - json.rfind('}'));
  text_ += json;
  bool first = json.find_last_not_of(" \t") == json.find('{');
  const auto name = [this, &first](std::string_view field) {
    text_ += first ? "\"" : ",\"";
    text_ += field;
    text_ += "\":";
    first = false;
  };
  if (!has_time) {
    name("timestamp");
    AppendSeconds(time_us, &text_);
  }
  if (!has_type) {
    name("type");
    AppendJsonText(event_.type, &text_);
  }
  if (tenant.enrich.received) {
    name(kReceivedField);
    AppendSeconds(origin.received_us, &text_);
  }
  if (tenant.enrich.address && !origin.address.empty()) {
    name(kAddressField);
    AppendJsonText(origin.address, &text_);
  }
  if (tenant.enrich.user_agent && !origin.user_agent.empty()) {
    name(kUserAgentField);
    AppendJsonText(origin.user_agent.substr(0, kMaxUserAgentBytes), &text_);
  }
  if (const std::string_view text = UserAgentOf(tenant, origin); !text.empty()) {
    name(kParsedUserAgentField);
    text_ += user_agents_.Find(*origin.user_agents, text);
  }
  text_ += '}';
}

void EventShaper::ShapeOne(const Tenant& tenant, const EventOrigin& origin, std::size_t place,
                           EventBatch* batch) {
  const EventFields fields = batch->event(place);
  event_.json.assign(fields.json);
  event_.stream = fields.stream;
  event_.id = fields.id;
  root_ = fields.parsed;
  if (!root_.exists() || !tenant.rules.empty()) {
    const Status parsed = document_.Parse(event_.json);
    root_ = document_.root();
    if (!parsed.ok() || !root_.IsObject()) {
      return batch->Reject(place, {StatusCode::kInvalidArgument, "no JSON object"});
    }
  }
  Place(tenant, fields);
  switch (ApplyRules(tenant.rules, tenant.hash_salt, &document_, &event_)) {
    case RuleVerdict::kKeep:
      break;
    case RuleVerdict::kDrop:
      ++dropped_;
      return;
    case RuleVerdict::kBlock:
      return batch->Reject(place, {StatusCode::kPermissionDenied, "blocked by a rule"});
  }
  if (!tenant.rules.empty()) root_ = document_.root();  // they may have changed it
  RemoveReserved();
  Piece piece{.place = place,
              .bucket = Keep(event_.bucket),
              .type = Keep(event_.type),
              .subtype = Keep(event_.subtype)};
  const std::int64_t time_us = PlaceTime(tenant, fields.time_us, origin.received_us);
  piece.json.begin = text_.size();
  AppendJson(tenant, origin, fields.time_us.value_or(origin.received_us));
  piece.json.size = text_.size() - piece.json.begin;
  if (piece.json.size > kMaxChunkBytes / 2) {
    const Status fits = piece.json.size > kMaxShapedEventBytes
                            ? OutOfRange("an event of {} bytes, at most {} are taken",
                                         piece.json.size, kMaxShapedEventBytes)
                            : CheckEvent(View(piece.json), kMaxChunkBytes);
    if (!fits.ok()) {
      text_.resize(piece.bucket.begin);
      return batch->Reject(place, {StatusCode::kOutOfRange, std::string(Message(fits))});
    }
  }
  pieces_.push_back(piece);
  shaped_.push_back({.time_us = time_us});
}

const std::vector<ShapedEvent>& EventShaper::Shape(const Tenant& tenant, const EventOrigin& origin,
                                                   EventBatch* batch) {
  text_.clear();
  pieces_.clear();
  shaped_.clear();
  dropped_ = 0;
  for (std::size_t place = 0; place < batch->size(); ++place) {
    if (batch->rejection(place) == nullptr) ShapeOne(tenant, origin, place, batch);
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    shaped_[i].bucket = View(pieces_[i].bucket);
    shaped_[i].type = View(pieces_[i].type);
    shaped_[i].subtype = View(pieces_[i].subtype);
    shaped_[i].id = batch->event(pieces_[i].place).id;
    shaped_[i].json = View(pieces_[i].json);
  }
  return shaped_;
}

}  // namespace carillon
