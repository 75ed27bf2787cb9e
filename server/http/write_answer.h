#pragma once

#include "server/http/http_message.h"
#include "server/node/effects.h"

namespace carillon {

// The response to a write: 201 with what it cost, 200 when it was stored already, or the problem.
HttpResponse WriteResponse(const Answer& answer);

}  // namespace carillon
