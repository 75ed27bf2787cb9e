#include "collector/pipeline/chunk_numbers.h"

#include <optional>

#include "base/checksum.h"
#include "base/coding.h"
#include "base/log.h"

namespace carillon {
namespace {

constexpr char kFileName[] = "WRITER";
constexpr std::string_view kMagic = "CRLNWRT1";
constexpr std::size_t kFileBytes = 28;
constexpr std::uint64_t kSequenceLimit = std::uint64_t{1} << 32;

struct Taken {
  std::uint64_t writer = 0;
  std::uint64_t limit = 0;
};

StatusOr<Taken> Decode(ByteSpan bytes) {
  if (bytes.size() != kFileBytes) return DataLoss("{} bytes, want {}", bytes.size(), kFileBytes);
  Decoder decoder(bytes);
  if (decoder.Take(kMagic.size()) != kMagic) return DataLoss("wrong magic");
  Taken taken;
  taken.writer = decoder.Fixed<std::uint64_t>();
  taken.limit = decoder.Fixed<std::uint64_t>();
  const auto crc = decoder.Fixed<std::uint32_t>();
  const std::uint32_t want = Crc32c(bytes.substr(0, kFileBytes - 4));
  if (crc != want) return DataLoss("crc {:08x}, want {:08x}", crc, want);
  if (taken.writer == 0 || taken.writer > ChunkNumbers::kMaxWriter) {
    return DataLoss("writer {}", taken.writer);
  }
  return taken;
}

}  // namespace

StatusOr<ChunkNumbers> ChunkNumbers::Open(FileSystem* files, std::string directory,
                                          std::uint64_t writer, std::uint64_t seed) {
  ChunkNumbers numbers(files, std::move(directory), seed);
  const std::string path = numbers.directory_ + "/" + kFileName;
  std::optional<Taken> taken;
  if (files->Exists(path)) {
    ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(files, path, 1 << 16));
    const StatusOr<Taken> decoded = Decode(bytes);
    if (decoded.ok()) taken = *decoded;
    if (!decoded.ok()) LogWarning("{}: {}: another number", path, ToString(decoded.status()));
  }
  if (writer == 0) writer = taken ? taken->writer : numbers.RandomWriter();
  numbers.writer_ = writer;
  if (taken && taken->writer == writer) numbers.next_ = numbers.limit_ = taken->limit;
  return numbers;
}

Status ChunkNumbers::Reserve(std::uint64_t limit) {
  Bytes bytes(kMagic);
  PutFixed(&bytes, writer_);
  PutFixed(&bytes, limit);
  PutFixed(&bytes, Crc32c(bytes));
  RETURN_IF_ERROR(ReplaceFile(files_, directory_, kFileName, bytes));
  limit_ = limit;
  return OkStatus();
}

StatusOr<std::uint64_t> ChunkNumbers::Next() {
  if (next_ >= kSequenceLimit) {
    writer_ = RandomWriter();
    next_ = limit_ = 0;
  }
  if (next_ >= limit_) RETURN_IF_ERROR(Reserve(limit_ + kReserve));
  return writer_ * kSequenceLimit + next_++;
}

Status ChunkNumbers::ChangeWriter(std::uint64_t refused) {
  if (refused / kSequenceLimit != writer_) return OkStatus();
  writer_ = RandomWriter();
  next_ = limit_ = 0;
  return OkStatus();
}

}  // namespace carillon
