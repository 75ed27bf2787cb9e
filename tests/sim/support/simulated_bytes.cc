#include "tests/sim/support/simulated_bytes.h"

#include <algorithm>

#include "base/check.h"

namespace carillon {
namespace {

void Place(Bytes* target, std::uint64_t offset, ByteSpan bytes) {
  if (target->size() < offset + bytes.size()) target->resize(offset + bytes.size(), '\0');
  std::copy(bytes.begin(), bytes.end(), target->begin() + static_cast<std::ptrdiff_t>(offset));
}

// The first multiple of `unit` above `at`, but at most `limit`.
std::uint64_t NextBoundary(std::uint64_t at, std::uint64_t unit, std::uint64_t limit) {
  return std::min((at / unit + 1) * unit, limit);
}

// Places those parts of a write that reached the disk: whole blocks, no block, or some sectors.
void PlaceSome(Bytes* target, std::uint64_t offset, ByteSpan bytes, std::uint64_t chance,
               Random* random) {
  const std::uint64_t limit = offset + bytes.size();
  for (std::uint64_t block = offset; block < limit;) {
    const std::uint64_t block_limit = NextBoundary(block, SimulatedBytes::kBlock, limit);
    const bool torn = random->OneIn(4);
    const bool kept = random->Below(4) < chance;
    for (std::uint64_t at = block; at < block_limit;) {
      const std::uint64_t end = NextBoundary(at, SimulatedBytes::kSector, block_limit);
      if (torn ? random->Below(4) < chance : kept) {
        Place(target, at, bytes.substr(at - offset, end - at));
      }
      at = end;
    }
    block = block_limit;
  }
}

}  // namespace

std::uint64_t SimulatedBytes::MissingBytes(std::uint64_t offset, std::uint64_t limit) const {
  std::uint64_t missing = 0;
  for (std::uint64_t block = offset / kBlock; block * kBlock < limit; ++block) {
    if (block >= blocks_.size() || !blocks_[block]) missing += kBlock;
  }
  return missing;
}

void SimulatedBytes::Reserve(std::uint64_t offset, std::uint64_t limit) {
  const std::uint64_t limit_block = (limit + kBlock - 1) / kBlock;
  if (blocks_.size() < limit_block) blocks_.resize(limit_block, false);
  for (std::uint64_t block = offset / kBlock; block < limit_block; ++block) {
    if (!blocks_[block]) ++allocated_blocks_;
    blocks_[block] = true;
  }
}

void SimulatedBytes::Free(std::uint64_t first_block, std::uint64_t limit_block) {
  limit_block = std::min<std::uint64_t>(limit_block, blocks_.size());
  for (std::uint64_t block = first_block; block < limit_block; ++block) {
    if (blocks_[block]) --allocated_blocks_;
    blocks_[block] = false;
  }
}

void SimulatedBytes::Write(std::uint64_t offset, ByteSpan bytes) {
  if (bytes.empty()) return;
  Reserve(offset, offset + bytes.size());
  Place(&cached_, offset, bytes);
  pending_.push_back({Change::Kind::kWrite, offset, Bytes(bytes), cached_.size()});
}

void SimulatedBytes::Resize(std::uint64_t size) {
  if (size < cached_.size()) Free((size + kBlock - 1) / kBlock, blocks_.size());
  cached_.resize(size, '\0');
  pending_.push_back({Change::Kind::kResize, size, {}, size});
}

void SimulatedBytes::Punch(std::uint64_t offset, std::uint64_t limit) {
  const std::uint64_t first = (offset + kBlock - 1) / kBlock;
  const std::uint64_t last = limit / kBlock;
  if (first >= last) return;
  Free(first, last);
  const std::uint64_t end = std::min<std::uint64_t>(last * kBlock, cached_.size());
  if (first * kBlock >= end) return;
  Bytes zeros(end - first * kBlock, '\0');
  Place(&cached_, first * kBlock, zeros);
  pending_.push_back({Change::Kind::kPunch, first * kBlock, std::move(zeros), cached_.size()});
}

void SimulatedBytes::Sync() {
  for (const Change& change : pending_) {
    if (change.kind == Change::Kind::kResize) {
      durable_.resize(change.offset, '\0');
    } else {
      Place(&durable_, change.offset, change.bytes);
    }
  }
  pending_.clear();
}

void SimulatedBytes::LoseUnsynced() {
  // The size is metadata: it is journalled, and the failed page is not.
  durable_.resize(cached_.size(), '\0');
  pending_.clear();
}

void SimulatedBytes::DropCache() {
  if (pending_.empty()) cached_ = durable_;
}

void SimulatedBytes::Crash(CrashManner manner, Random* random) {
  switch (manner) {
    case CrashManner::kKeepNothing:
      pending_.clear();
      break;
    case CrashManner::kKeepAll:
      Sync();
      break;
    case CrashManner::kKeepSome:
      CrashKeepingSome(random);
      break;
  }
  cached_ = durable_;
  Free((cached_.size() + kBlock - 1) / kBlock, blocks_.size());
}

// The size is that after one of the changes; of the bytes below it any part may be there.
void SimulatedBytes::CrashKeepingSome(Random* random) {
  const std::uint64_t resized = random->Below(pending_.size() + 1);
  std::uint64_t size = durable_.size();
  const std::uint64_t chance = random->Below(5);  // of 4: each crash keeps more or less
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Change& change = pending_[i];
    if (i < resized) size = change.size_after;
    switch (change.kind) {
      case Change::Kind::kWrite:
        PlaceSome(&durable_, change.offset, change.bytes, chance, random);
        break;
      case Change::Kind::kPunch:
        if (random->Below(4) < chance) Place(&durable_, change.offset, change.bytes);
        break;
      case Change::Kind::kResize:
        if (i < resized && change.offset < durable_.size()) durable_.resize(change.offset);
        break;
    }
  }
  durable_.resize(size, '\0');
  pending_.clear();
}

void SimulatedBytes::FlipBit(std::uint64_t bit) {
  CHECK(bit / 8 < cached_.size() && bit / 8 < durable_.size());
  const auto mask = static_cast<char>(1u << (bit % 8));
  cached_[bit / 8] = static_cast<char>(cached_[bit / 8] ^ mask);
  durable_[bit / 8] = static_cast<char>(durable_[bit / 8] ^ mask);
}

void SimulatedBytes::Overwrite(std::uint64_t offset, ByteSpan bytes) {
  Reserve(offset, offset + bytes.size());
  Place(&cached_, offset, bytes);
  Place(&durable_, offset, bytes);
}

void SimulatedBytes::CutOff(std::uint64_t size) {
  cached_.resize(std::min<std::uint64_t>(size, cached_.size()));
  durable_.resize(cached_.size(), '\0');
  Free((size + kBlock - 1) / kBlock, blocks_.size());
  pending_.clear();
}

}  // namespace carillon
