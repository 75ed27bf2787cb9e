// The effects of sync: what a partition holds, giving it up, and how many there are.
#include "server/shell/node_loop.h"

namespace carillon {
namespace {

constexpr std::size_t kEntriesPerPage = 5'000;

Digest ToDigest(const DigestLine& line) {
  return {.count = line.count, .sum = line.sum};
}

EntryLine ToLine(SyncEntry entry) {
  return {.manifest = entry.kind == SyncEntry::Kind::kManifest,
          .info = std::move(entry.info),
          .expire_at = entry.expire_at};
}

}  // namespace

void NodeLoop::Perform(ListDigests effect) {
  store_->Read([this, effect] {
    DigestsDone done{.operation = effect.operation, .status = OkStatus(), .lines = {}};
    const auto digests = store_->store().ListDigests(effect.partition);
    done.status = digests.status();
    if (digests.ok()) {
      for (const HourDigest& one : *digests) {
        done.lines.push_back({.bucket = one.bucket,
                              .hour = one.hour,
                              .count = one.digest.count,
                              .sum = one.digest.sum});
      }
      for (const SyncEntry& entry : store_->store().DamagedEntries(effect.partition)) {
        const HourName hour{.bucket = entry.bucket, .hour = entry.info.key.epoch.value() / 3600};
        if (done.damaged.empty() || done.damaged.back() != hour) done.damaged.push_back(hour);
      }
    }
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(ListEntries effect) {
  store_->Read([this, effect = std::move(effect)] {
    EntriesDone done{.operation = effect.operation, .status = OkStatus(), .page = {}};
    auto page = store_->store().ListEntries(effect.partition, effect.bucket, effect.hour,
                                            effect.after, kEntriesPerPage);
    done.status = page.status();
    if (page.ok()) {
      for (SyncEntry& entry : page->entries) done.page.entries.push_back(ToLine(std::move(entry)));
      done.page.next = std::move(page->next);
    }
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(ListClaims effect) {
  store_->Read([this, effect = std::move(effect)] {
    ClaimsListed done{.operation = effect.operation, .status = OkStatus(), .page = {}};
    auto page = store_->store().ListClaims(effect.partition, effect.bucket, effect.slot,
                                           effect.after, kEntriesPerPage);
    done.status = page.status();
    if (page.ok()) done.page = {.claims = std::move(page->claims), .next = std::move(page->next)};
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(ListHeld effect) {
  store_->Read([this, effect] {
    HeldDone done{.operation = effect.operation, .status = OkStatus(), .partitions = {}};
    auto held = store_->store().HeldPartitions();
    done.status = held.status();
    if (held.ok()) done.partitions = *std::move(held);
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(MeasureHeld effect) {
  store_->Read([this, effect] {
    MeasuredDone done{.operation = effect.operation, .status = OkStatus(), .sizes = {}};
    const auto sizes = store_->store().Measure();
    done.status = sizes.status();
    if (sizes.ok()) {
      done.sizes.free_bytes = sizes->free_bytes;
      for (const PartitionSize& one : sizes->partitions) {
        done.sizes.partitions.push_back(
            {.partition = one.partition, .chunks = one.chunks, .bytes = one.bytes});
      }
    }
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(DropPartition effect) {
  const OperationId operation = effect.operation;
  const auto work = [this, effect = std::move(effect)] {
    const auto dropped =
        store_->mutable_store()->DropPartitionIf(effect.partition, ToDigest(effect.total));
    PostCompletion(DropDone{.operation = effect.operation,
                            .status = dropped.status(),
                            .dropped = dropped.ok() && *dropped});
  };
  if (store_->Exclusive(store_->store().DiskOf(effect.partition), work)) return;
  PostCompletion(DropDone{
      .operation = operation, .status = Unavailable("the node is stopping"), .dropped = false});
}

void NodeLoop::Perform(RenumberStore effect) {
  store_->Read([this, effect] {
    PostCompletion(
        RenumberDone{.operation = effect.operation,
                     .status = store_->mutable_store()->SetPartitionBits(effect.partition_bits)});
  });
}

}  // namespace carillon
