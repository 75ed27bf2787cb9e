#include "server/shell/node_loop.h"

#include <utility>

#include "base/flush_scope.h"
#include "base/log.h"
#include "server/shell/claim_writes.h"

namespace carillon {

NodeLoop::NodeLoop(std::unique_ptr<Node> node, StoreThreads* store, const Clock* clock,
                   SaveRingState save_ring, PeerTransport* peers)
    : store_(store),
      clock_(clock),
      save_ring_(std::move(save_ring)),
      peers_(peers),
      node_(std::move(node)),
      timer_([this] { TimerLoop(); }) {}

NodeLoop::~NodeLoop() {
  Stop(Duration::zero());
  StopTimer();
}

void NodeLoop::Start() {
  PostCompletion(StartInput{});
}

void NodeLoop::HandlePeer(PeerSender sender, PeerMessage message,
                          std::function<void(PeerReply)> done) {
  const RequestId request = NewRequest();
  bool refused = false;
  {
    const std::lock_guard lock(queue_mutex_);
    refused = stopping_;
    if (!refused) ++open_requests_;
  }
  if (refused) {
    return done(PeerReply{.status = Unavailable("the node is stopping"), .version = {}});
  }
  Post({.input = PeerRequest{.request = request, .sender = sender, .message = std::move(message)},
        .done = {},
        .receiver = {},
        .peer = std::move(done),
        .request = request});
}

void NodeLoop::HandleGossip(GossipMessage message, std::string address) {
  PostCompletion(GossipReceived{.message = std::move(message), .address = std::move(address)});
}

void NodeLoop::Ask(RequestId request, Input input, std::function<void(Answer)> done) {
  {
    const std::lock_guard lock(queue_mutex_);
    if (!stopping_) {
      ++open_requests_;
    } else {
      input = CancelInput{.request = request};
    }
  }
  if (std::holds_alternative<CancelInput>(input)) {
    done(Answer{.request = request,
                .status = Unavailable("the node is stopping"),
                .value = {},
                .version = {}});
    return;
  }
  Post({.input = std::move(input),
        .done = std::move(done),
        .receiver = {},
        .peer = {},
        .request = request});
}

void NodeLoop::Open(RequestId request, Input input, std::shared_ptr<StreamReceiver> receiver) {
  bool refused = false;
  {
    const std::lock_guard lock(queue_mutex_);
    refused = stopping_;
    if (!refused) ++open_requests_;
  }
  if (refused) return receiver->OnEnd(Unavailable("the node is stopping"));
  Post({.input = std::move(input),
        .done = {},
        .receiver = std::move(receiver),
        .peer = {},
        .request = request});
}

void NodeLoop::AddCredit(RequestId request, std::uint32_t items) {
  PostCompletion(CreditInput{.request = request, .items = items});
}

void NodeLoop::Cancel(RequestId request) {
  {
    const std::lock_guard lock(queue_mutex_);
    cancelled_.insert(request.value());
  }
  PostCompletion(CancelInput{.request = request});
}

void NodeLoop::Post(Posted posted) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(posted));
    if (running_) return;  // whoever runs the node takes it
    running_ = true;
  }
  Run();
}

void NodeLoop::Run() {
  std::deque<Posted> batch;
  std::optional<Instant> deadline;
  while (true) {
    {
      const std::lock_guard lock(queue_mutex_);
      if (queue_.empty()) {
        running_ = false;
        if (open_requests_ == 0) idle_.notify_all();
        return;
      }
      batch.swap(queue_);
    }
    reads_at_once_ = 0;
    const FlushScope together;  // what they send to other nodes
    for (Posted& posted : batch) {
      if (posted.done) askers_[posted.request.value()] = std::move(posted.done);
      if (posted.receiver) receivers_[posted.request.value()] = std::move(posted.receiver);
      if (posted.peer) peer_askers_[posted.request.value()] = std::move(posted.peer);
      if (const auto* cancel = std::get_if<CancelInput>(&posted.input)) Forget(cancel->request);
      Effects effects;
      {
        const std::lock_guard lock(node_mutex_);
        node_->Step({.now = clock_->Now(), .wall = clock_->WallNow()}, std::move(posted.input),
                    &effects);
        deadline = node_->Deadline();
      }
      for (Effect& effect : effects) {
        std::visit([this](auto&& one) { Perform(std::move(one)); }, std::move(effect));
      }
    }
    ArmTimer(deadline);
    batch.clear();
  }
}

void NodeLoop::ArmTimer(std::optional<Instant> deadline) {
  bool sooner = false;
  {
    const std::lock_guard lock(timer_mutex_);
    sooner = deadline && (!tick_at_ || *deadline < *tick_at_);
    if (sooner) tick_at_ = deadline;
  }
  if (sooner) timer_wake_.notify_one();
}

void NodeLoop::TimerLoop() {
  std::unique_lock lock(timer_mutex_);
  while (!timer_stop_) {
    if (!tick_at_) {
      timer_wake_.wait(lock);
      continue;
    }
    const Duration left = *tick_at_ - clock_->Now();
    if (left > Duration::zero()) {
      timer_wake_.wait_for(lock, left);
      continue;
    }
    tick_at_.reset();
    lock.unlock();
    PostCompletion(TickInput{});
    lock.lock();
  }
}

void NodeLoop::StopTimer() {
  {
    const std::lock_guard lock(timer_mutex_);
    timer_stop_ = true;
  }
  timer_wake_.notify_one();
  if (timer_.joinable()) timer_.join();
}

void NodeLoop::Forget(RequestId stream) {
  const std::size_t open = receivers_.erase(stream.value());
  const std::lock_guard lock(queue_mutex_);
  open_requests_ -= open;
  cancelled_.erase(stream.value());
}

bool NodeLoop::IsCancelled(RequestId stream) {
  const std::lock_guard lock(queue_mutex_);
  return cancelled_.contains(stream.value());
}

void NodeLoop::Perform(StoreChunk effect) {
  WriteRequest request;
  request.chunk = ChunkWrite{.placement = {.partition = effect.place.partition,
                                           .ring_position = effect.place.ring_position},
                             .bucket = std::move(effect.bucket),
                             .key = std::move(effect.key),
                             .value = std::move(effect.value),
                             .value_crc = effect.value_crc,
                             .ttl_seconds = effect.ttl_seconds,
                             .sync = effect.sync};
  store_->Write(std::move(request), [this, operation = effect.operation](WriteOutcome outcome) {
    PostCompletion(WriteDone{.operation = operation,
                             .status = std::move(outcome.status),
                             .already_stored = outcome.already_stored});
  });
}

void NodeLoop::Perform(StoreCommit effect) {
  WriteRequest request;
  request.commit = CommitWrite{.placement = {.partition = effect.place.partition,
                                             .ring_position = effect.place.ring_position},
                               .commit = std::move(effect.commit),
                               .ttl_seconds = effect.ttl_seconds,
                               .sync = effect.sync};
  store_->Write(std::move(request), [this, operation = effect.operation](WriteOutcome outcome) {
    PostCompletion(WriteDone{.operation = operation,
                             .status = std::move(outcome.status),
                             .already_stored = outcome.already_stored});
  });
}

void NodeLoop::Perform(StoreClaims effect) {
  struct Together {
    std::mutex mutex;
    std::size_t left = 0;
    ClaimsDone done;
  };
  const auto disk_at = [this](std::uint16_t position) { return store_->store().DiskAt(position); };
  ClaimWrites split = SplitClaims(std::move(effect.claims), disk_at);
  const auto together = std::make_shared<Together>();
  together->left = split.writes.size();
  together->done = {.operation = effect.operation, .status = OkStatus(), .others = {}};
  for (ClaimWrites::One& one : split.writes) {
    const auto ended = [this, together, places = std::move(one.places)](WriteOutcome outcome) {
      {
        const std::lock_guard lock(together->mutex);
        AddOutcome(places, outcome, &together->done);
        if (--together->left > 0) return;
      }
      SortOthers(&together->done);
      PostCompletion(std::move(together->done));
    };
    store_->Write(std::move(one.request), ended);
  }
}

void NodeLoop::Perform(StatChunks effect) {
  store_->Read([this, effect = std::move(effect)] {
    std::vector<ChunkRef> refs;
    refs.reserve(effect.chunks.size());
    for (const ChunkPlace& chunk : effect.chunks) {
      refs.push_back({.partition = chunk.partition, .bucket = effect.bucket, .key = chunk.key});
    }
    StatDone done{.operation = effect.operation, .status = OkStatus(), .found = {}};
    const auto stats = store_->store().StatChunks(refs);
    done.status = stats.status();
    if (stats.ok()) {
      for (const auto& stat : *stats) {
        done.found.push_back(stat ? std::optional(ChunkFound{.value_bytes = stat->value_bytes,
                                                             .value_crc = stat->value_crc})
                                  : std::nullopt);
      }
    }
    PostCompletion(std::move(done));
  });
}

// What is in memory is read here and now while there are few of them: to wake a thread for it would
// cost more. Of many, the read threads take a share.
void NodeLoop::Perform(ReadChunk effect) {
  if (reads_at_once_ < kMaxReadsAtOnce) {
    auto chunk = store_->store().ReadChunkAtOnce(
        {.partition = effect.chunk.partition, .bucket = effect.bucket, .key = effect.chunk.key});
    if (chunk) {
      ++reads_at_once_;
      return PostCompletion(ReadDone{.operation = effect.operation,
                                     .status = OkStatus(),
                                     .value = std::move(chunk->value),
                                     .value_crc = chunk->value_crc});
    }
  }
  store_->Read([this, effect = std::move(effect)] {
    auto chunk = store_->store().ReadChunk(
        {.partition = effect.chunk.partition, .bucket = effect.bucket, .key = effect.chunk.key});
    ReadDone done{.operation = effect.operation, .status = chunk.status(), .value = {}};
    if (chunk.ok()) {
      done.value = std::move(chunk->value);
      done.value_crc = chunk->value_crc;
    }
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(ScanSeconds effect) {
  store_->Read([this, effect = std::move(effect)] {
    auto page = store_->store().ScanManifests({.partitions = effect.partitions,
                                               .bucket = effect.bucket,
                                               .range = effect.range,
                                               .dc = effect.dc,
                                               .max_chunks = effect.max_chunks});
    ScanDone done{.operation = effect.operation, .status = page.status(), .seconds = {}};
    if (page.ok()) {
      done.seconds = std::move(page->seconds);
      done.next_from = page->next_from;
    }
    PostCompletion(std::move(done));
  });
}

void NodeLoop::Perform(SaveRing effect) {
  store_->Read([this, effect = std::move(effect)] {
    PostCompletion(SavedDone{.operation = effect.operation, .status = save_ring_(effect.what)});
  });
}

void NodeLoop::Perform(AskPeer effect) {
  const OperationId operation = effect.operation;
  const auto done = [this, operation](PeerReply reply) {
    PostCompletion(PeerReplied{.operation = operation, .reply = std::move(reply)});
  };
  if (peers_ == nullptr || effect.address.empty()) {
    return done(PeerReply{.status = Unavailable("node {} cannot be reached", effect.to.value()),
                          .version = {}});
  }
  peers_->Ask(std::move(effect), done);
}

void NodeLoop::Perform(AnswerPeer effect) {
  const auto asker = peer_askers_.find(effect.request.value());
  if (asker == peer_askers_.end()) return;
  const std::function<void(PeerReply)> done = std::move(asker->second);
  peer_askers_.erase(asker);
  done(std::move(effect.reply));
  const std::lock_guard lock(queue_mutex_);
  --open_requests_;
}

void NodeLoop::Perform(SendGossip effect) {
  if (peers_ != nullptr) peers_->Send(std::move(effect));
}

void NodeLoop::Perform(Alarm effect) {
  LogError("{}", effect.text);
}

void NodeLoop::Perform(Answer effect) {
  const auto asker = askers_.find(effect.request.value());
  if (asker == askers_.end()) return;
  const std::function<void(Answer)> done = std::move(asker->second);
  askers_.erase(asker);
  done(std::move(effect));
  const std::lock_guard lock(queue_mutex_);
  --open_requests_;
}

void NodeLoop::Perform(StreamItem effect) {
  const auto receiver = receivers_.find(effect.request.value());
  if (receiver == receivers_.end() || IsCancelled(effect.request)) return;
  receiver->second->OnItem(std::move(effect));
}

void NodeLoop::Perform(StreamEnd effect) {
  const auto found = receivers_.find(effect.request.value());
  if (found == receivers_.end() || IsCancelled(effect.request)) return;
  const std::shared_ptr<StreamReceiver> receiver = std::move(found->second);
  receivers_.erase(found);
  receiver->OnEnd(std::move(effect.status));
  const std::lock_guard lock(queue_mutex_);
  --open_requests_;
}

SharedState NodeLoop::state() const {
  const std::lock_guard lock(node_mutex_);
  return node_->shared_state();
}

NodeCounters NodeLoop::counters() const {
  const std::lock_guard lock(node_mutex_);
  return node_->counters();
}

std::vector<Transfer> NodeLoop::transfers() const {
  const std::lock_guard lock(node_mutex_);
  return node_->transfers();
}

void NodeLoop::Look(const std::function<void(const Node&)>& look) const {
  const std::lock_guard lock(node_mutex_);
  look(*node_);
}

std::vector<std::pair<std::string, Epoch>> NodeLoop::WatermarksOf(const std::string& bucket) const {
  const std::lock_guard lock(node_mutex_);
  return node_->WatermarksOf(bucket, WallSeconds(clock_->WallNow()));
}

void NodeLoop::Stop(Duration grace) {
  std::unique_lock lock(queue_mutex_);
  stopping_ = true;
  idle_.wait_for(lock, grace,
                 [this] { return open_requests_ == 0 && queue_.empty() && !running_; });
}

}  // namespace carillon
