#include "tools/carillon/bench/node_meter.h"

#include <charconv>

namespace carillon {
namespace {

struct Line {
  std::string_view name;
  std::string_view labels;
  double value = 0;
};

// "name{labels} value"; comments are no lines.
bool TakeLine(std::string_view* text, Line* line) {
  while (!text->empty()) {
    const std::string_view one = text->substr(0, text->find('\n'));
    text->remove_prefix(std::min(text->size(), one.size() + 1));
    if (one.empty() || one.front() == '#') continue;
    const std::size_t name_end = one.find_first_of("{ ");
    const std::size_t value_at = one.rfind(' ');
    if (name_end == std::string_view::npos || value_at == std::string_view::npos) continue;
    line->name = one.substr(0, name_end);
    line->labels = one.substr(name_end, value_at - name_end);
    line->value = 0;
    std::from_chars(one.data() + value_at + 1, one.data() + one.size(), line->value);
    return true;
  }
  return false;
}

bool Has(const Line& line, std::string_view name, std::string_view label = "") {
  return line.name == name && line.labels.find(label) != std::string_view::npos;
}

}  // namespace

NodeUsage NodeUsage::Since(const NodeUsage& before) const {
  NodeUsage result = *this;
  result.cpu_seconds -= before.cpu_seconds;
  result.client_bytes_in -= before.client_bytes_in;
  result.client_bytes_out -= before.client_bytes_out;
  result.peer_bytes -= before.peer_bytes;
  result.disk_bytes_written -= before.disk_bytes_written;
  result.log_bytes -= before.log_bytes;
  result.requests -= before.requests;
  return result;
}

NodeUsage UsageOf(std::string_view metrics) {
  NodeUsage usage;
  Line line;
  while (TakeLine(&metrics, &line)) {
    if (Has(line, "process_cpu_seconds_total")) usage.cpu_seconds += line.value;
    if (Has(line, "process_resident_memory_bytes")) usage.resident_bytes += line.value;
    if (Has(line, "process_disk_written_bytes_total")) usage.disk_bytes_written += line.value;
    if (Has(line, "carillon_value_bytes_total", "\"in\"")) usage.client_bytes_in += line.value;
    if (Has(line, "carillon_value_bytes_total", "\"out\"")) usage.client_bytes_out += line.value;
    if (Has(line, "carillon_peer_sent_bytes_total")) usage.peer_bytes += line.value;
    if (Has(line, "carillon_peer_received_bytes_total")) usage.peer_bytes += line.value;
    if (Has(line, "carillon_log_appended_bytes_total")) usage.log_bytes += line.value;
    if (Has(line, "carillon_requests_total", "\"grpc\"")) usage.requests += line.value;
  }
  return usage;
}

StatusOr<std::unique_ptr<NodeMeter>> NodeMeter::Make(ClusterAdmin* admin, ClientOptions options) {
  ASSIGN_OR_RETURN(const ClusterView view, admin->View());
  auto meter = std::make_unique<NodeMeter>();
  for (const Member& member : view.state->members) {
    // A cluster of one may not know its own address.
    if (!member.address.empty()) options.endpoints = {member.address};
    ASSIGN_OR_RETURN(auto one, ClusterAdmin::Connect(options));
    meter->nodes_.push_back({member.name, std::move(one)});
  }
  return meter;
}

StatusOr<std::vector<NodeUsage>> NodeMeter::Read() {
  std::vector<NodeUsage> result;
  for (const Node& node : nodes_) {
    ASSIGN_OR_RETURN(const std::string text, node.admin->MetricsText());
    result.push_back(UsageOf(text));
    result.back().name = node.name;
  }
  return result;
}

}  // namespace carillon
