#include "tools/carillon/bench/load_order.h"

#include <charconv>
#include <map>
#include <sstream>

namespace carillon {
namespace {

// The fields of an order, each with its name, for `visit(name, field)`.
template <typename Order, typename Visit>
void VisitFields(Order& order, Visit visit) {
  auto& spec = order.spec;
  visit("workload", spec.workload);
  visit("bucket", spec.bucket);
  visit("size", spec.value_bytes);
  visit("chunks", spec.chunks);
  visit("range_seconds", spec.range_seconds);
  visit("keys", spec.keys);
  visit("process", spec.process);
  visit("run", spec.run);
  visit("now", spec.now);
  visit("at_once", order.at_once);
  visit("seconds", order.seconds);
  visit("rate", order.per_second);
  visit("patience", order.patience_seconds);
  visit("begin_ms", order.begin_unix_ms);
  visit("endpoint", order.endpoint);
  visit("journal", order.journal);
}

std::string ToText(const std::string& text) {
  return text;
}
std::string ToText(Workload workload) {
  return std::to_string(static_cast<int>(workload));
}
std::string ToText(Epoch epoch) {
  return std::to_string(epoch.value());
}
template <typename Number>
std::string ToText(Number number) {
  return fmt::format("{}", number);
}

bool FromText(const std::string& text, std::string* to) {
  *to = text;
  return true;
}
template <typename Number>
bool FromText(const std::string& text, Number* to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *to);
  return error == std::errc() && end == text.data() + text.size();
}
bool FromText(const std::string& text, Epoch* to) {
  std::uint64_t value = 0;
  if (!FromText(text, &value)) return false;
  *to = Epoch(value);
  return true;
}
bool FromText(const std::string& text, Workload* to) {
  int value = 0;
  if (!FromText(text, &value) || value < 0 || value > static_cast<int>(Workload::kTail)) {
    return false;
  }
  *to = static_cast<Workload>(value);
  return true;
}

}  // namespace

std::string EncodeLoadOrder(const LoadOrder& order) {
  std::string text;
  VisitFields(order, [&](const char* name, const auto& field) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, ToText(field));
  });
  return text;
}

StatusOr<LoadOrder> DecodeLoadOrder(const std::string& text) {
  std::map<std::string, std::string> fields;
  std::istringstream in(text);
  for (std::string field; in >> field;) {
    const std::size_t end = field.find('=');
    if (end == std::string::npos) return InvalidArgument("no field of an order: '{}'", field);
    fields[field.substr(0, end)] = field.substr(end + 1);
  }
  LoadOrder order;
  std::string bad;
  VisitFields(order, [&](const char* name, auto& field) {
    const auto found = fields.extract(name);
    if (!found.empty() && !FromText(found.mapped(), &field)) bad = name;
  });
  if (!bad.empty()) return InvalidArgument("an order's {}: '{}'", bad, text);
  if (!fields.empty()) {
    return InvalidArgument("no field of an order: '{}'", fields.begin()->first);
  }
  return order;
}

}  // namespace carillon
