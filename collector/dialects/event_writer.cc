#include "collector/dialects/event_writer.h"

#include "crunch/chunk_codec.h"

namespace carillon {

Status EventWriter::CheckRoom() const {
  if (batch_->size() < kMaxEventsInRequest) return OkStatus();
  return OutOfRange("{}: more than {} events in a request", list_, kMaxEventsInRequest);
}

Status EventWriter::Keep(const EventFields& event) {
  if (event.stream.size() > kMaxStreamBytes) {
    return Reject(fmt::format("its stream's name has more than {} bytes", kMaxStreamBytes));
  }
  if (event.id.size() > kMaxEventIdBytes) {
    return Reject(fmt::format("its id has more than {} bytes", kMaxEventIdBytes));
  }
  if (event.json.size() > kMaxEventBytes) {
    return Reject(fmt::format("more than {} bytes", kMaxEventBytes));
  }
  if (batch_->json_bytes() + event.json.size() > kMaxBatchJsonBytes) {
    return OutOfRange("{}: more than {} bytes as events", list_, kMaxBatchJsonBytes);
  }
  batch_->Add(event);
  return OkStatus();
}

Status EventWriter::CheckPart(JsonValue value, std::size_t levels) const {
  if (value.height() + levels > kMaxEventDepth) {
    return InvalidArgument("nested deeper than {} levels", kMaxEventDepth);
  }
  if (value.HasLoneSurrogate()) return InvalidArgument("half of a surrogate pair in a string");
  return OkStatus();
}

Status EventWriter::Add(const EventFields& where, JsonValue object,
                        std::span<const std::string_view> without) {
  if (!object.IsObject()) return Reject("no JSON object");
  if (const Status status = CheckPart(object, 0); !status.ok()) return Reject(status);
  RETURN_IF_ERROR(CheckRoom());
  EventFields event = where;
  if (!object.HasAny(without)) {
    event.json = object.Line(&json_);
  } else {
    json_.assign(1, '{');
    object.AppendMembers(without, &json_);
    json_.push_back('}');
    event.json = json_;
  }
  return Keep(event);
}

JsonObjectWriter EventWriter::Begin() {
  json_.clear();
  return JsonObjectWriter(&json_);
}

Status EventWriter::Finish(const EventFields& where, JsonObjectWriter* writer, std::size_t levels) {
  if (levels > kMaxEventDepth) {
    return Reject(fmt::format("nested deeper than {} levels", kMaxEventDepth));
  }
  RETURN_IF_ERROR(CheckRoom());
  writer->End();
  EventFields event = where;
  event.json = json_;
  return Keep(event);
}

Status EventWriter::Reject(std::string_view why, StatusCode code) {
  RETURN_IF_ERROR(CheckRoom());
  batch_->AddRejected(
      {.code = code, .text = fmt::format("{}[{}]: {}", list_, batch_->size(), why)});
  return OkStatus();
}

}  // namespace carillon
