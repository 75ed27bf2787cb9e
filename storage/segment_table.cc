#include "storage/segment_table.h"

#include <mutex>

#include "base/check.h"

namespace carillon {

void SegmentTable::Add(const SegmentEntry& entry, std::shared_ptr<SegmentReader> reader) {
  const std::unique_lock lock(mutex_);
  slots_[entry.id] = {entry, std::move(reader)};
}

void SegmentTable::AddMissing(const SegmentEntry& entry) {
  Add(entry, nullptr);
}

void SegmentTable::Update(const SegmentEntry& entry) {
  const std::unique_lock lock(mutex_);
  const auto found = slots_.find(entry.id);
  CHECK(found != slots_.end());
  found->second.entry = entry;
}

void SegmentTable::Remove(SegmentId id) {
  const std::unique_lock lock(mutex_);
  slots_.erase(id);
}

std::shared_ptr<SegmentReader> SegmentTable::Reader(SegmentId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = slots_.find(id);
  return found == slots_.end() ? nullptr : found->second.reader;
}

bool SegmentTable::IsMissing(SegmentId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = slots_.find(id);
  return found != slots_.end() && found->second.reader == nullptr;
}

std::optional<std::uint32_t> SegmentTable::TtlClassOf(SegmentId id) const {
  const std::shared_lock lock(mutex_);
  const auto found = slots_.find(id);
  if (found == slots_.end()) return std::nullopt;
  return found->second.entry.ttl_class;
}

std::set<std::uint32_t> SegmentTable::TtlClasses() const {
  const std::shared_lock lock(mutex_);
  std::set<std::uint32_t> classes;
  for (const auto& [id, slot] : slots_) classes.insert(slot.entry.ttl_class);
  return classes;
}

std::vector<SegmentEntry> SegmentTable::Entries() const {
  const std::shared_lock lock(mutex_);
  std::vector<SegmentEntry> entries;
  for (const auto& [id, slot] : slots_) {
    if (slot.reader != nullptr) entries.push_back(slot.entry);
  }
  return entries;
}

std::size_t SegmentTable::missing() const {
  const std::shared_lock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [id, slot] : slots_) count += slot.reader == nullptr ? 1 : 0;
  return count;
}

}  // namespace carillon
