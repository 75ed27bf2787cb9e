#include "client/put_batches.h"

#include <deque>
#include <utility>
#include <vector>

#include "carillon/v1/events.pb.h"
#include "client/conversion.h"
#include "client/messages.h"

namespace carillon {

// Chunks that go with one message: of one bucket, routed by one version.
struct PutBatches::Batch {
  std::string bucket;
  StateVersion version;
  std::vector<SmallPut> puts;
  std::vector<PartitionId> partitions;
  std::size_t bytes = 0;
  Instant sent;

  bool HasRoomFor(const Target& target, const SmallPut& put) const {
    return bucket == put.bucket && version == target.version && puts.size() < kMaxBatchChunks &&
           bytes + put.value.size() <= kMaxBatchBytes;
  }
  void Add(const Target& target, SmallPut put) {
    bytes += put.value.size();
    partitions.push_back(target.partition);
    puts.push_back(std::move(put));
  }
};

namespace {

template <typename Batch>
Rope MessageOf(const Batch& batch) {
  v1::PutChunksRequest request;
  request.set_bucket(batch.bucket);
  request.set_state_version(batch.version.value());
  for (std::size_t i = 0; i < batch.puts.size(); ++i) {
    v1::ChunkToPut* chunk = request.add_chunks();
    chunk->set_key(batch.puts[i].key);
    chunk->set_value_crc32c(batch.puts[i].crc);
    chunk->set_partition(batch.partitions[i].value());
    const ByteSpan value = batch.puts[i].value.view();
    chunk->set_value(value.data(), value.size());
  }
  return Serialize(request);
}

StatusOr<PutReply> ReplyOf(const v1::ChunkPut& put) {
  if (put.code() != 0) return MakeStatus(static_cast<StatusCode>(put.code()), put.message());
  return PutReply{.already_stored = put.already_stored(),
                  .replicas_written = put.cost().replicas_written(),
                  .bytes_between_nodes = put.cost().bytes_between_nodes()};
}

void Fail(const std::vector<SmallPut>& puts, const Status& status) {
  for (const SmallPut& put : puts) put.done(status);
}

}  // namespace

// What is for one node.
class PutBatches::Lane : public std::enable_shared_from_this<Lane> {
 public:
  Lane(PutBatches* owner, std::string endpoint) : owner_(owner), endpoint_(std::move(endpoint)) {}

  void Take(const Target& target, SmallPut put) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty() || !waiting_.back().HasRoomFor(target, put)) {
        waiting_.push_back({.bucket = put.bucket, .version = target.version});
      }
      waiting_.back().Add(target, std::move(put));
    }
    GoOn();
  }

 private:
  // Sends what may be sent.
  void GoOn() {
    while (true) {
      auto batch = std::make_shared<Batch>();
      {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty() || under_way_ >= kMaxBatches) return;
        ++under_way_;
        *batch = std::move(waiting_.front());
        waiting_.pop_front();
      }
      owner_->Enter();
      Send(std::move(batch));
    }
  }

  void Send(std::shared_ptr<Batch> batch) {
    batch->sent = SystemClock().Now();
    NodeFrames* const frames = owner_->view_->FramesTo(endpoint_);
    if (frames == nullptr) return End(*batch, Unimplemented("{} takes no batches", endpoint_));
    const Rope message = MessageOf(*batch);
    const Aim aim{Aim::Kind::kWrite, batch->bucket, batch->puts.front().key};
    const Duration patience = owner_->view_->PatienceWith({.endpoint = endpoint_}, aim,
                                                          /*silences=*/0, owner_->attempt_timeout_);
    frames->Ask(endpoint_, CallMethod::kPutChunks, message, patience,
                [self = shared_from_this(), batch](StatusOr<SharedBytes> body) {
                  if (!body.ok()) return self->End(*batch, body.status());
                  self->End(*batch, Parse<v1::PutChunksResponse>(Rope(*std::move(body))));
                });
  }

  void End(const Batch& batch, const StatusOr<v1::PutChunksResponse>& response) {
    {
      const std::lock_guard lock(mutex_);
      --under_way_;
    }
    if (response.ok()) {
      Settle(batch, *response);
    } else {
      if (response.status().code() != StatusCode::kUnimplemented) {
        owner_->view_->HandleEnd(endpoint_, response.status(), std::nullopt);
      }
      Fail(batch.puts, response.status());
    }
    GoOn();
    owner_->Leave();
  }

  void Settle(const Batch& batch, const v1::PutChunksResponse& response) {
    RingView* const view = owner_->view_;
    view->HandleEnd(endpoint_, OkStatus(), SystemClock().Now() - batch.sent);
    view->CountReceived(response.ByteSizeLong());
    view->HearVersion(StateVersion(response.state_version()), endpoint_);
    const auto answers = static_cast<std::size_t>(response.chunks_size());
    if (answers != batch.puts.size()) {
      return Fail(batch.puts, answers == 1 ? ReplyOf(response.chunks(0)).status()
                                           : Internal("{} answers", answers));
    }
    for (std::size_t i = 0; i < answers; ++i) {
      auto reply = ReplyOf(response.chunks(static_cast<int>(i)));
      view->HandleLoad(endpoint_, {.kind = Aim::Kind::kWrite, .bucket = batch.bucket, .key = {}},
                       reply.status());
      batch.puts[i].done(std::move(reply));
    }
  }

  PutBatches* const owner_;
  const std::string endpoint_;
  std::mutex mutex_;
  std::deque<Batch> waiting_;
  std::size_t under_way_ = 0;
};

PutBatches::~PutBatches() {
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return under_way_ == 0; });
}

void PutBatches::Put(SmallPut put) {
  Enter();
  view_->WhenReady([this, put = std::move(put)]() mutable {
    Send(std::move(put));
    Leave();
  });
}

void PutBatches::Send(SmallPut put) {
  const Aim aim{.kind = Aim::Kind::kWrite, .bucket = put.bucket, .key = put.key};
  const Target target = view_->Pick(aim);
  if (Status held = view_->MaySend(target.endpoint, aim); !held.ok()) {
    return put.done(std::move(held));
  }
  std::shared_ptr<Lane> lane;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Lane>& mine = lanes_[target.endpoint];
    if (mine == nullptr) mine = std::make_shared<Lane>(this, target.endpoint);
    lane = mine;
  }
  lane->Take(target, std::move(put));
}

void PutBatches::Enter() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
}

void PutBatches::Leave() {
  const std::lock_guard lock(mutex_);
  // Under the lock: the destructor may run as soon as it is released.
  if (--under_way_ == 0) none_left_.notify_all();
}

}  // namespace carillon
