#include "server/http/http_status.h"

#include <boost/beast/http/status.hpp>

namespace carillon {

int HttpStatusOf(StatusCode code) {
  switch (static_cast<int>(code)) {  // the library's enum asks for a default of its own
    case static_cast<int>(StatusCode::kOk):
      return 200;
    case static_cast<int>(StatusCode::kInvalidArgument):
    case static_cast<int>(StatusCode::kOutOfRange):
      return 400;
    case static_cast<int>(StatusCode::kUnauthenticated):
      return 401;
    case static_cast<int>(StatusCode::kPermissionDenied):
      return 403;
    case static_cast<int>(StatusCode::kNotFound):
      return 404;
    case static_cast<int>(StatusCode::kAlreadyExists):
    case static_cast<int>(StatusCode::kAborted):
    case static_cast<int>(StatusCode::kFailedPrecondition):
      return 409;
    case static_cast<int>(StatusCode::kResourceExhausted):
      return 429;
    case static_cast<int>(StatusCode::kUnimplemented):
      return 501;
    case static_cast<int>(StatusCode::kUnavailable):
      return 503;
    case static_cast<int>(StatusCode::kDeadlineExceeded):
      return 504;
    default:
      return 500;
  }
}

std::string_view ReasonOf(int http_status) {
  namespace http = boost::beast::http;
  return http::obsolete_reason(http::int_to_status(static_cast<unsigned>(http_status)));
}

}  // namespace carillon
