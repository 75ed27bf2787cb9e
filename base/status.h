#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

// Errors are values. Codes are gRPC's codes; pick one by what the caller should do:
// INVALID_ARGUMENT never retry, UNAVAILABLE retry, RESOURCE_EXHAUSTED slow down,
// DATA_LOSS take another copy and repair this one, FAILED_PRECONDITION change the state first.
//
// Debian's Abseil has a string_view of its own: this header is the only place that knows.
namespace carillon {

using Status = absl::Status;
using StatusCode = absl::StatusCode;
template <typename T>
using StatusOr = absl::StatusOr<T>;

inline Status OkStatus() {
  return absl::OkStatus();
}

inline Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, absl::string_view(message.data(), message.size()));
}

// The message without the code; valid as long as `status`.
inline std::string_view Message(const Status& status) {
  return {status.message().data(), status.message().size()};
}

// "NOT_FOUND: no such bucket", for people.
std::string ToString(const Status& status);

// "NOT_FOUND", "OK": gRPC's spelling.
std::string_view CodeName(StatusCode code);

// The same code with "`context`: " before the message. OK stays OK.
Status Annotate(const Status& status, std::string_view context);

#define CARILLON_STATUS_MAKER(Name, code)                                      \
  template <typename... Args>                                                  \
  Status Name(fmt::format_string<Args...> format, Args&&... args) {            \
    return MakeStatus(code, fmt::format(format, std::forward<Args>(args)...)); \
  }
CARILLON_STATUS_MAKER(Aborted, StatusCode::kAborted)
CARILLON_STATUS_MAKER(AlreadyExists, StatusCode::kAlreadyExists)
CARILLON_STATUS_MAKER(Cancelled, StatusCode::kCancelled)
CARILLON_STATUS_MAKER(DataLoss, StatusCode::kDataLoss)
CARILLON_STATUS_MAKER(DeadlineExceeded, StatusCode::kDeadlineExceeded)
CARILLON_STATUS_MAKER(FailedPrecondition, StatusCode::kFailedPrecondition)
CARILLON_STATUS_MAKER(Internal, StatusCode::kInternal)
CARILLON_STATUS_MAKER(InvalidArgument, StatusCode::kInvalidArgument)
CARILLON_STATUS_MAKER(NotFound, StatusCode::kNotFound)
CARILLON_STATUS_MAKER(OutOfRange, StatusCode::kOutOfRange)
CARILLON_STATUS_MAKER(ResourceExhausted, StatusCode::kResourceExhausted)
CARILLON_STATUS_MAKER(Unavailable, StatusCode::kUnavailable)
CARILLON_STATUS_MAKER(Unimplemented, StatusCode::kUnimplemented)
#undef CARILLON_STATUS_MAKER

}  // namespace carillon

#define CARILLON_CONCAT_INNER(a, b) a##b
#define CARILLON_CONCAT(a, b) CARILLON_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define RETURN_IF_ERROR(expression)                                               \
  do {                                                                            \
    if (::carillon::Status status_ = (expression); !status_.ok()) return status_; \
  } while (false)

// `ASSIGN_OR_RETURN(const Key key, ParseKey(text));`
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(CARILLON_CONCAT(status_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) return std::move(result).status();          \
  declaration = std::move(result).value()
