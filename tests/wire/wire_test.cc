#include "proto/wire.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/coding.h"

namespace carillon::wire {
namespace {

using ::testing::HasSubstr;

// `bytes` cut into pieces after each of `cuts` (taken modulo what is left).
Rope Split(const Bytes& bytes, const std::vector<std::uint8_t>& cuts) {
  Rope rope;
  std::string_view rest = bytes;
  for (const std::uint8_t cut : cuts) {
    const std::size_t size = std::min<std::size_t>(cut, rest.size());
    rope.Append(SharedBytes(Bytes(rest.substr(0, size))));
    rest.remove_prefix(size);
  }
  rope.Append(SharedBytes(Bytes(rest)));
  return rope;
}

Rope OneByteEach(const Bytes& bytes) {
  return Split(bytes, std::vector<std::uint8_t>(bytes.size(), 1));
}

PutChunkRequest SampleRequest() {
  return {.bucket = "events",
          .key = "1:1:c:T::chunk0",
          .value_crc = 0x01020304,
          .state_version = 7,
          .partition = 300,
          .value = Rope(Bytes("value"))};
}

void ExpectEqual(const PutChunkRequest& a, const PutChunkRequest& b) {
  EXPECT_EQ(a.bucket, b.bucket);
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.value_crc, b.value_crc);
  EXPECT_EQ(a.state_version, b.state_version);
  EXPECT_EQ(a.partition, b.partition);
  EXPECT_EQ(a.value.Flatten(), b.value.Flatten());
}

StatusCode CodeOf(const Bytes& message) {
  return DecodePutChunkRequest(Rope(message)).status().code();
}

TEST(WireTest, DecodesARequestCutAnywhere) {
  const Bytes encoded = Encode(SampleRequest()).Flatten();
  for (std::size_t cut = 0; cut <= encoded.size(); ++cut) {
    const auto decoded = DecodePutChunkRequest(Split(encoded, {static_cast<std::uint8_t>(cut)}));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    ExpectEqual(*decoded, SampleRequest());
  }
  const auto decoded = DecodePutChunkRequest(OneByteEach(encoded));
  ASSERT_TRUE(decoded.ok());
  ExpectEqual(*decoded, SampleRequest());
}

RC_GTEST_PROP(WirePropertyTest, RoundTripsRequests,
              (const std::string& bucket, const std::string& key, std::uint32_t crc,
               std::uint64_t version, std::uint32_t partition, const std::string& value,
               const std::vector<std::uint8_t>& cuts)) {
  const PutChunkRequest request{.bucket = bucket,
                                .key = key,
                                .value_crc = crc,
                                .state_version = version,
                                .partition = partition,
                                .value = Rope(value)};
  const auto decoded = DecodePutChunkRequest(Split(Encode(request).Flatten(), cuts));
  RC_ASSERT(decoded.ok());
  ExpectEqual(*decoded, request);
}

RC_GTEST_PROP(WirePropertyTest, RoundTripsChunkAnswers,
              (const std::string& key, std::uint32_t code, const std::string& message,
               std::uint32_t crc, const std::string& value,
               const std::vector<std::uint8_t>& cuts)) {
  const GetChunksResponse response{
      .key = key, .code = code, .message = message, .value_crc = crc, .value = Rope(value)};
  const auto decoded = DecodeGetChunksResponse(Split(Encode(response).Flatten(), cuts));
  RC_ASSERT(decoded.ok());
  RC_ASSERT(decoded->key == key);
  RC_ASSERT(decoded->code == code);
  RC_ASSERT(decoded->message == message);
  RC_ASSERT(decoded->value_crc == crc);
  RC_ASSERT(decoded->value.Flatten() == value);
}

RC_GTEST_PROP(WirePropertyTest, RoundTripsRangeItems,
              (std::uint64_t events, std::uint64_t raw_bytes, std::uint32_t value_bytes,
               std::uint32_t crc, bool is_chunk, bool complete, std::uint64_t epoch,
               const std::string& value, const std::vector<std::uint8_t>& cuts)) {
  ReadRangeResponse response{
      .epoch = epoch, .dc = "dc", .complete = complete, .value = Rope(value)};
  if (is_chunk) {
    response.chunk = ChunkInfo{.key = {Epoch(5), "1", "c", "T", "", 9},
                               .events = events,
                               .raw_bytes = raw_bytes,
                               .value_bytes = value_bytes,
                               .value_crc = crc};
  }
  const auto decoded = DecodeReadRangeResponse(Split(Encode(response).Flatten(), cuts));
  RC_ASSERT(decoded.ok());
  RC_ASSERT(decoded->chunk == response.chunk);
  RC_ASSERT(decoded->epoch == epoch);
  RC_ASSERT(decoded->dc == "dc");
  RC_ASSERT(decoded->complete == complete);
  RC_ASSERT(decoded->value.Flatten() == value);
}

RC_GTEST_PROP(WirePropertyTest, SurvivesAnyBytes,
              (const std::string& bytes, const std::vector<std::uint8_t>& cuts)) {
  (void)DecodePutChunkRequest(Split(bytes, cuts));    // must only not crash
  (void)DecodeGetChunksResponse(Split(bytes, cuts));  // likewise
  (void)DecodeReadRangeResponse(Split(bytes, cuts));  // likewise
}

TEST(WireTest, SharesTheBytesOfTheValue) {
  const Bytes large(100'000, 'v');
  PutChunkRequest request = SampleRequest();
  request.value = Rope(large);
  const char* const at = request.value.pieces()[0].view().data();
  const Rope encoded = Encode(request);
  EXPECT_EQ(encoded.pieces().back().view().data(), at);
  const auto decoded = DecodePutChunkRequest(encoded);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->value.pieces()[0].view().data(), at);
}

TEST(WireTest, RefusesEveryTruncationThatCutsAField) {
  const Bytes encoded = Encode(SampleRequest()).Flatten();
  std::size_t whole = 0;  // cuts between fields are whole messages of fewer fields
  for (std::size_t size = 0; size < encoded.size(); ++size) {
    if (CodeOf(encoded.substr(0, size)) == StatusCode::kOk) ++whole;
  }
  EXPECT_EQ(whole, 5u);  // before each of bucket, key, crc, route, value
}

TEST(WireTest, TakesTheLastOfARepeatedFieldAndMergesNestedOnes) {
  Bytes message = Encode(PutChunkRequest{.bucket = "first", .state_version = 4}).Flatten();
  message += Encode(PutChunkRequest{.bucket = "second", .partition = 5}).Flatten();
  const auto decoded = DecodePutChunkRequest(Rope(message));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->bucket, "second");
  EXPECT_EQ(decoded->state_version, 4u);
  EXPECT_EQ(decoded->partition, 5u);
}

TEST(WireTest, PassesOverUnknownFieldsOfEveryKind) {
  Bytes message;
  PutVarint(&message, 100 << 3 | 0);
  PutVarint(&message, ~std::uint64_t{0});
  PutVarint(&message, 101 << 3 | 1);
  PutFixed<std::uint64_t>(&message, 1);
  PutVarint(&message, 102 << 3 | 2);
  PutString(&message, std::string(10'000, 'x'));
  PutVarint(&message, 103 << 3 | 5);
  PutFixed<std::uint32_t>(&message, 1);
  PutVarint(&message, 1 << 3 | 0);  // bucket, but as a number
  PutVarint(&message, 5);
  message += Encode(SampleRequest()).Flatten();
  const auto decoded = DecodePutChunkRequest(OneByteEach(message));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  ExpectEqual(*decoded, SampleRequest());
}

TEST(WireTest, RefusesGroupsAndReservedWireTypes) {
  for (const char kind : {3, 4, 6, 7}) {
    EXPECT_EQ(CodeOf(Bytes(1, static_cast<char>(20 << 3 | kind))), StatusCode::kInvalidArgument);
    EXPECT_EQ(CodeOf(Bytes(1, static_cast<char>(1 << 3 | kind))), StatusCode::kInvalidArgument);
  }
}

TEST(WireTest, RefusesTheFieldNumberZeroAndOneTooLarge) {
  EXPECT_EQ(CodeOf(Bytes(2, '\0')), StatusCode::kInvalidArgument);
  Bytes message;
  PutVarint(&message, std::uint64_t{1} << 40);
  PutVarint(&message, 0);
  EXPECT_EQ(CodeOf(message), StatusCode::kInvalidArgument);
}

TEST(WireTest, AcceptsANumberOfTenBytesAndRefusesElevenOrNoEnd) {
  const Bytes tag(1, 9 << 3);
  EXPECT_EQ(CodeOf(tag + Bytes(9, '\xff') + '\x01'), StatusCode::kOk);
  EXPECT_EQ(CodeOf(tag + Bytes(10, '\xff') + '\x01'), StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(tag + Bytes(3, '\xff')), StatusCode::kInvalidArgument);
}

TEST(WireTest, RefusesTextAboveItsLimitAndNamesTheField) {
  PutChunkRequest request = SampleRequest();
  request.bucket = std::string(kMaxTextBytes, 'b');
  EXPECT_TRUE(DecodePutChunkRequest(Encode(request)).ok());
  request.bucket += 'b';
  const auto decoded = DecodePutChunkRequest(Encode(request));
  EXPECT_EQ(decoded.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(ToString(decoded.status()), HasSubstr("bucket of 4097 bytes"));
}

TEST(WireTest, RefusesAMessageAboveItsLimit) {
  PutChunkRequest request;
  const SharedBytes piece(Bytes(1 << 20, 'v'));
  for (int i = 0; i < 9; ++i) request.value.Append(piece);
  EXPECT_EQ(DecodePutChunkRequest(Encode(request)).status().code(), StatusCode::kInvalidArgument);
}

TEST(WireTest, CutsAnErrorsTextThatIsTooLong) {
  const GetChunksResponse response{.key = "k", .code = 5, .message = std::string(10'000, 'm')};
  const auto decoded = DecodeGetChunksResponse(Encode(response));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->message.size(), kMaxTextBytes);
}

TEST(WireTest, RefusesAnItemWithAMalformedKey) {
  Bytes info;
  PutVarint(&info, 1 << 3 | 2);
  PutString(&info, "not a key");
  Bytes message;
  PutVarint(&message, 1 << 3 | 2);
  PutString(&message, info);
  EXPECT_EQ(DecodeReadRangeResponse(Rope(message)).status().code(), StatusCode::kInvalidArgument);
}

TEST(WireTest, TakesAnItemWithAnEmptyChunkForTheEndOfASecond) {
  Bytes message;
  PutVarint(&message, 1 << 3 | 2);
  PutString(&message, "");
  const auto decoded = DecodeReadRangeResponse(Rope(message));
  ASSERT_TRUE(decoded.ok());
  EXPECT_FALSE(decoded->chunk.has_value());
}

}  // namespace
}  // namespace carillon::wire
