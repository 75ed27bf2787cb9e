#include "collector/pipeline/spool_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/coding.h"
#include "collector/pipeline/request_check.h"

namespace carillon {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PreparedEvent Prepared(std::string_view type, std::int64_t time_us, std::string_view json) {
  return {.bucket = "events", .type = type, .subtype = "app", .time_us = time_us, .json = json};
}

bool Same(const PreparedEvent& a, const PreparedEvent& b) {
  return a.bucket == b.bucket && a.type == b.type && a.subtype == b.subtype &&
         a.time_us == b.time_us && a.id == b.id && a.json == b.json;
}

TEST(SpoolFormatTest, RequestsComeBackAsTheyWere) {
  IntakeRequest request{.tenant = "acme", .received_us = 1'700'000'000'123'456};
  request.events = {Prepared("WEB", 1'700'000'000'000'000, "{\"n\":1}"),
                    Prepared("EMK", 0, "{\"n\":2}"),
                    Prepared("WEB", std::numeric_limits<std::int64_t>::max(), "{\"n\":3}"),
                    Prepared("WEB", std::numeric_limits<std::int64_t>::min(), "{}")};
  request.events[1].id = "an-id";
  request.events[2].subtype = "";
  const Bytes bytes = EncodeRequest(request);
  IntakeRequest decoded;
  ASSERT_TRUE(DecodeRequest(bytes, &decoded).ok());
  EXPECT_EQ(decoded.tenant, "acme");
  EXPECT_EQ(decoded.received_us, request.received_us);
  ASSERT_EQ(decoded.events.size(), request.events.size());
  for (std::size_t i = 0; i < decoded.events.size(); ++i) {
    EXPECT_TRUE(Same(decoded.events[i], request.events[i])) << i;
  }
}

TEST(SpoolFormatTest, APlaceIsWrittenOnceForManyEvents) {
  IntakeRequest request{.tenant = "acme"};
  request.events.assign(100, Prepared("A-RATHER-LONG-TYPE", 0, "{}"));
  EXPECT_LT(EncodeRequest(request).size(), 100u * 8);
}

TEST(SpoolFormatTest, ManyPlacesInOneRequestComeBack) {
  std::vector<std::string> types;
  for (int i = 0; i < 40; ++i) types.push_back(fmt::format("T{}", i));
  IntakeRequest request{.tenant = "acme"};
  for (int i = 0; i < 200; ++i) request.events.push_back(Prepared(types[i * 7 % 40], i, "{}"));
  const Bytes bytes = EncodeRequest(request);
  IntakeRequest decoded;
  ASSERT_TRUE(DecodeRequest(bytes, &decoded).ok());
  for (int i = 0; i < 200; ++i) EXPECT_EQ(decoded.events[i].type, types[i * 7 % 40]);
}

TEST(SpoolFormatTest, RefusesEveryCutRequest) {
  IntakeRequest request{.tenant = "acme"};
  request.events = {Prepared("WEB", 1, "{\"n\":1}"), Prepared("WEB", 2, "{\"n\":2}")};
  const Bytes bytes = EncodeRequest(request);
  IntakeRequest decoded;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeRequest(ByteSpan(bytes).substr(0, size), &decoded).code(),
              StatusCode::kDataLoss)
        << size;
  }
  EXPECT_EQ(DecodeRequest(bytes + "x", &decoded).code(), StatusCode::kDataLoss);
}

IntakeRequest Claiming() {
  IntakeRequest request{.tenant = "acme", .received_us = 7, .deduplicate_seconds = 129'600};
  request.events = {Prepared("WEB", 1, "{\"n\":1}"), Prepared("WEB", 2, "{\"n\":2}")};
  request.events[1].id = "an-id";
  return request;
}

TEST(SpoolFormatTest, ARequestThatClaimsIdsComesBackWithItsOwner) {
  const IntakeRequest request = Claiming();
  Bytes bytes = EncodeRequest(request);
  EXPECT_EQ(RequestOwner(bytes), ClaimOwner());
  const ClaimOwner owner(Uuid{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}});
  SetRequestOwner(&bytes, owner);
  EXPECT_EQ(RequestOwner(bytes), owner);
  IntakeRequest decoded;
  ASSERT_TRUE(DecodeRequest(bytes, &decoded).ok());
  EXPECT_EQ(decoded.deduplicate_seconds, 129'600u);
  EXPECT_EQ(decoded.tenant, "acme");
  ASSERT_THAT(decoded.events, SizeIs(2));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_TRUE(Same(decoded.events[i], request.events[i])) << i;
}

TEST(SpoolFormatTest, ARequestThatClaimsNothingIsWrittenAsBefore) {
  IntakeRequest without_lifetime = Claiming();
  without_lifetime.deduplicate_seconds = 0;
  EXPECT_EQ(EncodeRequest(without_lifetime)[0], kSpoolFormatVersion);
  IntakeRequest without_id = Claiming();
  without_id.events[1].id = "";
  EXPECT_EQ(EncodeRequest(without_id)[0], kSpoolFormatVersion);
  IntakeRequest decoded = Claiming();
  ASSERT_TRUE(DecodeRequest(EncodeRequest(without_lifetime), &decoded).ok());
  EXPECT_EQ(decoded.deduplicate_seconds, 0u);
}

TEST(SpoolFormatTest, RefusesEveryCutRequestThatClaimsIds) {
  const Bytes bytes = EncodeRequest(Claiming());
  IntakeRequest decoded;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeRequest(ByteSpan(bytes).substr(0, size), &decoded).code(),
              StatusCode::kDataLoss)
        << size;
  }
}

TEST(SpoolFormatTest, DroppedEventsComeBack) {
  const std::vector<CoveredEvent> dropped = {{3, 1}, {3, 2}, {9, 0}};
  const auto decoded = DecodeDropped(EncodeDropped(dropped));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, dropped);
  Bytes newer = EncodeDropped(dropped);
  newer[0] = static_cast<char>(kSpoolFormatVersion + 1);
  EXPECT_EQ(DecodeDropped(newer).status().code(), StatusCode::kUnimplemented);
  EXPECT_EQ(DecodeDropped("").status().code(), StatusCode::kDataLoss);
}

TEST(SpoolFormatTest, RefusesANewerVersion) {
  IntakeRequest request{.tenant = "acme", .events = {Prepared("WEB", 1, "{}")}};
  Bytes bytes = EncodeRequest(request);
  bytes[0] = static_cast<char>(kClaimingRequestVersion + 1);
  EXPECT_EQ(DecodeRequest(bytes, &request).code(), StatusCode::kUnimplemented);
}

TEST(SpoolFormatTest, CoveredEventsComeBack) {
  const std::vector<std::vector<CoveredEvent>> sets = {
      {},
      {{7, 0}},
      {{7, 3}},
      {{7, 0}, {8, 0}, {9, 0}},
      {{1, 0}, {1, 1}, {1, 2}, {1, 7}, {1, 9}, {300, 99'999}, {1u << 20, 0}},
      {{std::uint64_t{1} << 62, 0}, {(std::uint64_t{1} << 62) + 1, 5}},
  };
  for (const auto& covered : sets) {
    const auto decoded = DecodeCovered(EncodeCovered(covered));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, covered);
  }
}

TEST(SpoolFormatTest, ARequestOfOneEventIsCoveredInAByte) {
  std::vector<CoveredEvent> covered;
  for (std::uint64_t i = 0; i < 1000; ++i) covered.push_back({1000 + i, 0});
  EXPECT_LE(EncodeCovered(covered).size(), 1001u);
}

TEST(SpoolFormatTest, RefusesCoveredEventsWithoutEnd) {
  Bytes bytes;
  bytes.push_back(2);  // the request after 0, runs follow
  bytes.push_back(1);
  bytes.push_back(0);
  bytes += "\xff\xff\xff\xff\x7f";  // 2^35 - 1 places
  EXPECT_EQ(DecodeCovered(bytes).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeCovered("\xff").status().code(), StatusCode::kDataLoss);
}

// Found by spool_fuzz: whoever reads them goes through them in order.
TEST(SpoolFormatTest, RefusesCoveredEventsThatDoNotAscend) {
  const auto is_refused = [](std::initializer_list<std::uint64_t> numbers) {
    Bytes bytes;
    for (const std::uint64_t number : numbers) PutVarint(&bytes, number);
    return DecodeCovered(bytes).status().code() == StatusCode::kDataLoss;
  };
  EXPECT_TRUE(is_refused({3, 1}));                              // request 1, and 1 again
  EXPECT_TRUE(is_refused({4, 1, 7, 1, 0, 1, 0, 1}));            // runs of 2, then of 2 again
  EXPECT_TRUE(is_refused({2, 2, 5, 1, ~std::uint64_t{0}, 1}));  // a place before the last one
  EXPECT_TRUE(is_refused({~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}}));  // around
  EXPECT_FALSE(is_refused({2, 2, 5, 1, 0, 1}));
}

TEST(SpoolFormatTest, RefusesARequestOfMoreEventsThanThereCanBe) {
  Bytes bytes(1, static_cast<char>(kSpoolFormatVersion));
  PutString(&bytes, "acme");
  PutFixed(&bytes, std::uint64_t{1});
  PutVarint(&bytes, kMaxRequestEvents + 1);
  bytes.resize(bytes.size() + 2 * kMaxRequestEvents);
  IntakeRequest request;
  EXPECT_EQ(DecodeRequest(bytes, &request).code(), StatusCode::kDataLoss);
  EXPECT_EQ(request.events.capacity(), 0u);
}

OutboxChunk SomeChunk() {
  return {.tenant = "acme",
          .bucket = "events",
          .info = {.key = {.epoch = Epoch(1'700'000'000),
                           .dc = "1",
                           .cell = "cell0",
                           .type = "WEB",
                           .subtype = "",
                           .number = 77},
                   .events = 3,
                   .raw_bytes = 100,
                   .value_bytes = 5,
                   .value_crc = 0x12345678},
          .created = 1'700'000'002,
          .replaces = 4};
}

TEST(SpoolFormatTest, ChunksComeBackAsTheyWere) {
  const Bytes covered = EncodeCovered({{1, 0}, {1, 1}, {2, 0}});
  const Bytes bytes = EncodeOutboxHead(SomeChunk(), covered) + "value";
  const auto record = DecodeOutboxRecord(bytes);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->chunk, SomeChunk());
  EXPECT_EQ(record->covered, covered);
  EXPECT_EQ(record->value, "value");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeOutboxRecord(ByteSpan(bytes).substr(0, size)).ok()) << size;
  }
}

std::string Hex(ByteSpan bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

// docs/FORMATS.md, "Spool": what is in somebody's spool must be read by the next version.
TEST(SpoolFormatTest, WritesTheBytesItAlwaysWrote) {
  IntakeRequest request{.tenant = "a", .received_us = 1};
  request.events = {Prepared("W", 3, "{}"), Prepared("W", 0, "{}")};
  request.events[1].id = "i";
  EXPECT_EQ(Hex(EncodeRequest(request)),
            "01"
            "0161"
            "0100000000000000"
            "02"
            "00"
            "066576656e7473"
            "0157"
            "03617070"
            "04"
            "00"
            "027b7d"
            "01"
            "01"
            "0169"
            "027b7d");
  EXPECT_EQ(Hex(EncodeCovered({{1, 0}, {2, 0}, {2, 4}, {2, 5}})),
            "03"
            "02020001"
            "0302");
  OutboxChunk chunk = SomeChunk();
  chunk.created = 5;
  EXPECT_EQ(Hex(EncodeOutboxHead(chunk, "x")),
            "01"
            "05"
            "04"
            "0461636d65"
            "066576656e7473"
            "1f"
            "313730303030303030303a313a63656c6c303a5745423a3a6368756e6b3737"
            "03"
            "64"
            "78563412"
            "0178"
            "05");
  EXPECT_EQ(Hex(EncodeDone({1, 300})),
            "01"
            "02"
            "01"
            "ac02");
  EXPECT_EQ(Hex(EncodeDeadLetterHead("no")),
            "01"
            "026e6f");
}

TEST(SpoolFormatTest, MarksAndDeadLettersComeBack) {
  EXPECT_THAT(*DecodeDone(EncodeDone({3, 1, std::uint64_t{1} << 50})),
              ElementsAre(3, 1, std::uint64_t{1} << 50));
  EXPECT_THAT(*DecodeDone(EncodeDone({})), IsEmpty());
  EXPECT_FALSE(DecodeDone(EncodeDone({1}) + "x").ok());
  const Bytes letter = EncodeDeadLetterHead("NOT_FOUND: no bucket") + "record";
  EXPECT_EQ(DecodeDeadLetter(letter)->reason, "NOT_FOUND: no bucket");
  EXPECT_EQ(DecodeDeadLetter(letter)->record, "record");
}

}  // namespace
}  // namespace carillon
