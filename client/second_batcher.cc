#include "client/second_batcher.h"

#include <utility>

#include "base/chunk_key.h"

namespace carillon {
namespace {

// Types and subtypes come from the events: beyond this many, the first guess must do.
constexpr std::size_t kMaxRatios = 4096;

}  // namespace

Status SecondBatcher::Add(Epoch epoch, std::string_view type, std::string_view subtype,
                          std::string_view event, BatcherEffects* effects) {
  RETURN_IF_ERROR(CheckEvent(event, limits_.max_chunk_bytes));
  const bool same = last_group_ != nullptr && last_epoch_ == epoch &&
                    last_group_->first.type == type && last_group_->first.subtype == subtype;
  if (!same) {
    ASSIGN_OR_RETURN(last_group_, FindGroup(epoch, {type, subtype}));
    last_epoch_ = epoch;
  }
  Group& group = last_group_->second;
  if (!group.lines.empty() && group.lines.size() + event.size() >= group.target_bytes) {
    CutBatch(epoch, last_group_, effects);
  }
  group.lines.append(event);
  group.lines.push_back('\n');
  buffered_bytes_ += event.size() + 1;
  KeepWithinLimits(effects);
  return OkStatus();
}

StatusOr<SecondBatcher::Groups::value_type*> SecondBatcher::FindGroup(Epoch epoch, NameView name) {
  last_group_ = nullptr;
  if (sealed_ && epoch <= *sealed_) {
    return FailedPrecondition("second {} is sealed: all up to {} are", epoch, *sealed_);
  }
  if (epoch.value() > kMaxEpoch) return InvalidArgument("epoch {} is above {}", epoch, kMaxEpoch);
  const auto second = seconds_.find(epoch);
  if (second != seconds_.end()) {
    const auto found = second->second.find(name);
    if (found != second->second.end()) return &*found;
  }
  RETURN_IF_ERROR(CheckName("type", name.type));
  RETURN_IF_ERROR(CheckSubtype(name.subtype));
  Name owned{std::string(name.type), std::string(name.subtype)};
  Group group{.target_bytes = TargetOf(name)};
  return &*seconds_[epoch].emplace(std::move(owned), std::move(group)).first;
}

std::size_t SecondBatcher::TargetOf(NameView name) const {
  const auto known = ratios_.find(name);
  const CompressionRatio ratio = known == ratios_.end() ? CompressionRatio() : known->second;
  return ratio.RawTarget(limits_.max_chunk_bytes);
}

void SecondBatcher::Learn(const std::string& type, const std::string& subtype,
                          std::size_t raw_bytes, std::size_t value_bytes) {
  const auto known = ratios_.find(NameView{type, subtype});
  if (known != ratios_.end()) return known->second.Learn(raw_bytes, value_bytes);
  if (ratios_.size() < kMaxRatios) {
    ratios_[Name{type, subtype}].Learn(raw_bytes, value_bytes);
  }
}

void SecondBatcher::CutBatch(Epoch epoch, Groups::value_type* group, BatcherEffects* effects) {
  const auto& [name, content] = *group;
  buffered_bytes_ -= content.lines.size();
  effects->batches.push_back({.epoch = epoch,
                              .type = name.type,
                              .subtype = name.subtype,
                              .lines = std::exchange(group->second.lines, {})});
  group->second.target_bytes = TargetOf({name.type, name.subtype});
}

SecondBatcher::Seconds::iterator SecondBatcher::CloseSecond(Seconds::iterator second,
                                                            BatcherEffects* effects) {
  for (auto& group : second->second) {
    if (!group.second.lines.empty()) CutBatch(second->first, &group, effects);
  }
  effects->closed.push_back({.epoch = second->first});
  last_group_ = nullptr;
  return seconds_.erase(second);
}

void SecondBatcher::KeepWithinLimits(BatcherEffects* effects) {
  while (!seconds_.empty() && (buffered_bytes_ > limits_.max_buffered_bytes ||
                               seconds_.size() > limits_.max_open_seconds)) {
    CloseSecond(seconds_.begin(), effects);
  }
}

void SecondBatcher::Close(Epoch epoch, bool seal, BatcherEffects* effects) {
  if (!seal) {
    const auto second = seconds_.find(epoch);
    if (second != seconds_.end()) CloseSecond(second, effects);
    return;
  }
  for (auto second = seconds_.begin(); second != seconds_.end() && second->first <= epoch;) {
    second = CloseSecond(second, effects);
  }
  if (effects->closed.empty() || effects->closed.back().epoch != epoch) {
    effects->closed.push_back({.epoch = epoch});
  }
  effects->closed.back().seal = true;
  if (!sealed_ || *sealed_ < epoch) sealed_ = epoch;
}

void SecondBatcher::CloseAll(BatcherEffects* effects) {
  for (auto second = seconds_.begin(); second != seconds_.end();) {
    second = CloseSecond(second, effects);
  }
}

}  // namespace carillon
