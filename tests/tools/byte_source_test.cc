#include "tools/carillon/input/byte_source.h"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/tools/support.h"

namespace carillon {
namespace {

StatusOr<std::string> ReadAll(ByteSource* source, std::size_t block = 1000) {
  std::string all;
  std::string buffer(block, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const std::size_t got, source->Read(buffer.data(), buffer.size()));
    if (got == 0) return all;
    all.append(buffer, 0, got);
  }
}

std::string Gzip(std::string_view text) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string Zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
  return out;
}

std::string LongText() {
  std::string text;
  for (int i = 0; text.size() < 500'000; ++i) text += fmt::format("line {} of many\n", i * 7919);
  return text;
}

TEST(ByteSourceTest, UnpacksGzipWhateverTheSizesOfTheBlocks) {
  const std::string text = LongText();
  for (const std::size_t block : {std::size_t{1 << 20}, std::size_t{777}}) {
    const auto source = Gunzip(FromText(Gzip(text), 1013));
    EXPECT_EQ(ReadAll(source.get(), block).value(), text);
  }
}

TEST(ByteSourceTest, UnpacksZstdWhateverTheSizesOfTheBlocks) {
  const std::string text = LongText();
  for (const std::size_t block : {std::size_t{1 << 20}, std::size_t{777}}) {
    const auto source = Unzstd(FromText(Zstd(text), 1013));
    EXPECT_EQ(ReadAll(source.get(), block).value(), text);
  }
}

TEST(ByteSourceTest, UnpacksSeveralMembersInARow) {
  EXPECT_EQ(ReadAll(Gunzip(FromText(Gzip("one ") + Gzip("") + Gzip("two"))).get()).value(),
            "one two");
  EXPECT_EQ(ReadAll(Unzstd(FromText(Zstd("one ") + Zstd("") + Zstd("two"))).get()).value(),
            "one two");
}

TEST(ByteSourceTest, SaysThatPackedDataIsCut) {
  const std::string gzip = Gzip(LongText());
  const std::string zstd = Zstd(LongText());
  const auto cut_gzip = ReadAll(Gunzip(FromText(gzip.substr(0, gzip.size() - 1))).get());
  const auto cut_zstd = ReadAll(Unzstd(FromText(zstd.substr(0, zstd.size() - 1))).get());
  EXPECT_EQ(cut_gzip.status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cut_zstd.status().code(), StatusCode::kDataLoss);
}

TEST(ByteSourceTest, SaysThatPackedDataIsDamaged) {
  EXPECT_EQ(ReadAll(Gunzip(FromText("no gzip at all")).get()).status().code(),
            StatusCode::kDataLoss);
  EXPECT_EQ(ReadAll(Unzstd(FromText("no zstd at all")).get()).status().code(),
            StatusCode::kDataLoss);
}

TEST(ByteSourceTest, IsAtItsEndAfterAnError) {
  const auto source = Gunzip(FromText("no gzip at all"));
  EXPECT_FALSE(ReadAll(source.get()).ok());
  EXPECT_EQ(ReadAll(source.get()).value(), "");
}

TEST(ByteSourceTest, UnpacksBySuffix) {
  EXPECT_EQ(ReadAll(UnpackBySuffix("a.json.gz", FromText(Gzip("x"))).get()).value(), "x");
  EXPECT_EQ(ReadAll(UnpackBySuffix("a.json.zst", FromText(Zstd("x"))).get()).value(), "x");
  EXPECT_EQ(ReadAll(UnpackBySuffix("a.json", FromText("x")).get()).value(), "x");
}

TEST(ByteSourceTest, NamesTheFileThatIsNotThere) {
  const auto file = ReadFile("/nowhere/at/all");
  EXPECT_EQ(file.status().code(), StatusCode::kNotFound);
  EXPECT_EQ(ReadFile("/tmp").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace carillon
