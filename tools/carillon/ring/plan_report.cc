#include "tools/carillon/ring/plan_report.h"

#include <map>
#include <utility>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"

namespace carillon {
namespace {

constexpr Table::Align kRight = Table::Align::kRight;

struct Exchange {
  std::size_t gained = 0;  // partitions
  std::size_t lost = 0;
};

std::vector<Exchange> ExchangesOf(const PlannedChange& planned) {
  std::vector<Exchange> exchanges(planned.members.size());
  for (const PlannedMove& move : planned.plan.moves) {
    for (const std::uint16_t member : move.gains) ++exchanges[member].gained;
    for (const std::uint16_t member : move.loses) ++exchanges[member].lost;
  }
  return exchanges;
}

std::string Names(const PlannedChange& planned, const HomeList& members) {
  std::string text;
  for (const std::uint16_t member : members) {
    text += (text.empty() ? "" : " ") + planned.members[member].name;
  }
  return text;
}

// Moves that are alike: who gains, who loses; the old and new primary if only the order changes.
std::string KindOf(const PlannedChange& planned, const PlannedMove& move) {
  if (move.gains.empty() && move.loses.empty()) {
    return fmt::format("order only: {} before: {}", Names(planned, move.to),
                       Names(planned, move.from));
  }
  if (move.loses.empty()) return fmt::format("{} copies", Names(planned, move.gains));
  if (move.gains.empty()) return fmt::format("{} gives up", Names(planned, move.loses));
  return fmt::format("{} takes from {}", Names(planned, move.gains), Names(planned, move.loses));
}

std::string BeforeAfter(std::size_t before, std::size_t after) {
  if (before == after) return fmt::format("{}", before);
  return fmt::format("{} -> {}", before, after);
}

std::string BytesText(std::uint64_t bytes, bool known) {
  return known ? FormatBytes(bytes) : "?";
}

std::string TimeText(const ChangePlan& plan) {
  if (plan.seconds > 0) return FormatSeconds(static_cast<double>(plan.seconds));
  return plan.bytes_known && plan.bytes_moved == 0 ? "none" : "not known";
}

std::string MembersTable(const PlannedChange& planned, bool bytes_known) {
  Table table({{"member"},
               {"partitions", kRight},
               {"primaries", kRight},
               {"gains", kRight},
               {"loses", kRight},
               {"bytes in", kRight},
               {"bytes out", kRight},
               {"peak", kRight},
               {"free", kRight}});
  const std::vector<Exchange> exchanges = ExchangesOf(planned);
  for (std::size_t i = 0; i < planned.members.size(); ++i) {
    const PlannedMember& member = planned.plan.members[i];
    table.Add({planned.members[i].name, BeforeAfter(member.copies_before, member.copies_after),
               BeforeAfter(member.primaries_before, member.primaries_after),
               FormatCount(exchanges[i].gained), FormatCount(exchanges[i].lost),
               BytesText(member.bytes_gained, bytes_known),
               BytesText(member.bytes_lost, bytes_known), BytesText(member.peak_bytes, bytes_known),
               member.free_bytes ? FormatBytes(*member.free_bytes) : "?"});
  }
  return table.Render();
}

std::string MovesTable(const PlannedChange& planned, bool bytes_known) {
  struct Group {
    std::vector<PartitionId> partitions;
    std::uint64_t bytes = 0;
  };
  std::map<std::string, Group> groups;
  for (const PlannedMove& move : planned.plan.moves) {
    Group& group = groups[KindOf(planned, move)];
    group.partitions.push_back(move.partition);
    group.bytes += move.bytes;
  }
  Table table({{"moves", kRight}, {"bytes", kRight}, {"what"}, {"partitions"}});
  for (const auto& [kind, group] : groups) {
    table.Add({FormatCount(group.partitions.size()), BytesText(group.bytes, bytes_known), kind,
               FormatPartitions(group.partitions)});
  }
  return table.Render();
}

void WriteMoves(const PlannedChange& planned, JsonWriter* json) {
  const auto write_names = [&](std::string_view key, const HomeList& members) {
    json->Key(key).BeginArray();
    for (const std::uint16_t member : members) json->Text(planned.members[member].name);
    json->EndArray();
  };
  json->Key("moves").BeginArray();
  for (const PlannedMove& move : planned.plan.moves) {
    json->BeginObject().Field("partition", move.partition.value());
    write_names("from", move.from);
    write_names("to", move.to);
    json->Field("bytes", move.bytes).EndObject();
  }
  json->EndArray();
}

void WriteMembers(const PlannedChange& planned, JsonWriter* json) {
  const std::vector<Exchange> exchanges = ExchangesOf(planned);
  json->Key("members").BeginArray();
  for (std::size_t i = 0; i < planned.members.size(); ++i) {
    const PlannedMember& member = planned.plan.members[i];
    json->BeginObject().Field("name", planned.members[i].name);
    json->Field("partitions_before", member.copies_before);
    json->Field("partitions_after", member.copies_after);
    json->Field("primaries_before", member.primaries_before);
    json->Field("primaries_after", member.primaries_after);
    json->Field("gains", exchanges[i].gained).Field("loses", exchanges[i].lost);
    json->Field("bytes_gained", member.bytes_gained).Field("bytes_lost", member.bytes_lost);
    json->Field("peak_bytes", member.peak_bytes);
    if (member.free_bytes) json->Field("free_bytes", *member.free_bytes);
    json->EndObject();
  }
  json->EndArray();
}

}  // namespace

std::string FormatPartitions(const std::vector<PartitionId>& partitions) {
  std::string text;
  for (std::size_t i = 0; i < partitions.size();) {
    std::size_t last = i;
    while (last + 1 < partitions.size() &&
           partitions[last + 1].value() == partitions[last].value() + 1) {
      ++last;
    }
    text += fmt::format("{}{}", text.empty() ? "" : " ", partitions[i]);
    if (last > i) text += fmt::format("-{}", partitions[last]);
    i = last + 1;
  }
  return text;
}

std::string PlanText(const PlannedChange& planned) {
  const ChangePlan& plan = planned.plan;
  const bool bytes_known = plan.bytes_known;
  std::string text = MembersTable(planned, bytes_known);
  if (plan.moves.empty()) {
    text += "\nno partition moves\n";
  } else {
    text += "\n" + MovesTable(planned, bytes_known);
    text += fmt::format("\n{} {}, bytes {} (the least possible: {}), time {}\n",
                        FormatCount(plan.moves.size()),
                        plan.moves.size() == 1 ? "partition changes" : "partitions change",
                        bytes_known ? FormatBytes(plan.bytes_moved) : "not known",
                        bytes_known ? FormatBytes(plan.bytes_least) : "not known", TimeText(plan));
  }
  for (const std::string& risk : plan.risks) text += fmt::format("risk: {}\n", risk);
  if (planned.id.empty()) return text + "only a look: nothing is saved\n";
  return text + fmt::format("plan {} is saved; carry it out with:\n  carillon ring commit {}\n",
                            planned.id, planned.id);
}

std::string PlanJson(const PlannedChange& planned) {
  JsonWriter json;
  json.BeginObject().Field("plan", planned.id);
  json.Field("version", planned.plan.made_from.value());
  WriteMembers(planned, &json);
  WriteMoves(planned, &json);
  json.Key("bytes_known").Bool(planned.plan.bytes_known);
  json.Field("bytes_moved", planned.plan.bytes_moved);
  json.Field("bytes_least", planned.plan.bytes_least).Field("seconds", planned.plan.seconds);
  json.Key("risks").BeginArray();
  for (const std::string& risk : planned.plan.risks) json.Text(risk);
  return json.EndArray().EndObject().Take() + "\n";
}

}  // namespace carillon
