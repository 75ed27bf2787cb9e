#include "collector/dialects/forward_session.h"

#include "collector/dialects/event_writer.h"
#include "collector/dialects/gzip_members.h"

namespace carillon {
namespace {

struct Options {
  std::string_view chunk;
  std::string_view compressed;
};

Status Malformed(std::string_view what) {
  return InvalidArgument("forward: {}", what);
}

StatusOr<Options> ReadOptions(MsgpackReader* reader) {
  const auto head = reader->Next();
  if (!head) return Malformed("malformed option");
  if (head->type == MsgpackType::kNil) return Options{};
  if (head->type != MsgpackType::kMap) return Malformed("option: want a map");
  Options options;
  for (std::uint64_t i = 0; i < head->number; ++i) {
    const auto name = reader->Next();
    if (!name) return Malformed("malformed option");
    if (name->type == MsgpackType::kArray || name->type == MsgpackType::kMap) {
      return Malformed("option: a name that is no text");
    }
    const bool chunk = name->IsBytes() && name->bytes == "chunk";
    const bool compressed = name->IsBytes() && name->bytes == "compressed";
    if (!chunk && !compressed) {
      if (!reader->Skip()) return Malformed("malformed option");
      continue;
    }
    const auto value = reader->Next();
    if (!value || !value->IsBytes()) return Malformed("option: chunk or compressed is no text");
    (chunk ? options.chunk : options.compressed) = value->bytes;
  }
  if (options.chunk.size() > kMaxForwardChunkIdBytes) {
    return Malformed(fmt::format("chunk: more than {} bytes", kMaxForwardChunkIdBytes));
  }
  return options;
}

std::string Acknowledgement(std::string_view chunk) {
  std::string out;
  if (chunk.empty()) return out;
  AppendMsgpackMap(1, &out);
  AppendMsgpackText("ack", &out);
  AppendMsgpackText(chunk, &out);
  return out;
}

// The entries of one message, out in batches.
class EntryWriter {
 public:
  EntryWriter(std::string_view tag, const Options& options, std::vector<StreamEffect>* effects)
      : tag_(tag), chunk_(options.chunk), effects_(effects) {
    std::string_view name = chunk_;
    while (name.ends_with('\n')) name.remove_suffix(1);
    if (!name.empty()) id_ = fmt::format("{}:", name);
    id_prefix_ = id_.size();
  }

  // One [time, record], or what is between the brackets of one.
  Status Take(MsgpackReader* reader) {
    const auto head = reader->Next();
    if (!head || head->type != MsgpackType::kArray || head->number < 2) {
      return Malformed("an entry that is no [time, record]");
    }
    RETURN_IF_ERROR(TakePair(reader));
    for (std::uint64_t i = 2; i < head->number; ++i) {
      if (!reader->Skip()) return Malformed("malformed entry");
    }
    return OkStatus();
  }

  Status TakePair(MsgpackReader* reader) {
    const auto time = reader->Next();
    if (!time) return Malformed("malformed time");
    // Fluentd 1.19 and Fluent Bit may send [time, metadata].
    std::optional<std::int64_t> time_us = MsgpackTime(*time);
    if (time->type == MsgpackType::kArray && time->number > 0) {
      const auto inner = reader->Next();
      if (!inner) return Malformed("malformed time");
      time_us = MsgpackTime(*inner);
      for (std::uint64_t i = 1; i < time->number; ++i) {
        if (!reader->Skip()) return Malformed("malformed time");
      }
    } else if (time->type == MsgpackType::kMap && time->number > 0) {
      return Malformed("a time that is a map");
    }
    return TakeRecord(time_us, reader);
  }

  void Finish() { Flush(Acknowledgement(chunk_)); }

 private:
  Status TakeRecord(std::optional<std::int64_t> time_us, MsgpackReader* reader) {
    const std::size_t begin = reader->at();
    json_.clear();
    Status status = reader->AppendJson(&json_);
    if (status.ok() && !json_.starts_with('{')) status = OutOfRange("a record that is no map");
    if (status.code() == StatusCode::kInvalidArgument) return Annotate(status, "forward: record");
    if (!status.ok()) {
      reader->Seek(begin);
      if (!reader->Skip()) return Malformed("malformed record");
      batch_.AddRejected({.text = fmt::format("entries[{}]: {}", place_, Message(status))});
    } else {
      if (id_prefix_ > 0) {
        const fmt::format_int digits(place_);
        id_.resize(id_prefix_);
        id_.append(digits.data(), digits.size());
      }
      batch_.Add({.stream = tag_, .id = id_, .time_us = time_us, .json = json_});
    }
    ++place_;
    if (batch_.size() == kMaxEventsInRequest || batch_.json_bytes() > kForwardBatchBytes) {
      if (!reader->done()) Flush({});
    }
    return OkStatus();
  }

  void Flush(std::string acknowledgement) {
    effects_->push_back(StoreEvents{
        .events = std::move(batch_), .acknowledgement = std::move(acknowledgement), .refusal = {}});
    batch_ = EventBatch();
  }

  std::string_view tag_;
  std::string_view chunk_;
  std::vector<StreamEffect>* effects_;
  EventBatch batch_;
  std::string id_;
  std::size_t id_prefix_ = 0;
  std::size_t place_ = 0;
  std::string json_;
};

Status TakePacked(std::string_view packed, const Options& options, EntryWriter* writer) {
  std::string unpacked;
  if (options.compressed == "gzip") {
    auto result = GunzipMembers(packed, kMaxForwardBytes);
    if (!result.ok()) return Annotate(result.status(), "forward: entries");
    unpacked = *std::move(result);
    packed = unpacked;
  } else if (!options.compressed.empty() && options.compressed != "text") {
    return Malformed("compressed: want gzip or text");
  }
  MsgpackReader entries(packed);
  while (!entries.done()) RETURN_IF_ERROR(writer->Take(&entries));
  return OkStatus();
}

}  // namespace

ForwardSession::ForwardSession(ForwardOptions options) : handshake_(std::move(options)) {}

void ForwardSession::Begin(std::vector<StreamEffect>* effects) {
  if (!handshake_.done()) effects->push_back(SendBytes{handshake_.Helo()});
}

Status ForwardSession::Feed(std::string_view bytes, std::vector<StreamEffect>* effects) {
  buffer_.append(bytes);
  std::size_t taken = 0;
  Status status;
  while (status.ok()) {
    const std::string_view rest = std::string_view(buffer_).substr(taken);
    const auto size = framer_.Find(rest);
    if (!size.ok()) return Annotate(size.status(), "forward");
    if (!size->has_value()) break;
    status = TakeMessage(rest.substr(0, **size), effects);
    taken += **size;
    framer_.Reset();
  }
  buffer_.erase(0, taken);
  return status;
}

Status ForwardSession::TakeMessage(std::string_view message, std::vector<StreamEffect>* effects) {
  if (!handshake_.done()) {
    std::string pong;
    const Status status = handshake_.TakePing(message, &pong);
    if (!pong.empty()) effects->push_back(SendBytes{std::move(pong)});
    return status;
  }
  MsgpackReader reader(message);
  const auto head = reader.Next();
  // Heartbeats are lone numbers or nils.
  if (head->type == MsgpackType::kNil || head->type == MsgpackType::kUnsigned) return OkStatus();
  if (head->type != MsgpackType::kArray || head->number < 2 || head->number > 4) {
    return Malformed("a message that is no array of 2 to 4");
  }
  const auto tag = reader.Next();
  if (!tag || !tag->IsBytes()) return Malformed("tag: want a text");
  if (tag->bytes.size() > kMaxStreamBytes) {
    return Malformed(fmt::format("tag: more than {} bytes", kMaxStreamBytes));
  }
  // The chunk's id comes last and is wanted first.
  const std::size_t begin = reader.at();
  const auto second = reader.Next();
  if (!second) return Malformed("malformed message");
  const bool single = !second->IsBytes() && (second->type != MsgpackType::kArray);
  if (single && head->number < 3) return Malformed("a message without a record");
  const std::uint64_t parts_before_option = single ? 3 : 2;
  reader.Seek(begin);
  for (std::uint64_t i = 1; i < parts_before_option; ++i) {
    if (!reader.Skip()) return Malformed("malformed message");
  }
  Options options;
  if (head->number > parts_before_option) {
    ASSIGN_OR_RETURN(options, ReadOptions(&reader));
  }
  std::vector<StreamEffect> stores;
  EntryWriter writer(tag->bytes, options, &stores);
  reader.Seek(begin);
  if (single) {
    RETURN_IF_ERROR(writer.TakePair(&reader));
  } else if (second->IsBytes()) {
    RETURN_IF_ERROR(TakePacked(second->bytes, options, &writer));
  } else {
    reader.Next();
    for (std::uint64_t i = 0; i < second->number; ++i) RETURN_IF_ERROR(writer.Take(&reader));
  }
  writer.Finish();
  for (StreamEffect& store : stores) effects->push_back(std::move(store));
  return OkStatus();
}

}  // namespace carillon
