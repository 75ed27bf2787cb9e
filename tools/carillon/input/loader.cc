#include "tools/carillon/input/loader.h"

#include <algorithm>

#include "crunch/chunk_codec.h"

namespace carillon {
namespace {

constexpr std::uint64_t kEventsBetweenProgress = 1024;

StatusOr<Epoch> Shifted(Epoch epoch, std::int64_t seconds) {
  const std::int64_t moved = static_cast<std::int64_t>(epoch.value()) + seconds;
  if (moved < 0 || moved > static_cast<std::int64_t>(kMaxEpoch)) {
    return InvalidArgument("{} moved by {} s is out of range", FormatTime(epoch), seconds);
  }
  return Epoch{static_cast<std::uint64_t>(moved)};
}

// OK: `event` may be stored; its place has been shifted.
Status Admit(const LoadRules& rules, InputEvent* event) {
  RETURN_IF_ERROR(event->problem);
  ASSIGN_OR_RETURN(event->place.epoch, Shifted(event->place.epoch, rules.shift_seconds));
  const Epoch epoch = event->place.epoch;
  if (epoch < rules.oldest) {
    return OutOfRange("{} is older than the bucket keeps (--shift-to now, or a longer ttl)",
                      FormatTime(epoch));
  }
  if (epoch > rules.newest) return OutOfRange("{} is too far in the future", FormatTime(epoch));
  return CheckEvent(event->text, rules.max_chunk_bytes);
}

}  // namespace

Status Load(InputReader* input, const LoadRules& rules, const LoadSinks& sinks,
            LoadCounts* counts) {
  while (true) {
    ASSIGN_OR_RETURN(std::optional<InputEvent> event, input->Next());
    if (!event.has_value()) break;
    const Status admitted = Admit(rules, &*event);
    if (admitted.ok()) {
      RETURN_IF_ERROR(sinks.event(event->place, event->text));
      ++counts->events;
      counts->bytes += event->text.size();
    } else {
      ++counts->bad;
      RETURN_IF_ERROR(sinks.reject(*event, admitted));
      if (rules.strict) return InvalidArgument("line {}: {}", event->line, Message(admitted));
    }
    if ((counts->events + counts->bad) % kEventsBetweenProgress == 0) {
      sinks.progress(*counts, input->position());
    }
  }
  sinks.progress(*counts, input->position());
  return OkStatus();
}

StatusOr<std::optional<Epoch>> FindNewest(InputReader* input) {
  std::optional<Epoch> newest;
  while (true) {
    ASSIGN_OR_RETURN(const std::optional<InputEvent> event, input->Next());
    if (!event.has_value()) return newest;
    if (event->problem.ok()) newest = std::max(newest.value_or(Epoch{}), event->place.epoch);
  }
}

}  // namespace carillon
