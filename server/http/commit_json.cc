#include "server/http/commit_json.h"

#include <algorithm>
#include <limits>

#include "server/http/json_reader.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMaxCount = std::numeric_limits<std::int64_t>::max();

Status ReadChunkMember(std::string_view name, simdjson::dom::element value, ChunkInfo* chunk) {
  if (name == "key") {
    ASSIGN_OR_RETURN(const std::string_view text, JsonText(name, value));
    ASSIGN_OR_RETURN(chunk->key, ParseChunkKey(text));
  } else if (name == "events") {
    ASSIGN_OR_RETURN(chunk->events, JsonUnsigned(name, value, kMaxCount));
  } else if (name == "raw_bytes") {
    ASSIGN_OR_RETURN(chunk->raw_bytes, JsonUnsigned(name, value, kMaxCount));
  } else if (name == "value_bytes") {
    ASSIGN_OR_RETURN(const std::uint64_t bytes,
                     JsonUnsigned(name, value, std::numeric_limits<std::uint32_t>::max()));
    chunk->value_bytes = static_cast<std::uint32_t>(bytes);
  } else if (name == "value_crc32c") {
    ASSIGN_OR_RETURN(const std::string_view text, JsonText(name, value));
    ASSIGN_OR_RETURN(chunk->value_crc, ParseCrcHex(name, text));
  } else {
    return InvalidArgument("unknown member '{}'", name);
  }
  return OkStatus();
}

Status ReadSealMember(std::string_view name, simdjson::dom::element value, Seal* seal) {
  if (name == "writer") {
    ASSIGN_OR_RETURN(seal->writer, JsonUnsigned(name, value, kMaxCount));
  } else if (name == "epoch") {
    ASSIGN_OR_RETURN(const std::uint64_t epoch, JsonUnsigned(name, value, kMaxEpoch));
    seal->epoch = Epoch(epoch);
  } else {
    return InvalidArgument("unknown member '{}'", name);
  }
  return OkStatus();
}

// Each of `count` members once: together with "unknown member" that means all of them.
Status CheckAllOnce(std::vector<std::string_view> names, std::size_t count) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) return InvalidArgument("member '{}' is given twice", *twice);
  if (names.size() != count) {
    return InvalidArgument("{} members are given, {} are needed", names.size(), count);
  }
  return OkStatus();
}

template <typename T>
Status ReadAll(std::string_view field, simdjson::dom::element object, std::size_t count,
               Status (*read)(std::string_view, simdjson::dom::element, T*), T* out) {
  std::vector<std::string_view> names;
  const auto visit = [&](std::string_view name, simdjson::dom::element value) {
    names.push_back(name);
    return read(name, value, out);
  };
  RETURN_IF_ERROR(Annotate(ForEachMember(field, object, visit), field));
  return Annotate(CheckAllOnce(std::move(names), count), field);
}

Status ReadChunks(simdjson::dom::element value, Commit* commit) {
  simdjson::dom::array chunks;
  if (value.get(chunks) != simdjson::SUCCESS) return InvalidArgument("chunks is not an array");
  for (const simdjson::dom::element chunk : chunks) {
    if (commit->chunks.size() >= kMaxChunksPerCommit) {
      return InvalidArgument("more than {} chunks in one commit", kMaxChunksPerCommit);
    }
    RETURN_IF_ERROR(ReadAll(fmt::format("chunks[{}]", commit->chunks.size()), chunk, 5,
                            ReadChunkMember, &commit->chunks.emplace_back()));
  }
  return OkStatus();
}

}  // namespace

Status ParseCommitJson(ByteSpan body, Commit* commit) {
  bool has_chunks = false;
  return ForEachMember(body, [&](std::string_view name, simdjson::dom::element value) {
    if (name == "chunks" && !std::exchange(has_chunks, true)) return ReadChunks(value, commit);
    if (name == "seal" && !commit->seal) {
      return ReadAll("seal", value, 2, ReadSealMember, &commit->seal.emplace());
    }
    return InvalidArgument("member '{}' is unknown, or given twice", name);
  });
}

}  // namespace carillon
