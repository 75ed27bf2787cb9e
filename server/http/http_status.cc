#include "server/http/http_status.h"

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
  switch (http_status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Error";
  }
}

}  // namespace carillon
