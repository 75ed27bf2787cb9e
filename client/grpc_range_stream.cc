#include "client/grpc_range_stream.h"

#include <utility>

#include "client/conversion.h"
#include "client/messages.h"

namespace carillon {

GrpcRangeStream::GrpcRangeStream(RingView* view, const ClientOptions& options, RangeQuery query)
    : cursor_(std::move(query)),
      stream_(view, options, "/carillon.v1.EventsService/ReadRange",
              [this] { return Serialize(ToMessage(cursor_.Remaining())); }) {}

StatusOr<std::optional<RangeItem>> GrpcRangeStream::Next() {
  if (!failure_.ok()) return failure_;
  auto item = NextItem();
  failure_ = item.status();
  return item;
}

StatusOr<std::optional<RangeItem>> GrpcRangeStream::NextItem() {
  while (!ended_) {
    ASSIGN_OR_RETURN(const std::optional<Rope> message, stream_.Next());
    if (!message) {
      ended_ = true;
      break;
    }
    ASSIGN_OR_RETURN(wire::ReadRangeResponse response, wire::DecodeReadRangeResponse(*message));
    ASSIGN_OR_RETURN(std::optional<RangeItem> item, cursor_.Accept(std::move(response)));
    if (item) return item;
  }
  return std::nullopt;
}

}  // namespace carillon
