#pragma once

#include <string_view>

#include "base/status.h"

namespace carillon {

// The HTTP status that tells a client the same as `code` does.
int HttpStatusOf(StatusCode code);

// "Not Found" for 404.
std::string_view ReasonOf(int http_status);

}  // namespace carillon
