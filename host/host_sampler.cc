#include "host/host_sampler.h"

namespace carillon {

StatusOr<std::vector<HostSampler::Subject>> HostSampler::Subjects(double seconds) {
  std::vector<Subject> subjects;
  Status first_failure;
  const auto sample = [&](std::string_view name, const auto& write) {
    JsonWriter json;
    const Status status = write(&json);
    if (status.ok()) {
      subjects.push_back({name, json.Take()});
    } else if (first_failure.ok()) {
      first_failure = status;
    }
  };
  sample("cpu", [&](JsonWriter* json) { return cpu_.Sample(proc_, seconds, json); });
  sample("memory", [&](JsonWriter* json) { return memory_.Sample(proc_, json); });
  sample("disk", [&](JsonWriter* json) { return disk_.Sample(proc_, seconds, json); });
  sample("network", [&](JsonWriter* json) { return network_.Sample(proc_, seconds, json); });
  sample("processes", [&](JsonWriter* json) { return processes_.Sample(proc_, seconds, json); });
  if (subjects.empty()) return first_failure;
  return subjects;
}

StatusOr<std::vector<HostEvent>> HostSampler::Sample(Epoch epoch, double seconds) {
  ASSIGN_OR_RETURN(const std::vector<Subject> subjects, Subjects(seconds));
  std::vector<HostEvent> events;
  for (const Subject& subject : subjects) {
    JsonWriter json;
    json.BeginObject().Field("timestamp", epoch.value()).Field("type", kHostEventType);
    json.Field("subtype", subject.name).Field("host", host_).Key(subject.name);
    events.push_back({std::string(subject.name), json.Take() + subject.json + '}'});
  }
  return events;
}

StatusOr<std::string> HostSampler::SampleWhole(Epoch epoch, double seconds) {
  ASSIGN_OR_RETURN(const std::vector<Subject> subjects, Subjects(seconds));
  JsonWriter json;
  json.BeginObject().Field("timestamp", epoch.value()).Field("type", kWholeHostType);
  json.Field("host", host_);
  std::string event = json.Take();
  for (const Subject& subject : subjects) {
    event += fmt::format(",\"{}\":{}", subject.name, subject.json);
  }
  return event + '}';
}

}  // namespace carillon
