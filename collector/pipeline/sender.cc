#include "collector/pipeline/sender.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/check.h"

namespace carillon {
namespace {

// It looks at the clock at least this often: the wall clock may jump.
constexpr Duration kMaxWait = std::chrono::seconds(1);

}  // namespace

struct Sender::Mailbox {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<Input> inputs;
  bool stopping = false;
  SenderStats stats;

  void Post(Input input) {
    const std::lock_guard lock(mutex);
    if (stopping) return;
    inputs.push_back(std::move(input));
    if (inputs.size() == 1) wake.notify_one();
  }
};

Sender::Sender(SenderOptions options, std::function<void(SenderRequests)> ask)
    : options_(std::move(options)),
      ask_(std::move(ask)),
      mailbox_(std::make_shared<Mailbox>()),
      schedule_(options_.limits) {}

Sender::~Sender() {
  Stop();
}

void Sender::Start() {
  thread_ = std::thread([this] { Loop(); });
}

void Sender::Stop() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stopping = true;
    mailbox_->inputs.clear();
  }
  mailbox_->wake.notify_one();
  if (thread_.joinable()) thread_.join();
}

SendTime Sender::Time() const {
  return {.now = options_.clock->Now(), .wall_seconds = WallSeconds(options_.clock->WallNow())};
}

void Sender::Add(std::vector<SenderChunk> chunks) {
  {
    // Counted at once: whoever waits for the sender to have nothing must not miss them.
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->stats.chunks += chunks.size();
  }
  mailbox_->Post(
      [chunks = std::move(chunks)](Sender* self, const SendTime& time, SendEffects*) mutable {
        for (SenderChunk& chunk : chunks) self->AddNow(std::move(chunk), time);
      });
}

void Sender::AddNow(SenderChunk chunk, const SendTime& time) {
  const OutboxChunk& what = *chunk.waiting.chunk;
  const std::uint64_t age = time.wall_seconds - std::min(what.created, time.wall_seconds);
  const Duration left = options_.max_age - std::chrono::seconds(age);
  if (value_bytes_ + chunk.value.size() > kMaxValueBytes) chunk.value = {};
  value_bytes_ += chunk.value.size();
  created_.insert(what.created);
  schedule_.Add({.id = chunk.waiting.id,
                 .tenant = what.tenant,
                 .bucket = what.bucket,
                 .epoch = what.info.key.epoch,
                 .bytes = what.info.value_bytes,
                 .commit_at = chunk.commit_at,
                 .expires = time.now + left},
                time);
  held_[chunk.waiting.id] = {chunk.waiting.chunk, std::move(chunk.value)};
}

void Sender::HandleBuried(OutboxId id, Status status) {
  mailbox_->Post(
      [id, status = std::move(status)](Sender* self, const SendTime& time, SendEffects*) {
        self->schedule_.HandleBuried(id, status, time);
        if (status.ok()) self->Forget(id);
      });
}

void Sender::HandleRenumbered(OutboxId id, StatusOr<WaitingChunk> renumbered) {
  mailbox_->Post(
      [id, renumbered = std::move(renumbered)](Sender* self, const SendTime& time, SendEffects*) {
        if (renumbered.ok()) self->held_.at(id).chunk = renumbered->chunk;
        self->schedule_.HandleRenumbered(id, renumbered.status(), time);
      });
}

void Sender::Hurry() {
  mailbox_->Post([](Sender* self, const SendTime&, SendEffects*) { self->schedule_.Hurry(); });
}

SenderStats Sender::stats() const {
  const std::lock_guard lock(mailbox_->mutex);
  return mailbox_->stats;
}

void Sender::Loop() {
  while (true) {
    const SendTime before = Time();
    const auto deadline = schedule_.Deadline(before);
    const Duration wait =
        deadline ? std::clamp<Duration>(*deadline - before.now, Duration(0), kMaxWait) : kMaxWait;
    std::vector<Input> inputs;
    {
      std::unique_lock lock(mailbox_->mutex);
      mailbox_->wake.wait_for(lock, wait,
                              [this] { return mailbox_->stopping || !mailbox_->inputs.empty(); });
      if (mailbox_->stopping) return;
      inputs.swap(mailbox_->inputs);
    }
    const SendTime time = Time();
    SendEffects effects;
    for (Input& input : inputs) input(this, time, &effects);
    schedule_.Tick(time, &effects);
    Perform(std::move(effects), time);
  }
}

void Sender::Perform(SendEffects effects, const SendTime& time) {
  SenderStats more;
  for (const ChunkToPut& put : effects.puts) {
    const std::uint64_t bytes = held_.at(put.id).chunk->info.value_bytes;
    ++(put.live ? more.live_chunks : more.stale_chunks);
    (put.live ? more.live_bytes : more.stale_bytes) += bytes;
    Put(put);
  }
  for (const CommitToSend& commit : effects.commits) SendCommit(commit);
  for (const OutboxId id : effects.committed) {
    ++more.chunks_committed;
    more.events_committed += held_.at(id).chunk->info.events;
    Forget(id);
  }
  {
    const std::lock_guard lock(mailbox_->mutex);
    SenderStats& stats = mailbox_->stats;
    stats.live_chunks += more.live_chunks;
    stats.live_bytes += more.live_bytes;
    stats.stale_chunks += more.stale_chunks;
    stats.stale_bytes += more.stale_bytes;
    stats.chunks_committed += more.chunks_committed;
    stats.events_committed += more.events_committed;
    stats.commits += effects.commits_done;
    stats.failures += effects.failures;
    stats.oldest = Duration(0);
    if (!created_.empty()) {
      stats.oldest =
          std::chrono::seconds(time.wall_seconds - std::min(*created_.begin(), time.wall_seconds));
    }
  }
  // Counted before: who is told that all is done sees it counted.
  SenderRequests requests{.done = std::move(effects.committed),
                          .burials = std::move(effects.burials),
                          .renumberings = std::move(effects.renumberings)};
  if (!requests.empty()) ask_(std::move(requests));
}

void Sender::Put(const ChunkToPut& put) {
  const OutboxId id = put.id;
  const Held& held = held_.at(id);
  SharedBytes value = held.value;
  if (value.size() == 0) {
    StatusOr<SharedBytes> read = options_.outbox->ReadValue(id);
    if (!read.ok()) {
      // Damage stays: the chunk is given up like one that the store refuses.
      Status status = read.status().code() == StatusCode::kDataLoss
                          ? InvalidArgument("{}", Message(read.status()))
                          : read.status();
      mailbox_->Post([id, status = std::move(status)](Sender* self, const SendTime& time,
                                                      SendEffects* effects) {
        self->schedule_.HandlePut(id, status, time, effects);
      });
      return;
    }
    value = *std::move(read);
  }
  options_.client->PutChunkAsync(
      held.chunk->bucket, held.chunk->info.key, std::move(value),
      [id, mailbox = mailbox_](const StatusOr<PutReply>& reply) {
        mailbox->Post([id, status = reply.status()](Sender* self, const SendTime& time,
                                                    SendEffects* effects) {
          if (status.ok()) self->DropValue(id);
          self->schedule_.HandlePut(id, status, time, effects);
        });
      });
}

void Sender::SendCommit(const CommitToSend& commit) {
  Commit call{.bucket = commit.bucket, .epoch = commit.epoch, .dc = options_.dc};
  for (const OutboxId id : commit.chunks) call.chunks.push_back(held_.at(id).chunk->info);
  options_.client->CommitSecondAsync(
      call, [id = commit.id, mailbox = mailbox_](const Status& status) {
        mailbox->Post([id, status](Sender* self, const SendTime& time, SendEffects* effects) {
          self->schedule_.HandleCommit(id, status, time, effects);
        });
      });
}

void Sender::DropValue(OutboxId id) {
  SharedBytes& value = held_.at(id).value;
  value_bytes_ -= value.size();
  value = {};
}

void Sender::Forget(OutboxId id) {
  DropValue(id);
  const auto held = held_.find(id);
  created_.erase(created_.find(held->second.chunk->created));
  held_.erase(held);
  const std::lock_guard lock(mailbox_->mutex);
  --mailbox_->stats.chunks;
}

}  // namespace carillon
