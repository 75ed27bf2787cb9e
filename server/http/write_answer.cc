#include "server/http/write_answer.h"

#include "server/http/problem_json.h"

namespace carillon {

HttpResponse WriteResponse(const Answer& answer) {
  if (!answer.status.ok()) return Problem(answer.status);
  const auto& written = std::get<WriteAnswer>(answer.value);
  HttpResponse response =
      TextResponse(kJsonType, fmt::format(R"({{"already_stored":{},"replicas_written":{},)"
                                          R"("bytes_between_nodes":{}}})"
                                          "\n",
                                          written.already_stored, written.cost.replicas_written,
                                          written.cost.bytes_between_nodes));
  response.status = written.already_stored ? 200 : 201;
  return response;
}

}  // namespace carillon
