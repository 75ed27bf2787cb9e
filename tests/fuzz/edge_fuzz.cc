// Whatever is sent to the collector's HTTP port, in any pieces: the same requests are read however
// the bytes are cut, within the limits, and their bodies are unpacked within theirs. Input: a byte
// for the length of the pieces, then what is sent.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "collector/edge/body_unpacker.h"
#include "collector/edge/exchange.h"
#include "collector/edge/request_reader.h"

namespace carillon {
namespace {

// Small, so that inputs of the usual length reach them.
EdgeLimits Limits() {
  EdgeLimits limits;
  limits.max_header_bytes = 512;
  limits.max_headers = 8;
  limits.max_body_bytes = 1024;
  return limits;
}
constexpr UnpackLimits kUnpack{.max_bytes = kFreeUnpackedBytes + 4096, .max_ratio = 4};

void CheckBody(const Exchange& exchange, std::string* heard) {
  const auto coding = ParseContentCoding(exchange.Header("Content-Encoding"));
  if (!coding.ok()) return;
  static BodyUnpacker unpacker;  // keeps its contexts from request to request, as a thread's does
  std::string unpacked;
  const Status status = unpacker.Unpack(*coding, exchange.sent_body(), kUnpack, &unpacked);
  CHECK(unpacked.size() <= kUnpack.max_bytes);
  CHECK(status.ok() || status.code() == StatusCode::kInvalidArgument ||
        status.code() == StatusCode::kOutOfRange);
  if (!status.ok()) return;
  heard->append(unpacked).push_back('\n');
}

// Of one request that is whole.
void Hear(const EdgeLimits& limits, const Exchange& exchange, std::string* heard) {
  CHECK(!exchange.method.empty());
  CHECK(exchange.headers() <= limits.max_headers);
  CHECK(exchange.sent_body().size() <= limits.max_body_bytes);
  CHECK(exchange.Count("Content-Length") + exchange.Count("Transfer-Encoding") <= 1);
  CHECK(exchange.Count("Host") <= 1);
  heard->append(exchange.method).append(exchange.path).append("?").append(exchange.query);
  exchange.ForEachHeader([&](std::string_view name, std::string_view value) {
    CHECK(name.find_first_of("\r\n") == name.npos && value.find_first_of("\r\n") == value.npos);
    heard->append(name).append("=").append(value).push_back('\n');
  });
  heard->append(exchange.sent_body()).append(exchange.keep_alive ? "k\n" : "c\n");
  CheckBody(exchange, heard);
}

struct Heard {
  std::string text;
  bool refused = false;
};

// As a connection reads: what was not taken comes again with more behind it.
Heard Listen(std::string_view bytes, std::size_t piece) {
  const EdgeLimits limits = Limits();
  RequestReader reader(limits);
  Exchange exchange;
  std::string heard, waiting;
  bool begun = false;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view more = bytes.substr(at, piece);
    at += more.size();
    waiting += more;
    std::size_t used = 0;
    while (used < waiting.size()) {
      if (!begun) {
        exchange.Clear();
        reader.Begin(&exchange);
        begun = true;
      }
      std::size_t taken = 0;
      const auto progress = reader.Feed(std::string_view(waiting).substr(used), &taken);
      CHECK(taken <= waiting.size() - used);
      used += taken;
      CHECK(exchange.body_bytes() <= limits.max_body_bytes);
      if (progress == RequestReader::Progress::kBad) {
        CHECK(reader.refusal().status >= 400 && !reader.refusal().text.empty());
        return {heard, true};
      }
      if (progress == RequestReader::Progress::kMore) break;
      Hear(limits, exchange, &heard);
      begun = false;
    }
    waiting.erase(0, used);
    CHECK(waiting.size() <= limits.max_header_bytes + piece);
  }
  return {heard, false};
}

// The same requests. How soon one is refused, at a limit, depends on how the bytes come.
bool AreAlike(const Heard& one, const Heard& other) {
  const std::size_t common = std::min(one.text.size(), other.text.size());
  if (one.text.compare(0, common, other.text, 0, common) != 0) return false;
  return one.text.size() == other.text.size() || (one.text.size() == common ? one : other).refused;
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace carillon;  // NOLINT: this function must be global
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  CHECK(AreAlike(Listen(bytes, bytes.size()), Listen(bytes, 1 + data[0] % 64)));
  return 0;
}
