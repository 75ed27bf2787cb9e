#pragma once

#include <optional>

#include "client/channel_pool.h"
#include "client/client.h"
#include "client/range_cursor.h"
#include "client/retrying_stream.h"

namespace carillon {

// A range read over gRPC: a stream that is made again when it breaks, and the cursor that says
// from where.
class GrpcRangeStream final : public RangeStream {
 public:
  GrpcRangeStream(ChannelPool* pool, const ClientOptions& options, RangeQuery query);

  StatusOr<std::optional<RangeItem>> Next() override;

 private:
  StatusOr<std::optional<RangeItem>> NextItem();

  RangeCursor cursor_;
  RetryingStream stream_;
  bool ended_ = false;
  Status failure_;
};

}  // namespace carillon
