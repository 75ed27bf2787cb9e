#include "tools/carillon/ring/transfer_report.h"

#include <algorithm>

#include "base/json_writer.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/ring/ring_status.h"

namespace carillon {
namespace {

constexpr Table::Align kRight = Table::Align::kRight;
constexpr std::size_t kRowBar = 16;
constexpr std::size_t kLineBar = 24;

double RunningSeconds(const PullView& pull) {
  return std::chrono::duration<double>(pull.running).count();
}

std::string LeftText(const std::optional<double>& seconds) {
  return seconds ? FormatSeconds(*seconds) : "?";
}

// Until both sides' digests are there it is not known what differs.
std::string BarText(const PullView& pull) {
  if (pull.hours == 0) return "comparing";
  const double done =
      static_cast<double>(std::min(pull.hours_done, pull.hours)) / static_cast<double>(pull.hours);
  return fmt::format("{} {}/{} h", FormatBar(done, kRowBar), pull.hours_done, pull.hours);
}

void AddRow(const ClusterState& state, const MemberPulls& member, const PullView& pull,
            Table* table) {
  const double seconds = RunningSeconds(pull);
  table->Add({member.name, NameOf(state, pull.source), fmt::format("{}", pull.partition),
              pull.reason, BarText(pull), FormatCount(pull.chunks), FormatBytes(pull.bytes),
              FormatBytes(PerSecond(pull.bytes, seconds)) + "/s",
              LeftText(SecondsLeft(pull.hours_done, pull.hours, seconds))});
}

}  // namespace

std::string FormatBar(double done, std::size_t width) {
  const auto filled = static_cast<std::size_t>(done * static_cast<double>(width));
  std::string bar(std::min(filled, width), '=');
  if (bar.size() < width) bar += '>';
  bar.resize(width, ' ');
  return "[" + bar + "]";
}

std::optional<double> SecondsLeft(std::uint64_t done, std::uint64_t total, double seconds) {
  if (done == 0 || seconds <= 0) return std::nullopt;
  if (done >= total) return 0;
  return seconds * static_cast<double>(total - done) / static_cast<double>(done);
}

std::string TransfersText(const ClusterState& state, const std::vector<MemberPulls>& members) {
  Table table({{"to"},
               {"from"},
               {"partition", kRight},
               {"why"},
               {"done"},
               {"chunks", kRight},
               {"bytes", kRight},
               {"rate", kRight},
               {"left", kRight}});
  std::string notes;
  std::size_t waiting = 0;
  for (const MemberPulls& member : members) {
    for (const PullView& pull : member.pulls) AddRow(state, member, pull, &table);
    waiting += member.waiting;
    if (!member.error.empty()) {
      notes += fmt::format("{} cannot be asked: {}\n", member.name, member.error);
    } else if (member.foreign > 0) {
      notes += fmt::format("{} holds {} {} for others\n", member.name, member.foreign,
                           member.foreign == 1 ? "partition" : "partitions");
    }
  }
  const MoveCounts moves = MovesOf(state);
  std::string text = table.rows() > 0 ? table.Render() : "nothing is pulled now\n";
  if (waiting > 0) {
    text += fmt::format("{} more {} for a turn\n", waiting, waiting == 1 ? "waits" : "wait");
  }
  if (moves.all() > 0) {
    text += fmt::format("{} {}: {} wait, {} dual, {} read-new{}\n", moves.all(),
                        moves.all() == 1 ? "partition moves" : "partitions move", moves.waiting,
                        moves.dual, moves.read_new, state.paused ? "; paused" : "");
  }
  return text + notes;
}

std::string TransfersJson(const ClusterState& state, const std::vector<MemberPulls>& members) {
  const MoveCounts moves = MovesOf(state);
  JsonWriter json;
  json.BeginObject().Field("partitions_waiting", moves.waiting);
  json.Field("partitions_dual", moves.dual).Field("partitions_read_new", moves.read_new);
  json.Key("paused").Bool(state.paused).Key("members").BeginArray();
  for (const MemberPulls& member : members) {
    json.BeginObject().Field("name", member.name).Field("error", member.error);
    json.Field("waiting", member.waiting).Field("foreign_partitions", member.foreign);
    json.Key("transfers").BeginArray();
    for (const PullView& pull : member.pulls) {
      json.BeginObject().Field("from", NameOf(state, pull.source));
      json.Field("partition", pull.partition.value()).Field("reason", pull.reason);
      json.Field("hours", pull.hours).Field("hours_done", pull.hours_done);
      json.Field("chunks", pull.chunks).Field("bytes", pull.bytes);
      json.Key("seconds").Decimal(RunningSeconds(pull)).EndObject();
    }
    json.EndArray().EndObject();
  }
  return json.EndArray().EndObject().Take() + "\n";
}

void MoveProgress::Update(std::size_t moving, double seconds) {
  total_ = std::max(total_, moving);
  left_ = moving;
  seconds_ = seconds;
}

std::string MoveProgress::Line() const {
  const std::size_t done = total_ - left_;
  const double share = total_ == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total_);
  std::string line = fmt::format("{} {:3.0f}%  {} of {} partitions", FormatBar(share, kLineBar),
                                 share * 100, done, total_);
  const std::optional<double> left = SecondsLeft(done, total_, seconds_);
  if (left && *left > 0) line += fmt::format("  about {} left", FormatSeconds(*left));
  return line;
}

}  // namespace carillon
