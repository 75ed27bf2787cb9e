#pragma once

#include <grpcpp/support/status.h>

#include "base/status.h"

namespace carillon {

// Codes are the same numbers; the message goes along.
inline grpc::Status ToGrpc(const Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return {static_cast<grpc::StatusCode>(status.code()), std::string(Message(status))};
}

}  // namespace carillon
