#include "collector/dialects/native_chunk.h"

#include "collector/dialects/answers.h"
#include "collector/dialects/native.h"

namespace carillon {
namespace {

constexpr std::string_view kPath = "/v1/chunks/";

class Chunk final : public Dialect {
 public:
  std::string_view name() const override { return "chunk"; }

  bool Matches(const EdgeRequest& request) const override {
    return request.method == "PUT" && request.path.starts_with(kPath);
  }

  std::string KeyOf(const EdgeRequest& request) const override {
    return NativeDialect().KeyOf(request);
  }

  Status Decode(const EdgeRequest& /*request*/, EventBatch* /*events*/) const override {
    return InvalidArgument("a chunk is kept as it is");
  }

  EdgeAnswer Answer(const EdgeRequest& /*request*/, const EdgeOutcome& outcome) const override {
    if (!outcome.status.ok()) return ErrorAnswer(outcome);
    return JsonAnswer(201, "{\"kept\":true}\n");
  }
};

}  // namespace

const Dialect& NativeChunk() {
  static const Chunk dialect;
  return dialect;
}

std::string_view ChunkKeyOf(const EdgeRequest& request) {
  return request.path.substr(kPath.size());
}

}  // namespace carillon
