#include "server/node/sync_target.h"

#include <algorithm>

#include "ring/hash_ring.h"
#include "server/node/request_checks.h"
#include "server/node/sync_pace.h"

namespace carillon {
namespace {

std::uint64_t TtlOf(const EntryLine& entry) {
  const std::uint64_t epoch = entry.info.key.epoch.value();
  return entry.expire_at == 0 ? 0 : std::max<std::uint64_t>(entry.expire_at - epoch, 1);
}

SyncMode SyncOf(const ClusterState& state, const std::string& bucket) {
  const BucketProperties* properties = state.FindBucket(bucket);
  return properties == nullptr ? SyncMode::kAlways : properties->sync;
}

}  // namespace

SyncTarget::SyncTarget(PartitionId partition, const NodeId& source, std::uint64_t bytes_per_second,
                       bool settled_only)
    : partition_(partition),
      source_(source),
      bytes_per_second_(bytes_per_second),
      settled_only_(settled_only) {}

void SyncTarget::End(Status status) {
  if (done_) return;
  done_ = true;
  status_ = status.ok() ? shortfall_ : std::move(status);
}

void SyncTarget::Start(Outbox* out) {
  asked_ = out->Ask(source_, SyncDigests{.partition = partition_});
  out->Do(ListDigests{.operation = out->Begin(), .partition = partition_});
}

void SyncTarget::Handle(DigestsDone done, Outbox* out) {
  if (done_ || ours_) return;
  if (!done.status.ok()) return End(std::move(done.status));
  ours_ = std::move(done.lines);
  damaged_.insert(done.damaged.begin(), done.damaged.end());
  Compare(out);
}

void SyncTarget::Handle(PeerReplied replied, Outbox* out) {
  if (done_ || asked_ != replied.operation) return;
  asked_.reset();
  PeerReply& reply = replied.reply;
  if (!reply.status.ok()) return End(std::move(reply.status));
  if (auto* digests = std::get_if<DigestsReply>(&reply.value)) {
    theirs_ = std::move(digests->lines);
    return Compare(out);
  }
  if (auto* entries = std::get_if<EntriesReply>(&reply.value)) {
    their_entries_.insert(their_entries_.end(), std::make_move_iterator(entries->entries.begin()),
                          std::make_move_iterator(entries->entries.end()));
    if (!entries->next.empty()) return AskTheirs(std::move(entries->next), out);
    theirs_whole_ = true;
    return FindMissing(out);
  }
  if (auto* page = std::get_if<ClaimEntriesReply>(&reply.value)) {
    their_claims_.insert(their_claims_.end(), page->claims.begin(), page->claims.end());
    if (!page->next.empty()) return AskTheirs(std::move(page->next), out);
    theirs_whole_ = true;
    return FindMissing(out);
  }
  if (auto* values = std::get_if<ReadReply>(&reply.value)) return StoreBatch(*values, out);
  End(Internal("an answer of another kind"));
}

void SyncTarget::Compare(Outbox* out) {
  if (!theirs_ || !ours_) return;
  std::map<std::pair<std::string, std::uint64_t>, const DigestLine*> mine;
  for (const DigestLine& line : *ours_) mine[{line.bucket, line.hour}] = &line;
  for (const DigestLine& line : *theirs_) {
    total_.count += line.count;
    total_.sum.low ^= line.sum.low;
    total_.sum.high ^= line.sum.high;
    const auto own = mine.find({line.bucket, line.hour});
    const HourName name{.bucket = line.bucket, .hour = line.hour};
    const bool agrees = own != mine.end() && *own->second == line && !damaged_.contains(name);
    if (line.count == 0 || agrees || LeavesOut(line, out->scene())) continue;
    hours_.push_back(name);
  }
  std::stable_sort(hours_.begin(), hours_.end(),
                   [](const HourName& a, const HourName& b) { return a.hour > b.hour; });
  progress_.hours = hours_.size();
  theirs_.reset();
  ours_ = std::vector<DigestLine>();
  NextHour(out);
}

void SyncTarget::NextHour(Outbox* out) {
  if (hours_.empty()) return End(OkStatus());
  their_entries_.clear();
  our_entries_.clear();
  their_claims_.clear();
  our_claims_.clear();
  theirs_whole_ = ours_whole_ = false;
  asked_at_ = out->scene().time.now;
  AskTheirs({}, out);
  AskOurs({}, out);
}

void SyncTarget::AskTheirs(Bytes after, Outbox* out) {
  if (IsClaimSlot(hours_.front().hour)) {
    asked_ = out->Ask(source_, SyncClaims{.partition = partition_,
                                          .bucket = hours_.front().bucket,
                                          .slot = hours_.front().hour,
                                          .after = std::move(after)});
    return;
  }
  asked_ = out->Ask(source_, SyncEntries{.partition = partition_,
                                         .bucket = hours_.front().bucket,
                                         .hour = hours_.front().hour,
                                         .after = std::move(after)});
}

void SyncTarget::AskOurs(Bytes after, Outbox* out) {
  if (IsClaimSlot(hours_.front().hour)) {
    out->Do(ListClaims{.operation = out->Begin(),
                       .partition = partition_,
                       .bucket = hours_.front().bucket,
                       .slot = hours_.front().hour,
                       .after = std::move(after)});
    return;
  }
  out->Do(ListEntries{.operation = out->Begin(),
                      .partition = partition_,
                      .bucket = hours_.front().bucket,
                      .hour = hours_.front().hour,
                      .after = std::move(after)});
}

void SyncTarget::Handle(EntriesDone done, Outbox* out) {
  if (done_) return;
  if (!done.status.ok()) return End(std::move(done.status));
  for (EntryLine& entry : done.page.entries) {
    our_entries_.emplace(entry.manifest, std::move(entry.info.key));
  }
  if (!done.page.next.empty()) return AskOurs(std::move(done.page.next), out);
  ours_whole_ = true;
  FindMissing(out);
}

void SyncTarget::FindMissing(Outbox* out) {
  if (!theirs_whole_ || !ours_whole_) return;
  if (IsClaimSlot(hours_.front().hour)) return FindMissingClaims(out);
  const std::uint64_t now = out->scene().now_seconds();
  for (EntryLine& entry : their_entries_) {
    const bool expired = entry.expire_at != 0 && entry.expire_at <= now;
    if (expired || our_entries_.contains({entry.manifest, entry.info.key})) continue;
    if (entry.manifest) {
      missing_lines_.push_back(std::move(entry));
    } else {
      missing_chunks_.push_back(std::move(entry));
    }
  }
  their_entries_.clear();
  our_entries_.clear();
  GoOn(out);
}

// What is next of the hour under way: a batch of chunks, its manifest lines, or the next hour.
void SyncTarget::GoOn(Outbox* out) {
  if (done_ || asked_ || !writes_.empty() || pause_until_) return;
  if (!missing_chunks_.empty()) return FetchBatch(out);
  if (!missing_lines_.empty()) return StoreLines(out);
  if (!missing_claims_.empty()) return StoreClaimBatch(out);
  hours_.pop_front();
  ++progress_.hours_done;
  NextHour(out);
}

void SyncTarget::FetchBatch(Outbox* out) {
  batch_.clear();
  std::size_t bytes = 0;
  SyncFetch fetch{.partition = partition_, .bucket = hours_.front().bucket, .keys = {}};
  while (!missing_chunks_.empty() && batch_.size() < kBatchKeys &&
         (batch_.empty() || bytes + missing_chunks_.front().info.value_bytes <= kBatchBytes)) {
    bytes += missing_chunks_.front().info.value_bytes;
    fetch.keys.push_back(missing_chunks_.front().info.key);
    batch_.push_back(std::move(missing_chunks_.front()));
    missing_chunks_.pop_front();
  }
  asked_ = out->Ask(source_, std::move(fetch));
  asked_at_ = out->scene().time.now;
}

StorePlace SyncTarget::PlaceOfKey(const std::string& key, const Outbox& out) const {
  return PlaceOf(*out.scene().state, hours_.front().bucket, key);
}

void SyncTarget::StoreBatch(ReadReply reply, Outbox* out) {
  std::uint64_t bytes = 0;
  const std::string& bucket = hours_.front().bucket;
  for (std::size_t i = 0; i < batch_.size() && i < reply.values.size(); ++i) {
    ReplicaValue& value = reply.values[i];
    if (!value.status.ok()) {
      shortfall_ = DataLoss("chunk {} cannot be had: {}", ToString(batch_[i].info.key),
                            Message(value.status));
      continue;
    }
    bytes += value.value.size();
    writes_.insert(out->Write(out->scene().self,
                              ReplicaPut{.place = PlaceOfKey(ToString(batch_[i].info.key), *out),
                                         .bucket = bucket,
                                         .key = batch_[i].info.key,
                                         .value = Rope(std::move(value.value)),
                                         .value_crc = value.value_crc,
                                         .ttl_seconds = TtlOf(batch_[i]),
                                         .sync = SyncOf(*out->scene().state, bucket)}));
    ++progress_.chunks;
  }
  // Fewer answers than asked for: the rest is asked for again.
  for (std::size_t i = batch_.size(); i > reply.values.size(); --i) {
    missing_chunks_.push_front(std::move(batch_[i - 1]));
  }
  if (reply.values.empty()) return End(Internal("a source answers nothing"));
  batch_.clear();
  progress_.bytes += bytes;
  Rest(bytes, out);
  GoOn(out);
}

// The lines of a second that expire together are one commit.
void SyncTarget::StoreLines(Outbox* out) {
  const std::string& bucket = hours_.front().bucket;
  std::map<std::tuple<Epoch, std::string, std::uint64_t>, std::vector<ReplicaCommit>> commits;
  for (EntryLine& line : missing_lines_) {
    const std::uint64_t ttl = TtlOf(line);
    auto& of_second = commits[{line.info.key.epoch, line.info.key.dc, ttl}];
    if (of_second.empty() || of_second.back().commit.chunks.size() >= kMaxChunksPerCommit) {
      ReplicaCommit commit;
      commit.place = PlaceOfKey(ManifestKey(line.info.key.epoch, line.info.key.dc), *out);
      commit.commit.bucket = bucket;
      commit.commit.epoch = line.info.key.epoch;
      commit.commit.dc = line.info.key.dc;
      commit.ttl_seconds = ttl;
      commit.sync = SyncOf(*out->scene().state, bucket);
      of_second.push_back(std::move(commit));
    }
    of_second.back().commit.chunks.push_back(std::move(line.info));
    ++progress_.lines;
  }
  missing_lines_.clear();
  for (auto& [second, of_second] : commits) {
    for (ReplicaCommit& commit : of_second) {
      writes_.insert(out->Write(out->scene().self, ReplicaWrite(std::move(commit))));
    }
  }
}

void SyncTarget::Rest(std::uint64_t bytes, Outbox* out) {
  const Instant now = out->scene().time.now;
  const Duration pause = PauseAfterBatch(bytes, now - asked_at_, bytes_per_second_);
  if (pause <= Duration::zero()) return;
  pause_until_ = now + pause;
  out->WakeAt(*pause_until_);
}

void SyncTarget::Handle(const WriteDone& done, Outbox* out) {
  HandleStored(done.operation, done.status, out);
}

void SyncTarget::HandleStored(OperationId operation, const Status& status, Outbox* out) {
  if (writes_.erase(operation) == 0 || done_) return;
  // Other bytes under one key are nobody's to choose: what is stored here stays.
  if (!status.ok() && status.code() != StatusCode::kAlreadyExists) {
    return End(Annotate(status, "storing what was pulled"));
  }
  GoOn(out);
}

void SyncTarget::HandleTime(Outbox* out) {
  if (!pause_until_ || out->scene().time.now < *pause_until_) return;
  pause_until_.reset();
  GoOn(out);
}

}  // namespace carillon
