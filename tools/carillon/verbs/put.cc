#include <memory>

#include "base/checksum.h"
#include "crunch/chunk_codec.h"
#include "tools/carillon/input/byte_source.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

struct PutOptions {
  std::string key;
  std::string file;
  bool encode = false;
  bool commit = false;
};

const VerbText kText = {
    .name = "put",
    .group = kForLoggers,
    .description = "Store one chunk from a file",
    .examples =
        "Stores the bytes as they are; a chunk is found by range reads once it is committed.\n\n"
        "  carillon put 1428415043:1:cell0:WEB:app:chunk0 chunk.zst\n"
        "  carillon put 1428415043:1:cell0:WEB:app:chunk0 - --encode --commit < events.ndjson",
};

StatusOr<Bytes> ReadWhole(const std::string& file, std::size_t max_bytes) {
  constexpr std::size_t kBlockBytes = 64 << 10;
  std::unique_ptr<ByteSource> source = ReadDescriptor(0);
  if (file != "-") {
    ASSIGN_OR_RETURN(source, ReadFile(file));
  }
  Bytes bytes;
  while (true) {
    const std::size_t size = bytes.size();
    if (size > max_bytes) return InvalidArgument("{}: more than {} bytes", file, max_bytes);
    bytes.resize(size + kBlockBytes);
    ASSIGN_OR_RETURN(const std::size_t got, source->Read(bytes.data() + size, kBlockBytes));
    bytes.resize(size + got);
    if (got == 0) return bytes;
  }
}

// What the manifest will say of the chunk: its events, if the value holds any.
ChunkInfo Describe(const ChunkKey& key, ByteSpan value) {
  ChunkInfo info{key, 0, value.size(), static_cast<std::uint32_t>(value.size()), Crc32c(value)};
  if (const StatusOr<Bytes> events = DecodeChunkValue(value); events.ok()) {
    info.events = ForEachEvent(*events, [](std::string_view) { return true; });
    info.raw_bytes = events->size();
  }
  return info;
}

Status PrintReply(Session* session, const PutOptions& options, const PutReply& reply,
                  std::size_t bytes) {
  if (session->json()) {
    return session->out().Write(
        fmt::format("{{\"key\":\"{}\",\"bytes\":{},\"already_stored\":{},\"replicas_written\":{},"
                    "\"bytes_between_nodes\":{},\"committed\":{}}}\n",
                    options.key, bytes, reply.already_stored, reply.replicas_written,
                    reply.bytes_between_nodes, options.commit));
  }
  return session->out().Write(
      fmt::format("{}: {} {}, replicas {}{}\n", options.key, FormatBytes(bytes),
                  reply.already_stored ? "was there already" : "stored", reply.replicas_written,
                  options.commit ? ", committed" : ""));
}

Outcome RunPut(Session* session, const PutOptions& options) {
  ASSIGN_OR_USAGE(const ChunkKey key, ParseChunkKey(options.key));
  ASSIGN_OR_RETURN(Bytes value, ReadWhole(options.file, options.encode ? kMaxRawChunkBytes
                                                                       : kMaxChunkBytesLimit));
  if (options.encode) {
    if (!value.empty() && value.back() != '\n') value.push_back('\n');
    value = EncodeChunkValue(value);
  }
  ASSIGN_OR_RETURN(Client* const client, session->client());
  const ChunkInfo info = Describe(key, value);
  const std::size_t bytes = value.size();
  ASSIGN_OR_RETURN(const PutReply reply,
                   client->PutChunk(session->options.bucket, key, SharedBytes(std::move(value))));
  if (options.commit) {
    RETURN_IF_ERROR(
        client->CommitSecond({session->options.bucket, key.epoch, key.dc, {info}, std::nullopt}));
  }
  return PrintReply(session, options, reply, bytes);
}

}  // namespace

void AddPut(CommandParser* parser, Session* session) {
  auto options = std::make_shared<PutOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Positional("KEY", &options->key, "epoch:dc:cell:type:subtype:chunkN");
  verb.Positional("FILE", &options->file, "the chunk's value; - for standard input");
  verb.Flag("--encode", &options->encode, "FILE is NDJSON: make a chunk's value of it");
  verb.Flag("--commit", &options->commit, "add the chunk to its second's manifest too");
  verb.OnRun([=] { return RunPut(session, *options); });
}

}  // namespace carillon
