#include "proto/byte_buffer.h"

#include <memory>
#include <utility>
#include <vector>

#include <grpcpp/support/slice.h>

namespace carillon {
namespace {

grpc::Slice ToSlice(const SharedBytes& piece) {
  const ByteSpan view = piece.view();
  if (view.size() < kMinSharedPieceBytes) return grpc::Slice(view.data(), view.size());
  auto owner = std::make_unique<SharedBytes>(piece);
  const auto release = [](void* held) { delete static_cast<SharedBytes*>(held); };
  // gRPC does not write to a slice it sends.
  return grpc::Slice(const_cast<char*>(view.data()), view.size(), release, owner.release());
}

}  // namespace

grpc::ByteBuffer ToByteBuffer(const Rope& rope) {
  std::vector<grpc::Slice> slices;
  slices.reserve(rope.pieces().size());
  for (const SharedBytes& piece : rope.pieces()) slices.push_back(ToSlice(piece));
  return grpc::ByteBuffer(slices.data(), slices.size());
}

StatusOr<Rope> ToRope(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return Internal("unreadable gRPC buffer");
  Rope rope;
  for (grpc::Slice& slice : slices) {
    // A short slice keeps its bytes inside itself: its owner must not move any more.
    auto owner = std::make_shared<const grpc::Slice>(std::move(slice));
    const ByteSpan view(reinterpret_cast<const char*>(owner->begin()), owner->size());
    rope.Append(SharedBytes(std::move(owner), view));
  }
  return rope;
}

}  // namespace carillon
