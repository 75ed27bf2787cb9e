#include "tools/carillon/bench/load_process.h"

#include <array>

#include "tools/carillon/bench/child_node.h"

namespace carillon {

StatusOr<std::unique_ptr<LoadProcess>> LoadProcess::Start(const LoadOrder& order) {
  const std::string text = EncodeLoadOrder(order);
  if (text.find('\'') != std::string::npos) return InvalidArgument("no endpoint: {}", text);
  const std::string command =
      fmt::format("exec '{}/carillon' bench --load '{}'", ProgramDirectory(), text);
  std::FILE* output = ::popen(command.c_str(), "re");
  if (output == nullptr) return Unavailable("no process for the load");
  return std::unique_ptr<LoadProcess>(new LoadProcess(output));
}

LoadProcess::~LoadProcess() {
  (void)::pclose(output_);
}

StatusOr<LoadResult> LoadProcess::Await() {
  std::string text;
  std::array<char, 4096> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), output_)) {
    text.append(buffer.data(), got);
  }
  if (text.empty()) return Unavailable("a process of the load ended without a result");
  return DecodeLoadResult(text);
}

}  // namespace carillon
