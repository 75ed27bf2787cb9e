#include "collector/copies/copy_message.h"

#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxMessageText = 1000;

void PutFile(Bytes* out, const CopyFile& file) {
  PutFixed(out, static_cast<std::uint8_t>(file.part));
  PutVarint(out, file.segment);
}

Status TakeFile(Decoder* in, CopyFile* file) {
  const auto part = in->Fixed<std::uint8_t>();
  if (part >= kSpoolParts) return DataLoss("copy: part {} of a spool", part);
  *file = {static_cast<SpoolPart>(part), in->Varint()};
  return OkStatus();
}

Bytes Sealed(Bytes bytes) {
  PutFixed(&bytes, Crc32c(bytes));
  return bytes;
}

// What is before the checksum and behind the version.
StatusOr<Decoder> Unsealed(ByteSpan bytes) {
  if (bytes.size() < sizeof(std::uint32_t) + 1) return DataLoss("copy: {} bytes", bytes.size());
  const ByteSpan body = bytes.substr(0, bytes.size() - sizeof(std::uint32_t));
  if (Crc32c(body) != LoadFixed<std::uint32_t>(bytes.data() + body.size())) {
    return DataLoss("copy: a message of {} bytes with a wrong checksum", bytes.size());
  }
  Decoder decoder(body);
  const auto version = decoder.Fixed<std::uint8_t>();
  if (version != kVersion) {
    return Unimplemented("copy: a message of version {}, this build knows {}", version, kVersion);
  }
  return decoder;
}

Status TakePieces(Decoder* in, std::vector<CopyPiece>* pieces) {
  const std::uint64_t count = in->Varint();
  if (count > kMaxCopyPieces) return DataLoss("copy: {} pieces, at most {}", count, kMaxCopyPieces);
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < count && !in->failed(); ++i) {
    CopyPiece piece;
    const auto kind = in->Fixed<std::uint8_t>();
    if (kind < 1 || kind > 3) return DataLoss("copy: a step of kind {}", kind);
    piece.kind = static_cast<CopyStepKind>(kind);
    RETURN_IF_ERROR(TakeFile(in, &piece.file));
    piece.offset = in->Varint();
    piece.bytes = in->String();
    bytes += piece.bytes.size();
    pieces->push_back(piece);
  }
  if (bytes > kMaxCopyBytes) return DataLoss("copy: {} bytes, at most {}", bytes, kMaxCopyBytes);
  return OkStatus();
}

Status Ended(const Decoder& in) {
  return in.Done() ? OkStatus() : DataLoss("copy: a message that does not end where it should");
}

}  // namespace

std::string_view ToString(SpoolPart part) {
  switch (part) {
    case SpoolPart::kIntake:
      return "intake";
    case SpoolPart::kOutbox:
      return "outbox";
    case SpoolPart::kDead:
      return "dead";
  }
  return "?";
}

Bytes EncodeCopyAsk(const CopyAsk& ask) {
  Bytes out;
  std::size_t bytes = 0;
  for (const CopyPiece& piece : ask.pieces) bytes += piece.bytes.size() + 32;
  out.reserve(bytes + ask.name.size() + 64);
  PutFixed(&out, kVersion);
  PutFixed(&out, static_cast<std::uint8_t>(ask.kind));
  PutString(&out, ask.name);
  PutVarint(&out, ask.generation);
  PutFixed(&out, ask.session);
  PutVarint(&out, ask.sequence);
  PutFile(&out, ask.range.file);
  PutVarint(&out, ask.offset);
  PutVarint(&out, ask.range.bytes);
  PutVarint(&out, ask.pieces.size());
  for (const CopyPiece& piece : ask.pieces) {
    PutFixed(&out, static_cast<std::uint8_t>(piece.kind));
    PutFile(&out, piece.file);
    PutVarint(&out, piece.offset);
    PutString(&out, piece.bytes);
  }
  return Sealed(std::move(out));
}

StatusOr<CopyAsk> DecodeCopyAsk(ByteSpan bytes) {
  ASSIGN_OR_RETURN(Decoder in, Unsealed(bytes));
  CopyAsk ask;
  const auto kind = in.Fixed<std::uint8_t>();
  if (kind < 1 || kind > 5) return Unimplemented("copy: a question of kind {}", kind);
  ask.kind = static_cast<CopyAskKind>(kind);
  ask.name = in.String();
  ask.generation = in.Varint();
  ask.session = in.Fixed<std::uint64_t>();
  ask.sequence = in.Varint();
  RETURN_IF_ERROR(TakeFile(&in, &ask.range.file));
  ask.offset = in.Varint();
  ask.range.bytes = in.Varint();
  RETURN_IF_ERROR(TakePieces(&in, &ask.pieces));
  RETURN_IF_ERROR(Ended(in));
  if (ask.range.bytes > kMaxCopyBytes) {
    return DataLoss("copy: {} bytes wanted, at most {}", ask.range.bytes, kMaxCopyBytes);
  }
  return ask;
}

Bytes EncodeCopyReply(const CopyReply& reply) {
  Bytes out;
  out.reserve(reply.bytes.size() + reply.files.size() * 16 + 64);
  PutFixed(&out, kVersion);
  PutFixed(&out, static_cast<std::uint8_t>(reply.status.code()));
  PutString(&out, Message(reply.status).substr(0, kMaxMessageText));
  PutFixed(&out, reply.session);
  PutVarint(&out, reply.generation);
  PutVarint(&out, reply.files.size());
  for (const SizedCopyFile& sized : reply.files) {
    PutFile(&out, sized.file);
    PutVarint(&out, sized.bytes);
  }
  PutString(&out, reply.bytes);
  return Sealed(std::move(out));
}

StatusOr<CopyReply> DecodeCopyReply(ByteSpan bytes) {
  ASSIGN_OR_RETURN(Decoder in, Unsealed(bytes));
  CopyReply reply;
  const auto code = in.Fixed<std::uint8_t>();
  const ByteSpan message = in.String();
  reply.session = in.Fixed<std::uint64_t>();
  reply.generation = in.Varint();
  const std::uint64_t files = in.Varint();
  if (files > kMaxCopyFiles) return DataLoss("copy: {} files, at most {}", files, kMaxCopyFiles);
  for (std::uint64_t i = 0; i < files && !in.failed(); ++i) {
    SizedCopyFile sized;
    RETURN_IF_ERROR(TakeFile(&in, &sized.file));
    sized.bytes = in.Varint();
    reply.files.push_back(sized);
  }
  reply.bytes = in.String();
  RETURN_IF_ERROR(Ended(in));
  if (code > static_cast<std::uint8_t>(StatusCode::kUnauthenticated)) {
    return DataLoss("copy: a status of code {}", code);
  }
  if (code != 0) reply.status = MakeStatus(static_cast<StatusCode>(code), std::string(message));
  return reply;
}

}  // namespace carillon
