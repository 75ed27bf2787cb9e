#include "tools/carillon/host/host_sampler.h"

#include <functional>

namespace carillon {

StatusOr<std::vector<HostEvent>> HostSampler::Sample(Epoch epoch, double seconds) {
  std::vector<HostEvent> events;
  Status first_failure;
  const auto sample = [&](std::string_view subtype, const auto& write) {
    JsonWriter json;
    json.BeginObject().Field("timestamp", epoch.value()).Field("type", kHostEventType);
    json.Field("subtype", subtype).Field("host", host_).Key(subtype);
    const Status status = write(&json);
    if (status.ok()) {
      events.push_back({std::string(subtype), json.EndObject().Take()});
    } else if (first_failure.ok()) {
      first_failure = status;
    }
  };
  sample("cpu", [&](JsonWriter* json) { return cpu_.Sample(proc_, seconds, json); });
  sample("memory", [&](JsonWriter* json) { return memory_.Sample(proc_, json); });
  sample("disk", [&](JsonWriter* json) { return disk_.Sample(proc_, seconds, json); });
  sample("network", [&](JsonWriter* json) { return network_.Sample(proc_, seconds, json); });
  sample("processes", [&](JsonWriter* json) { return processes_.Sample(proc_, seconds, json); });
  if (events.empty()) return first_failure;
  return events;
}

}  // namespace carillon
