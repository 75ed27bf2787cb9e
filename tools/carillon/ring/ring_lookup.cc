// What happened to the ring, and where a key lives.
#include <algorithm>

#include "ring/hash_ring.h"
#include "ring/preference_list.h"
#include "tools/carillon/input/time_text.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/ring/ring_status.h"

namespace carillon {
namespace {

constexpr std::size_t kFallbacksShown = 5;

std::string Digits(const Hash128Value& hash) {
  return fmt::format("{:016x}{:016x}", hash.high, hash.low);
}

// What a key of a bucket comes to.
struct Place {
  KeyHash hash;
  PartitionId partition;
  const PartitionHomes* homes = nullptr;
  WriteSets sets;
  std::vector<MemberIndex> fallbacks;
};

Place PlaceOf(const ClusterState& state, const std::string& bucket, const std::string& key) {
  Place place;
  place.hash = HashKey(bucket, key);
  place.partition = PartitionOf(place.hash, state.partition_bits);
  place.homes = &state.placement[place.partition.value()];
  const BucketProperties* properties = state.FindBucket(bucket);
  place.sets =
      WriteSetsOf(*place.homes, properties != nullptr ? properties->n_val : state.MaxReplicas());
  place.fallbacks = FallbackOrderOf(state, place.partition, place.sets.members);
  return place;
}

std::string Names(const ClusterView& view, const std::vector<MemberIndex>& members,
                  std::size_t most) {
  if (members.empty()) return "none";
  std::string text;
  for (std::size_t i = 0; i < std::min(most, members.size()); ++i) {
    const Member& member = view.state->members[members[i]];
    text += (text.empty() ? "" : ", ") + member.name;
    const MemberHealth& health = view.HealthOf(members[i]);
    if (!IsWell(health)) text += fmt::format(" ({})", ToString(health.health));
  }
  if (members.size() > most) text += fmt::format(", and {} more", members.size() - most);
  return text;
}

void WriteNames(const ClusterView& view, const std::vector<MemberIndex>& members,
                std::string_view key, JsonWriter* json) {
  json->Key(key).BeginArray();
  for (const MemberIndex member : members) {
    json->BeginObject().Field("name", view.state->members[member].name);
    json->Field("address", view.state->members[member].address);
    json->Field("health", ToString(view.HealthOf(member).health)).EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string HistoryText(const ClusterView& view) {
  Table table({{"version", Table::Align::kRight},
               {"generation", Table::Align::kRight},
               {"in force here"},
               {"hash"},
               {"what"}});
  for (const StateRecord& record : view.history) {
    table.Add({fmt::format("{}", record.version), fmt::format("{}", record.generation),
               FormatTime(Epoch(WallSeconds(record.when))), Digits(record.hash).substr(0, 8),
               record.note});
  }
  return table.Render();
}

std::string HistoryJson(const ClusterView& view) {
  JsonWriter json;
  json.BeginArray();
  for (const StateRecord& record : view.history) {
    json.BeginObject().Field("version", record.version.value());
    json.Field("generation", record.generation).Field("when", WallSeconds(record.when));
    json.Field("hash", Digits(record.hash)).Field("note", record.note).EndObject();
  }
  return json.EndArray().Take() + "\n";
}

std::string WhereText(const ClusterView& view, const std::string& bucket, const std::string& key) {
  const Place place = PlaceOf(*view.state, bucket, key);
  std::string text =
      fmt::format("partition  {} of {}\nphase      {}\nhomes      {}\n", place.partition,
                  view.state->partitions(), ToString(place.homes->phase),
                  Names(view, place.sets.homes, place.sets.homes.size()));
  if (!place.sets.next.empty()) {
    text += fmt::format("next       {}\n", Names(view, place.sets.next, place.sets.next.size()));
  }
  if (!place.homes->target.empty()) {
    text += fmt::format("goes to    {}\n",
                        Names(view, place.homes->target, place.homes->target.size()));
  }
  return text + fmt::format("fallbacks  {}\n", Names(view, place.fallbacks, kFallbacksShown));
}

std::string WhereJson(const ClusterView& view, const std::string& bucket, const std::string& key) {
  const Place place = PlaceOf(*view.state, bucket, key);
  JsonWriter json;
  json.BeginObject().Field("bucket", bucket).Field("key", key);
  json.Field("hash", fmt::format("{:016x}", place.hash.value()));
  json.Field("partition", place.partition.value()).Field("phase", ToString(place.homes->phase));
  WriteNames(view, place.sets.homes, "homes", &json);
  WriteNames(view, place.sets.next, "next", &json);
  WriteNames(view, place.homes->target, "target", &json);
  WriteNames(view, place.fallbacks, "fallbacks", &json);
  return json.EndObject().Take() + "\n";
}

}  // namespace carillon
