#include "tests/sim/support/simulated_names.h"

#include <set>

#include "base/check.h"

namespace carillon {

std::string ParentOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == 0 || slash == std::string_view::npos) return "/";
  return std::string(path.substr(0, slash));
}

const SimulatedEntry* SimulatedNames::Find(const std::string& path) const {
  static const SimulatedEntry kRoot;
  if (path == "/") return &kRoot;
  const auto found = live_.find(path);
  return found == live_.end() ? nullptr : &found->second;
}

bool SimulatedNames::IsDirectory(const std::string& path) const {
  const SimulatedEntry* entry = Find(path);
  return entry != nullptr && entry->file == nullptr;
}

std::vector<std::string> SimulatedNames::List(const std::string& path) const {
  const std::string prefix = path == "/" ? path : path + "/";
  std::vector<std::string> names;
  for (auto at = live_.lower_bound(prefix); at != live_.end(); ++at) {
    if (!at->first.starts_with(prefix)) break;
    std::string name = at->first.substr(prefix.size());
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

void SimulatedNames::Add(const std::string& path, SimulatedEntry entry) {
  CHECK(IsDirectory(ParentOf(path)) && Find(path) == nullptr);
  pending_.push_back({"", path, std::move(entry), ParentOf(path)});
  Make(pending_.back(), &live_);
}

void SimulatedNames::Remove(const std::string& path) {
  const SimulatedEntry* entry = Find(path);
  CHECK(entry != nullptr);
  pending_.push_back({path, "", *entry, ParentOf(path)});
  Make(pending_.back(), &live_);
}

void SimulatedNames::Rename(const std::string& from, const std::string& to) {
  const SimulatedEntry* entry = Find(from);
  CHECK(entry != nullptr && entry->file != nullptr);
  pending_.push_back({from, to, *entry, ParentOf(to)});
  Make(pending_.back(), &live_);
}

// A name is removed only while it still is what the change meant: of changes to one name any
// subset may have reached the disk.
void SimulatedNames::Make(const Change& change, Entries* entries) const {
  if (!change.removed.empty()) {
    const auto found = entries->find(change.removed);
    if (found != entries->end() && found->second.file == change.entry.file) entries->erase(found);
  }
  if (!change.added.empty()) (*entries)[change.added] = change.entry;
}

void SimulatedNames::SyncDirectory(const std::string& path) {
  std::vector<Change> left;
  for (Change& change : pending_) {
    if (change.directory == path) {
      Make(change, &durable_);
    } else {
      left.push_back(std::move(change));
    }
  }
  pending_ = std::move(left);
}

void SimulatedNames::Crash(CrashManner manner, Random* random) {
  const std::uint64_t chance = manner == CrashManner::kKeepSome ? random->Below(5) : 0;
  for (const Change& change : pending_) {
    const bool kept = manner == CrashManner::kKeepAll ||
                      (manner == CrashManner::kKeepSome && random->Below(4) < chance);
    if (kept) Make(change, &durable_);
  }
  pending_.clear();
  RemoveOrphans();
  live_ = durable_;
  std::set<const SimulatedBytes*> crashed;  // for membership only: order does not matter
  for (const auto& [path, entry] : live_) {
    if (entry.file == nullptr || !crashed.insert(entry.file.get()).second) continue;
    entry.file->Crash(manner, random);
  }
}

// Entries of directories that are gone. Parents sort before their children.
void SimulatedNames::RemoveOrphans() {
  for (auto at = durable_.begin(); at != durable_.end();) {
    const std::string parent = ParentOf(at->first);
    const auto found = durable_.find(parent);
    const bool held = parent == "/" || (found != durable_.end() && found->second.file == nullptr);
    at = held ? std::next(at) : durable_.erase(at);
  }
}

}  // namespace carillon
