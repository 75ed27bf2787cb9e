#include "base/chunk_info.h"

#include "base/coding.h"

namespace carillon {

Status Validate(const Commit& commit) {
  RETURN_IF_ERROR(CheckName("bucket", commit.bucket));
  RETURN_IF_ERROR(CheckName("dc", commit.dc));
  if (commit.epoch.value() > kMaxEpoch) {
    return InvalidArgument("epoch {} is above {}: want seconds, not milliseconds", commit.epoch,
                           kMaxEpoch);
  }
  if (commit.chunks.empty() && !commit.seal) {
    return InvalidArgument("a commit without chunks and without a seal says nothing");
  }
  if (commit.chunks.size() > kMaxChunksPerCommit) {
    return InvalidArgument("commit of {} chunks, at most {}", commit.chunks.size(),
                           kMaxChunksPerCommit);
  }
  if (commit.seal && commit.seal->epoch.value() > kMaxEpoch) {
    return InvalidArgument("seal epoch {} is above {}", commit.seal->epoch, kMaxEpoch);
  }
  for (const ChunkInfo& chunk : commit.chunks) {
    RETURN_IF_ERROR(Validate(chunk.key));
    if (chunk.key.epoch != commit.epoch || chunk.key.dc != commit.dc) {
      return InvalidArgument("chunk {} is not of second {}", ToString(chunk.key),
                             ManifestKey(commit.epoch, commit.dc));
    }
  }
  return OkStatus();
}

Bytes EncodeCommitValue(const Commit& commit) {
  Bytes value;
  PutVarint(&value, commit.seal ? 1 : 0);
  if (commit.seal) {
    PutVarint(&value, commit.seal->writer);
    PutVarint(&value, commit.seal->epoch.value());
  }
  PutVarint(&value, commit.chunks.size());
  for (const ChunkInfo& chunk : commit.chunks) {
    PutString(&value, chunk.key.cell);
    PutString(&value, chunk.key.type);
    PutString(&value, chunk.key.subtype);
    PutVarint(&value, chunk.key.number);
    PutVarint(&value, chunk.events);
    PutVarint(&value, chunk.raw_bytes);
    PutVarint(&value, chunk.value_bytes);
    PutFixed<std::uint32_t>(&value, chunk.value_crc);
  }
  return value;
}

namespace {

ChunkInfo DecodeChunkInfo(const Commit& commit, Decoder* decoder) {
  ChunkInfo chunk;
  chunk.key.epoch = commit.epoch;
  chunk.key.dc = commit.dc;
  chunk.key.cell = decoder->String();
  chunk.key.type = decoder->String();
  chunk.key.subtype = decoder->String();
  chunk.key.number = decoder->Varint();
  chunk.events = decoder->Varint();
  chunk.raw_bytes = decoder->Varint();
  chunk.value_bytes = static_cast<std::uint32_t>(decoder->Varint());
  chunk.value_crc = decoder->Fixed<std::uint32_t>();
  return chunk;
}

}  // namespace

Status DecodeCommitValue(ByteSpan value, Commit* commit) {
  Decoder decoder(value);
  if (decoder.Varint() != 0) {
    Seal seal;
    seal.writer = decoder.Varint();
    seal.epoch = Epoch(decoder.Varint());
    commit->seal = seal;
  }
  const std::uint64_t count = decoder.Varint();
  if (count > kMaxChunksPerCommit) return DataLoss("manifest record of {} chunks", count);
  commit->chunks.clear();
  for (std::uint64_t i = 0; i < count && !decoder.failed(); ++i) {
    commit->chunks.push_back(DecodeChunkInfo(*commit, &decoder));
  }
  if (!decoder.Done()) return DataLoss("manifest record of {} bytes is malformed", value.size());
  return Validate(*commit).ok() ? OkStatus() : DataLoss("manifest record names a bad chunk");
}

}  // namespace carillon
