#include "collector/dialects/event_batch.h"

#include <limits>
#include <utility>

#include "base/check.h"

namespace carillon {

EventBatch::Span EventBatch::Keep(std::string_view text) {
  CHECK(text_.size() + text.size() <= std::numeric_limits<std::uint32_t>::max());
  const Span span{.at = static_cast<std::uint32_t>(text_.size()),
                  .size = static_cast<std::uint32_t>(text.size())};
  text_.append(text);
  return span;
}

void EventBatch::Add(const EventFields& event) {
  // A batch mostly belongs to one stream: its name is kept once.
  const bool same_stream = !events_.empty() && events_.back().rejection < 0 &&
                           View(events_.back().stream) == event.stream;
  const Span stream = same_stream ? events_.back().stream : Keep(event.stream);
  events_.push_back({.stream = stream,
                     .id = Keep(event.id),
                     .json = Keep(event.json),
                     .time_us = event.time_us,
                     .parsed = event.parsed});
  json_bytes_ += event.json.size();
}

void EventBatch::AddRejected(EventRejection rejection) {
  events_.push_back({.rejection = static_cast<std::int32_t>(rejections_.size())});
  rejections_.push_back(std::move(rejection));
}

void EventBatch::Reject(std::size_t place, EventRejection rejection) {
  CHECK(place < events_.size() && events_[place].rejection < 0);
  json_bytes_ -= events_[place].json.size;
  events_[place] = {.rejection = static_cast<std::int32_t>(rejections_.size())};
  rejections_.push_back(std::move(rejection));
}

void EventBatch::Clear() {
  text_.clear();
  events_.clear();
  rejections_.clear();
  json_bytes_ = 0;
}

EventFields EventBatch::event(std::size_t place) const {
  const Event& event = events_[place];
  return {.stream = View(event.stream),
          .id = View(event.id),
          .time_us = event.time_us,
          .json = View(event.json),
          .parsed = event.parsed};
}

const EventRejection* EventBatch::rejection(std::size_t place) const {
  const std::int32_t at = events_[place].rejection;
  return at < 0 ? nullptr : &rejections_[static_cast<std::size_t>(at)];
}

}  // namespace carillon
