#pragma once

#include <string>
#include <vector>

#include "base/checksum.h"
#include "ring/register_messages.h"
#include "server/node/peer_codec.h"

// One of each of what nodes say to each other, and some at the edges.
namespace carillon {

inline Uuid SampleUuid(std::uint8_t last) {
  Uuid uuid;
  uuid.bytes[0] = 0x6f;
  uuid.bytes[15] = last;
  return uuid;
}

inline PeerSender SampleSender() {
  return {.cluster = SampleUuid(1),
          .node = NodeId(SampleUuid(2)),
          .generation = 3,
          .version = StateVersion(44),
          .boot = {.counter = 5, .id = 55}};
}

inline ChunkKey SampleKey(std::uint64_t number) {
  return {.epoch = Epoch(1'428'415'043),
          .dc = "1",
          .cell = "cell0",
          .type = "WEB",
          .subtype = number % 2 == 0 ? "app" : "",
          .number = number};
}

inline Rope InPieces(const Bytes& bytes, std::size_t piece) {
  Rope rope;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    rope.Append(SharedBytes(bytes.substr(at, piece)));
  }
  return rope;
}

inline ReplicaPut SamplePut(const Bytes& value) {
  return {.place = {.partition = PartitionId(63), .ring_position = 0xbeef},
          .bucket = "events",
          .key = SampleKey(4),
          .value = InPieces(value, 7),
          .value_crc = Crc32c(value),
          .ttl_seconds = 8 * 86400,
          .sync = SyncMode::kInterval};
}

inline SharedState SampleState() {
  return Share(
      FirstState(SampleUuid(1), {.node = NodeId(SampleUuid(2)), .name = "n1"}, kMinPartitionBits));
}

inline ChunkInfo SampleInfo(std::uint64_t number) {
  return {.key = SampleKey(number),
          .events = 3,
          .raw_bytes = 1000,
          .value_bytes = 20,
          .value_crc = 0x9c1087b4};
}

inline ReplicaClaims SampleClaims() {
  return {.bucket = "claims",
          .mode = ClaimMode::kCopy,
          .sync = SyncMode::kInterval,
          .sets = {{.owner = ClaimOwner(SampleUuid(4)),
                    .claimed_at = 1'428'415'043,
                    .expire_at = 1'428'418'643,
                    .decided = true,
                    .claims = {{.id = ClaimId(SampleUuid(5)), .ring_position = 0xbeef},
                               {.id = ClaimId(SampleUuid(6)), .ring_position = 0}}},
                   {.owner = ClaimOwner(SampleUuid(7)),
                    .claimed_at = 1,
                    .expire_at = 0,
                    .decided = false,
                    .claims = {{.id = ClaimId(), .ring_position = 0xffff}}}}};
}

inline std::vector<PeerMessage> SampleRequests() {
  const std::vector<ChunkPlace> places = {{.partition = PartitionId(1), .key = SampleKey(1)},
                                          {.partition = PartitionId(7), .key = SampleKey(2)}};
  const Commit commit{.bucket = "events",
                      .epoch = SampleKey(1).epoch,
                      .dc = "1",
                      .chunks = {SampleInfo(1), SampleInfo(2)},
                      .seal = Seal{.writer = 5, .epoch = Epoch(1'428'415'043)}};
  const Member member{.node = NodeId(SampleUuid(3)),
                      .name = "n3",
                      .address = "10.0.0.3:7480",
                      .rack = "b",
                      .weight = 50,
                      .role = MemberRole::kJoining};
  return {
      SamplePut("the value of a chunk"),
      SamplePut(""),
      ReplicaCommit{.place = {.partition = PartitionId(2), .ring_position = 1},
                    .commit = commit,
                    .ttl_seconds = 0,
                    .sync = SyncMode::kOs},
      ReplicaStat{.bucket = "events", .chunks = places},
      ReplicaStat{.bucket = "events", .chunks = {}},
      ReplicaRead{.bucket = "events", .chunks = places},
      ReplicaScan{.bucket = "events",
                  .partitions = {PartitionId(0), PartitionId(9)},
                  .range = {.first = Epoch(0), .limit = Epoch(kMaxEpoch)},
                  .dc = "",
                  .max_chunks = 10'000},
      SyncDigests{.partition = PartitionId(4095)},
      SyncEntries{.partition = PartitionId(5),
                  .bucket = "rollups",
                  .hour = 396'781,
                  .after = Bytes("\0\1cursor", 8)},
      SyncFetch{.partition = PartitionId(5),
                .bucket = "events",
                .keys = {SampleKey(1), SampleKey(kMaxChunkNumber)}},
      SyncOffer{.partition = PartitionId(6)},
      JoinCluster{.member = member},
      EchoRequest{.payload = "echo"},
      RegisterMessage(FetchStateRequest{.header = HeaderAfter(SampleState())}),
      RegisterMessage(StateNotice{.header = HeaderAfter(SampleState()), .state = SampleState()}),
      SampleClaims(),
      SyncClaims{.partition = PartitionId(5),
                 .bucket = "claims",
                 .slot = ClaimSlotOf(1'428'415'043),
                 .after = Bytes("\0\1cursor", 8)},
      MeasureStore{}};
}

inline ReadReply SampleValues() {
  return {.values = {{.status = {}, .value = SharedBytes("first"), .value_crc = Crc32c("first")},
                     {.status = NotFound("no such chunk"), .value = {}, .value_crc = 0},
                     {.status = {}, .value = {}, .value_crc = 0},
                     {.status = {}, .value = SharedBytes("2nd"), .value_crc = Crc32c("2nd")}}};
}

inline std::vector<PeerReply> SampleReplies() {
  const DigestLine line{
      .bucket = "events", .hour = 396'781, .count = 9, .sum = {.low = 1, .high = 2}};
  DigestLine later = line;
  ++later.hour;
  DigestLine other = line;
  other.bucket = "rollups";
  const std::vector<PeerValue> values = {
      {},
      WriteReply{.already_stored = true},
      StatReply{.found = {ChunkFound{.value_bytes = 5, .value_crc = 6}, std::nullopt}},
      SampleValues(),
      ReadReply{},
      ScanReply{.seconds = {{.epoch = SampleKey(1).epoch,
                             .dc = "1",
                             .chunks = {SampleInfo(1), SampleInfo(2)},
                             .complete = true},
                            {.epoch = Epoch(7), .dc = "eu-1", .chunks = {}, .complete = false}},
                .next_from = Epoch(1'428'415'044),
                .seals = {{.dc = "1",
                           .seal = {.writer = 5, .epoch = Epoch(1'428'415'000)},
                           .heard_at = 1'428'415'009}}},
      ScanReply{},
      DigestsReply{.lines = {line, later, other}},
      EntriesReply{.entries = {{.manifest = true, .info = SampleInfo(1), .expire_at = 9},
                               {.manifest = false, .info = SampleInfo(2), .expire_at = 0}},
                   .next = Bytes("\0\2", 2)},
      OfferReply{.done = true, .total = {.count = 12, .sum = {.low = 3, .high = 4}}},
      StateReply{.state = SampleState()},
      EchoReply{.payload = "echo"},
      ClaimsReply{.others = {{.place = 0, .owner = ClaimOwner(), .claimed_at = 0, .expire_at = 0},
                             {.place = 9'999,
                              .owner = ClaimOwner(SampleUuid(4)),
                              .claimed_at = 1'428'415'043,
                              .expire_at = 1'428'418'643}}},
      ClaimEntriesReply{.claims = {{.id = ClaimId(SampleUuid(5)),
                                    .owner = ClaimOwner(SampleUuid(4)),
                                    .claimed_at = 1'428'415'043,
                                    .expire_at = 0,
                                    .decided = true}},
                        .next = Bytes("\0\2", 2)},
      SizesReply{.partitions = {{.partition = PartitionId(0), .chunks = 3, .bytes = 1'500},
                                {.partition = PartitionId(4095), .chunks = 1, .bytes = 0}},
                 .free_bytes = std::uint64_t{1} << 40}};
  std::vector<PeerReply> replies;
  for (const PeerValue& value : values) {
    replies.push_back({.status = {}, .version = StateVersion(44), .newer = {}, .value = value});
  }
  replies.push_back({.status = FailedPrecondition("the ring has changed"),
                     .stale_sender = true,
                     .copied_sender = true,
                     .version = StateVersion(45),
                     .newer = SampleState(),
                     .value = {}});
  return replies;
}

}  // namespace carillon
