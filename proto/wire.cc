#include "proto/wire.h"

#include <utility>

#include "base/coding.h"
#include "proto/wire_reader.h"

namespace carillon::wire {
namespace {

constexpr std::uint32_t kValueField = 15;  // last on the wire

constexpr std::uint64_t Tag(std::uint32_t number, FieldKind kind) {
  return std::uint64_t{number} << 3 | static_cast<std::uint32_t>(kind);
}

void PutNumber(std::uint32_t number, std::uint64_t value, Bytes* out) {
  if (value == 0) return;
  PutVarint(out, Tag(number, FieldKind::kVarint));
  PutVarint(out, value);
}

void PutFixed32(std::uint32_t number, std::uint32_t value, Bytes* out) {
  if (value == 0) return;
  PutVarint(out, Tag(number, FieldKind::kFixed32));
  PutFixed(out, value);
}

void PutText(std::uint32_t number, std::string_view text, Bytes* out) {
  if (text.empty()) return;
  PutVarint(out, Tag(number, FieldKind::kSized));
  PutString(out, text);
}

// A nested message is there even when all its fields are defaults.
void PutMessage(std::uint32_t number, std::string_view message, Bytes* out) {
  PutVarint(out, Tag(number, FieldKind::kSized));
  PutString(out, message);
}

Rope WithValue(Bytes header, const Rope& value) {
  if (value.size() > 0) {
    PutVarint(&header, Tag(kValueField, FieldKind::kSized));
    PutVarint(&header, value.size());
  }
  Rope message(std::move(header));
  for (const SharedBytes& piece : value.pieces()) message.Append(piece);
  return message;
}

// An error's text that is too long for the reader is cut rather than refused.
std::string_view Cut(std::string_view text) {
  return text.substr(0, kMaxTextBytes);
}

Bytes EncodeChunkInfo(const ChunkInfo& chunk) {
  Bytes out;
  PutText(1, ToString(chunk.key), &out);
  PutNumber(2, chunk.events, &out);
  PutNumber(3, chunk.raw_bytes, &out);
  PutNumber(4, chunk.value_bytes, &out);
  PutFixed32(5, chunk.value_crc, &out);
  return out;
}

Status CheckSize(const Rope& message) {
  if (message.size() <= kMaxMessageBytes) return OkStatus();
  return InvalidArgument("message of {} bytes, at most {}", message.size(), kMaxMessageBytes);
}

// protobuf keeps the low bits of a number that is too large for its field.
std::uint32_t Low32(std::uint64_t value) {
  return static_cast<std::uint32_t>(value);
}

Status MergeRoute(const Rope& message, PutChunkRequest* request) {
  Reader reader(message);
  while (reader.Next()) {
    if (reader.Is(1, FieldKind::kVarint)) {
      request->state_version = reader.Varint();
    } else if (reader.Is(2, FieldKind::kVarint)) {
      request->partition = Low32(reader.Varint());
    } else {
      reader.Skip();
    }
  }
  return reader.status();
}

// A ChunkInfo that may come in several parts: its key is parsed when all have been seen.
struct ChunkInfoParts {
  std::string key;
  ChunkInfo info;
};

Status MergeChunkInfo(const Rope& message, ChunkInfoParts* parts) {
  Reader reader(message);
  while (reader.Next()) {
    if (reader.Is(1, FieldKind::kSized)) {
      parts->key = reader.Text("chunk.key");
    } else if (reader.Is(2, FieldKind::kVarint)) {
      parts->info.events = reader.Varint();
    } else if (reader.Is(3, FieldKind::kVarint)) {
      parts->info.raw_bytes = reader.Varint();
    } else if (reader.Is(4, FieldKind::kVarint)) {
      parts->info.value_bytes = Low32(reader.Varint());
    } else if (reader.Is(5, FieldKind::kFixed32)) {
      parts->info.value_crc = reader.Fixed32();
    } else {
      reader.Skip();
    }
  }
  return reader.status();
}

}  // namespace

Rope Encode(const PutChunkRequest& message) {
  Bytes header;
  PutText(1, message.bucket, &header);
  PutText(2, message.key, &header);
  PutFixed32(3, message.value_crc, &header);
  if (message.state_version != 0 || message.partition != 0) {
    Bytes route;
    PutNumber(1, message.state_version, &route);
    PutNumber(2, message.partition, &route);
    PutMessage(4, route, &header);
  }
  return WithValue(std::move(header), message.value);
}

Rope Encode(const GetChunksResponse& message) {
  Bytes header;
  PutText(1, message.key, &header);
  PutNumber(2, message.code, &header);
  PutText(3, Cut(message.message), &header);
  PutFixed32(4, message.value_crc, &header);
  return WithValue(std::move(header), message.value);
}

Rope Encode(const ReadRangeResponse& message) {
  Bytes header;
  if (message.chunk) PutMessage(1, EncodeChunkInfo(*message.chunk), &header);
  PutNumber(2, message.code, &header);
  PutText(3, Cut(message.message), &header);
  PutNumber(4, message.epoch, &header);
  PutText(5, message.dc, &header);
  PutNumber(6, message.complete ? 1 : 0, &header);
  return WithValue(std::move(header), message.value);
}

StatusOr<PutChunkRequest> DecodePutChunkRequest(const Rope& message) {
  RETURN_IF_ERROR(CheckSize(message));
  PutChunkRequest request;
  Reader reader(message);
  while (reader.Next()) {
    if (reader.Is(1, FieldKind::kSized)) {
      request.bucket = reader.Text("bucket");
    } else if (reader.Is(2, FieldKind::kSized)) {
      request.key = reader.Text("key");
    } else if (reader.Is(3, FieldKind::kFixed32)) {
      request.value_crc = reader.Fixed32();
    } else if (reader.Is(4, FieldKind::kSized)) {
      RETURN_IF_ERROR(MergeRoute(reader.Sized(), &request));
    } else if (reader.Is(kValueField, FieldKind::kSized)) {
      request.value = reader.Sized();
    } else {
      reader.Skip();
    }
  }
  RETURN_IF_ERROR(reader.status());
  return request;
}

StatusOr<GetChunksResponse> DecodeGetChunksResponse(const Rope& message) {
  RETURN_IF_ERROR(CheckSize(message));
  GetChunksResponse response;
  Reader reader(message);
  while (reader.Next()) {
    if (reader.Is(1, FieldKind::kSized)) {
      response.key = reader.Text("key");
    } else if (reader.Is(2, FieldKind::kVarint)) {
      response.code = Low32(reader.Varint());
    } else if (reader.Is(3, FieldKind::kSized)) {
      response.message = reader.Text("message");
    } else if (reader.Is(4, FieldKind::kFixed32)) {
      response.value_crc = reader.Fixed32();
    } else if (reader.Is(kValueField, FieldKind::kSized)) {
      response.value = reader.Sized();
    } else {
      reader.Skip();
    }
  }
  RETURN_IF_ERROR(reader.status());
  return response;
}

StatusOr<ReadRangeResponse> DecodeReadRangeResponse(const Rope& message) {
  RETURN_IF_ERROR(CheckSize(message));
  ReadRangeResponse response;
  ChunkInfoParts chunk;
  Reader reader(message);
  while (reader.Next()) {
    if (reader.Is(1, FieldKind::kSized)) {
      RETURN_IF_ERROR(MergeChunkInfo(reader.Sized(), &chunk));
    } else if (reader.Is(2, FieldKind::kVarint)) {
      response.code = Low32(reader.Varint());
    } else if (reader.Is(3, FieldKind::kSized)) {
      response.message = reader.Text("message");
    } else if (reader.Is(4, FieldKind::kVarint)) {
      response.epoch = reader.Varint();
    } else if (reader.Is(5, FieldKind::kSized)) {
      response.dc = reader.Text("dc");
    } else if (reader.Is(6, FieldKind::kVarint)) {
      response.complete = reader.Varint() != 0;
    } else if (reader.Is(kValueField, FieldKind::kSized)) {
      response.value = reader.Sized();
    } else {
      reader.Skip();
    }
  }
  RETURN_IF_ERROR(reader.status());
  if (!chunk.key.empty()) {
    ASSIGN_OR_RETURN(chunk.info.key, ParseChunkKey(chunk.key));
    response.chunk = std::move(chunk.info);
  }
  return response;
}

}  // namespace carillon::wire
