#include "tools/carillon/bench/load_order.h"

#include <sstream>

namespace carillon {

std::string EncodeLoadOrder(const LoadOrder& order) {
  const LoadSpec& spec = order.spec;
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
                     static_cast<int>(spec.workload), spec.bucket, spec.value_bytes, spec.chunks,
                     spec.range_seconds, spec.keys, spec.process, spec.run, spec.now.value(),
                     order.at_once, order.seconds, order.per_second, order.begin_unix_ms,
                     order.endpoint, order.journal.empty() ? "-" : order.journal);
}

StatusOr<LoadOrder> DecodeLoadOrder(const std::string& text) {
  LoadOrder order;
  LoadSpec& spec = order.spec;
  int workload = 0;
  std::uint64_t now = 0;
  std::istringstream in(text);
  in >> workload >> spec.bucket >> spec.value_bytes >> spec.chunks >> spec.range_seconds >>
      spec.keys >> spec.process >> spec.run >> now >> order.at_once >> order.seconds >>
      order.per_second >> order.begin_unix_ms >> order.endpoint >> order.journal;
  if (!in || workload < 0 || workload > static_cast<int>(Workload::kTail)) {
    return InvalidArgument("no order of a benchmark: '{}'", text);
  }
  if (order.journal == "-") order.journal.clear();
  spec.workload = static_cast<Workload>(workload);
  spec.now = Epoch(now);
  return order;
}

}  // namespace carillon
