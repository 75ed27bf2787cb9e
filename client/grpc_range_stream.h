#pragma once

#include <optional>

#include "client/client.h"
#include "client/range_cursor.h"
#include "client/retrying_stream.h"

namespace carillon {

// A plain range read over gRPC, from any node: a stream that is made again when it breaks, and the
// cursor that says from where.
class GrpcRangeStream final : public RangeStream {
 public:
  GrpcRangeStream(RingView* view, const ClientOptions& options, RangeQuery query);

  StatusOr<std::optional<RangeItem>> Next() override;

 private:
  StatusOr<std::optional<RangeItem>> NextItem();

  RangeCursor cursor_;
  RetryingStream stream_;
  bool ended_ = false;
  Status failure_;
};

}  // namespace carillon
