#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "client/client.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary.h"

namespace carillon {

// A store in memory, with what a cluster promises of puts and commits: the same key with the same
// bytes is stored once, with other bytes refused; a commit needs its chunks; the first owner of an
// id keeps it. Answers come at once, on the caller's thread.
//
// Threads: any, at once.
class RecordingClient final : public Client {
 public:
  using PutHook = std::function<Status(const std::string& bucket, const ChunkKey& key)>;
  using CommitHook = std::function<Status(const Commit& commit)>;
  using ClaimHook = std::function<Status(const ClaimOrder& order)>;
  // Asked before a put, commit, or claim does anything: not OK is the answer.
  void BeforePut(PutHook hook) { Set(&before_put_, std::move(hook)); }
  void BeforeCommit(CommitHook hook) { Set(&before_commit_, std::move(hook)); }
  void BeforeClaim(ClaimHook hook) { Set(&before_claim_, std::move(hook)); }
  void BeforeList(std::function<Status()> hook) { Set(&list_status_, std::move(hook)); }
  // Asked after it has done it: not OK is the answer all the same.
  void After(std::function<Status()> hook) { Set(&after_, std::move(hook)); }

  StatusOr<PutReply> PutChunk(const std::string& bucket, const ChunkKey& key,
                              SharedBytes value) override {
    const std::lock_guard lock(mutex_);
    puts_.push_back(key);
    if (before_put_) RETURN_IF_ERROR(before_put_(bucket, key));
    const auto [stored, is_new] = chunks_.emplace(std::pair(bucket, key), Bytes(value.view()));
    if (!is_new && stored->second != value.view()) return AlreadyExists("{}", ToString(key));
    if (after_) RETURN_IF_ERROR(after_());
    return PutReply{.already_stored = !is_new};
  }
  void PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                     std::function<void(StatusOr<PutReply>)> done) override {
    done(PutChunk(bucket, key, std::move(value)));
  }

  Status CommitSecond(const Commit& commit) override {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Validate(commit));
    if (before_commit_) RETURN_IF_ERROR(before_commit_(commit));
    for (const ChunkInfo& info : commit.chunks) {
      const auto stored = chunks_.find({commit.bucket, info.key});
      if (stored == chunks_.end()) return FailedPrecondition("{}", ToString(info.key));
      if (Crc32c(stored->second) != info.value_crc) return InvalidArgument("crc");
    }
    for (const ChunkInfo& info : commit.chunks) {
      const bool is_new = committed_.emplace(commit.bucket, info.key).second;
      if (is_new && commit.bucket != kDictionaryBucket) committed_events_ += info.events;
      infos_[{commit.bucket, info.key}] = info;
    }
    ++commits_;
    if (after_) RETURN_IF_ERROR(after_());
    return OkStatus();
  }
  void CommitSecondAsync(const Commit& commit, std::function<void(Status)> done) override {
    done(CommitSecond(commit));
  }

  StatusOr<std::vector<ClaimVerdict>> Claim(const ClaimOrder& order) override {
    const std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(Validate(order));
    if (before_claim_) RETURN_IF_ERROR(before_claim_(order));
    std::vector<ClaimVerdict> verdicts;
    if (undecided_) return std::vector(order.ids.size(), ClaimVerdict::kUndecided);
    for (const ClaimId& id : order.ids) {
      const auto [claim, is_new] = claims_.emplace(std::pair(order.bucket, id), order.owner);
      verdicts.push_back(claim->second == order.owner ? ClaimVerdict::kMine : ClaimVerdict::kTaken);
    }
    if (after_) RETURN_IF_ERROR(after_());
    return verdicts;
  }
  void ClaimAsync(const ClaimOrder& order, Duration /*timeout*/,
                  std::function<void(StatusOr<std::vector<ClaimVerdict>>)> done) override {
    done(Claim(order));
  }

  // Every verdict from now on is kUndecided.
  void UndecidedClaims(bool undecided) {
    const std::lock_guard lock(mutex_);
    undecided_ = undecided;
  }
  // As if their time were over.
  void ForgetClaims() {
    const std::lock_guard lock(mutex_);
    claims_.clear();
  }

  // How often each event is in a committed chunk, by its line. Not of kDictionaryBucket; every
  // dictionary that a chunk needs must be there.
  std::map<std::string, int> Events() const {
    const std::lock_guard lock(mutex_);
    std::map<std::string, int> events;
    for (const auto& id : committed_) {
      const auto& [bucket, key] = id;
      if (bucket == kDictionaryBucket) continue;
      const Bytes& value = chunks_.at(id);
      std::shared_ptr<const Dictionary> dictionary;
      if (const std::uint32_t wanted = DictionaryIdOf(value); wanted != 0) {
        const ChunkKey at = DictionaryKeyOf(key, bucket, wanted);
        dictionary = *Dictionary::Load(chunks_.at({kDictionaryBucket, at}));
      }
      const StatusOr<Bytes> lines = DecodeChunkValue(value, dictionary.get());
      ForEachEvent(*lines, [&](std::string_view event) {
        ++events[std::string(event)];
        return true;
      });
    }
    return events;
  }
  // How many those are; costs nothing. A chunk that is committed again counts once.
  std::uint64_t committed_events() const {
    const std::lock_guard lock(mutex_);
    return committed_events_;
  }
  std::set<std::pair<std::string, ChunkKey>> committed() const {
    const std::lock_guard lock(mutex_);
    return committed_;
  }
  std::vector<ChunkKey> puts() const {
    const std::lock_guard lock(mutex_);
    return puts_;
  }
  int commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
  }
  void Store(const std::string& bucket, const ChunkKey& key, Bytes value) {
    const std::lock_guard lock(mutex_);
    chunks_[{bucket, key}] = std::move(value);
  }

  // The ids of the dictionaries that committed chunks need, 0 for none, by chunk.
  std::map<ChunkKey, std::uint32_t> DictionaryIds() const {
    const std::lock_guard lock(mutex_);
    std::map<ChunkKey, std::uint32_t> ids;
    for (const auto& id : committed_) {
      if (id.first != kDictionaryBucket) ids[id.second] = DictionaryIdOf(chunks_.at(id));
    }
    return ids;
  }
  // How many are stored in a bucket.
  std::size_t ChunksOf(const std::string& bucket) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(chunks_.begin(), chunks_.end(),
                      [&](const auto& one) { return one.first.first == bucket; }));
  }

  // One page; the filter is asked whole.
  StatusOr<SecondsPage> ListSeconds(const ListQuery& query) override {
    std::unique_lock lock(mutex_);
    if (const auto hook = list_status_) {
      lock.unlock();  // it may wait
      RETURN_IF_ERROR(hook());
      lock.lock();
    }
    SecondsPage page;
    const Filter& filter = query.filter;
    for (const auto& [bucket, key] : committed_) {
      const bool wanted = bucket == query.bucket && key.epoch >= query.range.first &&
                          key.epoch < query.range.limit && key.dc == filter.dc &&
                          key.cell == filter.cell && key.type == filter.type &&
                          key.subtype == filter.subtype;
      if (!wanted) continue;
      page.seconds.push_back(
          {.epoch = key.epoch, .dc = key.dc, .chunks = {infos_.at({bucket, key})}});
    }
    return page;
  }
  StatusOr<Bytes> GetChunk(const std::string& bucket, const ChunkKey& key) override {
    const std::lock_guard lock(mutex_);
    const auto found = chunks_.find({bucket, key});
    if (found == chunks_.end()) return NotFound("{}", ToString(key));
    return found->second;
  }
  Status GetChunks(const std::string& bucket, const std::vector<ChunkKey>& keys,
                   const std::function<void(const ChunkKey&, StatusOr<Bytes>)>& each) override {
    for (const ChunkKey& key : keys) each(key, GetChunk(bucket, key));
    return OkStatus();
  }

  // What a collector never asks.
  std::unique_ptr<RangeStream> ReadRange(const RangeQuery&) override { return nullptr; }
  // Those that CreateBucket has made.
  std::map<std::string, BucketProperties> made() const {
    const std::lock_guard lock(mutex_);
    return made_;
  }
  StatusOr<std::vector<NamedBucket>> ListBuckets() override { return Unimplemented("list"); }
  StatusOr<NamedBucket> CreateBucket(const std::string& name, const BucketChange& change) override {
    const std::lock_guard lock(mutex_);
    NamedBucket bucket{.name = name};
    bucket.properties.ttl_seconds = change.ttl_seconds.value_or(bucket.properties.ttl_seconds);
    if (!made_.emplace(name, bucket.properties).second) return AlreadyExists("{}", name);
    return bucket;
  }
  StatusOr<NamedBucket> SetBucket(const std::string&, const BucketChange&) override {
    return Unimplemented("set");
  }
  ClientCounters counters() const override { return {}; }

 private:
  template <typename Hook>
  void Set(Hook* hook, Hook to) {
    const std::lock_guard lock(mutex_);
    *hook = std::move(to);
  }

  mutable std::mutex mutex_;
  PutHook before_put_;
  CommitHook before_commit_;
  ClaimHook before_claim_;
  std::function<Status()> after_;
  std::function<Status()> list_status_;
  std::map<std::pair<std::string, ChunkKey>, Bytes> chunks_;
  std::set<std::pair<std::string, ChunkKey>> committed_;
  std::map<std::pair<std::string, ChunkKey>, ChunkInfo> infos_;
  std::uint64_t committed_events_ = 0;
  std::map<std::pair<std::string, ClaimId>, ClaimOwner> claims_;
  std::map<std::string, BucketProperties> made_;
  std::vector<ChunkKey> puts_;
  bool undecided_ = false;
  int commits_ = 0;
};

}  // namespace carillon
