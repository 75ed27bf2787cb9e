#pragma once

#include "base/bucket.h"
#include "base/chunk_info.h"
#include "carillon/v1/cluster.pb.h"
#include "carillon/v1/events.pb.h"
#include "proto/wire.h"
#include "server/node/effects.h"
#include "server/node/input.h"

// Between messages of carillon/v1 and the node's plain data. From: INVALID_ARGUMENT names the
// field.
namespace carillon {

Route FromProto(const v1::Route& route);
ChunkFilter FromProto(const v1::Filter& filter);
StatusOr<ChunkInfo> FromProto(const v1::ChunkInfo& info);
StatusOr<Commit> FromProto(const v1::CommitSecondRequest& request);
StatusOr<ClaimOrder> FromProto(const v1::ClaimRequest& request);
StatusOr<BucketChange> FromProto(const v1::BucketProperties& properties);

void ToProto(const ChunkInfo& info, v1::ChunkInfo* message);
void ToProto(const SecondsAnswer& answer, v1::ListSecondsResponse* message);
void ToProto(const ClaimsAnswer& answer, v1::ClaimResponse* message);
void ToProto(const std::string& name, const BucketProperties& properties, v1::Bucket* message);
void ToProto(const WriteCost& cost, v1::Cost* message);
void ToProto(const WriteAnswer& answer, StateVersion version, v1::PutChunkResponse* message);
void ToProto(const WriteAnswer& answer, StateVersion version, v1::CommitSecondResponse* message);

// Reckons the CRC of the value: the one pass over it.
PutChunkInput InputOf(RequestId id, wire::PutChunkRequest request);

}  // namespace carillon
