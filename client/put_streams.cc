#include "client/put_streams.h"

#include <deque>
#include <utility>
#include <vector>

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include "carillon/v1/events.pb.h"
#include "client/conversion.h"
#include "client/messages.h"
#include "client/unary_calls.h"

namespace carillon {
namespace {

constexpr char kMethod[] = "/carillon.v1.EventsService/PutChunks";

// Chunks that go with one message: of one bucket, routed by one version.
struct Batch {
  std::string bucket;
  StateVersion version;
  std::vector<SmallPut> puts;
  std::vector<PartitionId> partitions;
  std::size_t bytes = 0;
  Instant sent;
};

grpc::ByteBuffer MessageOf(std::uint64_t number, const Batch& batch) {
  v1::PutChunksRequest request;
  request.set_bucket(batch.bucket);
  request.set_number(number);
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

void Fail(Batch* batch, const Status& status) {
  for (SmallPut& put : batch->puts) put.done(status);
}

}  // namespace

// One call. Owned by itself until gRPC is done with it, and by PutStreams while it takes batches.
class PutStreams::Stream final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                                 public std::enable_shared_from_this<Stream> {
 public:
  Stream(PutStreams* owner, std::string endpoint)
      : owner_(owner),
        endpoint_(std::move(endpoint)),
        channel_(owner->view_->ChannelTo(endpoint_)),
        takes_until_(SystemClock().Now() + owner->attempt_timeout_ / 2) {}

  void Open() {
    self_ = shared_from_this();
    context_->set_deadline(std::chrono::system_clock::now() + owner_->attempt_timeout_);
    grpc::GenericStub(channel_).PrepareBidiStreamingCall(context_.get(), kMethod,
                                                         grpc::StubOptions(), this);
    AddHold();  // for writes that begin outside of its reactions; GoOn gives it back
    StartRead(&incoming_);
    StartCall();
  }

  // False: it takes no more, and the chunk is still the caller's.
  bool Take(const Target& target, SmallPut* put) {
    const std::lock_guard lock(mutex_);
    if (draining_ || broken_) return false;
    if (SystemClock().Now() >= takes_until_) {
      Drain();
      return false;
    }
    if (waiting_.empty() || !Fits(waiting_.back(), target, *put)) {
      waiting_.push_back({.bucket = put->bucket, .version = target.version});
    }
    Batch& batch = waiting_.back();
    batch.bytes += put->value.size();
    batch.partitions.push_back(target.partition);
    batch.puts.push_back(std::move(*put));
    GoOn();
    return true;
  }

 private:
  static bool Fits(const Batch& batch, const Target& target, const SmallPut& put) {
    return batch.bucket == put.bucket && batch.version == target.version &&
           batch.puts.size() < kMaxBatchChunks && batch.bytes + put.value.size() <= kMaxBatchBytes;
  }

  // The following require: mutex_ is held.
  void Drain() {
    draining_ = true;
    GoOn();
  }

  void GoOn() {
    if (!writing_ && !broken_ && !waiting_.empty() && under_way_.size() < kMaxBatches) {
      writing_ = true;
      Batch batch = std::move(waiting_.front());
      waiting_.pop_front();
      batch.sent = SystemClock().Now();
      outgoing_ = MessageOf(++number_, batch);
      under_way_.emplace(number_, std::move(batch));
      StartWrite(&outgoing_);
      return;
    }
    const bool all_sent = !writing_ && waiting_.empty();
    if (((draining_ && all_sent) || (broken_ && !writing_)) && !std::exchange(let_go_, true)) {
      if (!broken_) StartWritesDone();
      RemoveHold();
    }
  }

  void OnWriteDone(bool ok) override {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    broken_ = broken_ || !ok;
    GoOn();
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      const std::lock_guard lock(mutex_);
      broken_ = true;
      GoOn();
      return;
    }
    auto response = Parse<v1::PutChunksResponse>(std::move(incoming_));
    incoming_ = grpc::ByteBuffer();
    Settle(std::move(response));  // whose callers may have put more
    {
      const std::lock_guard lock(mutex_);
      if (under_way_.empty() && waiting_.empty()) Drain();
    }
    StartRead(&incoming_);
  }

  void Settle(StatusOr<v1::PutChunksResponse> response) {
    if (!response.ok()) return context_->TryCancel();
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      const auto found = under_way_.find(response->number());
      if (found == under_way_.end()) return;
      batch = std::move(found->second);
      under_way_.erase(found);
      GoOn();
    }
    RingView* view = owner_->view_;
    view->HandleEnd(endpoint_, OkStatus(), SystemClock().Now() - batch.sent);
    view->CountReceived(response->ByteSizeLong());
    view->HearVersion(StateVersion(response->state_version()), endpoint_);
    const auto answers = static_cast<std::size_t>(response->chunks_size());
    if (answers != batch.puts.size()) {
      return Fail(&batch, answers == 1 ? ReplyOf(response->chunks(0)).status()
                                       : Internal("{} answers", answers));
    }
    for (std::size_t i = 0; i < answers; ++i) {
      batch.puts[i].done(ReplyOf(response->chunks(static_cast<int>(i))));
    }
  }

  void OnDone(const grpc::Status& end) override {
    Status status = ToStatus(end);
    std::deque<Batch> lost;
    {
      const std::lock_guard lock(mutex_);
      broken_ = true;
      lost = std::move(waiting_);
      for (auto& [number, batch] : under_way_) lost.push_back(std::move(batch));
      under_way_.clear();
    }
    if (status.ok()) status = Unavailable("{} ended the stream", endpoint_);
    if (!lost.empty()) owner_->view_->HandleEnd(endpoint_, status, std::nullopt);
    for (Batch& batch : lost) Fail(&batch, status);
    // Before the owner hears of the end: the last reference to a channel must not be dropped on a
    // thread of gRPC's, which would wait for itself.
    context_.reset();
    channel_.reset();
    const auto self = std::move(self_);
    {
      const std::lock_guard lock(owner_->mutex_);
      const auto mine = owner_->streams_.find(endpoint_);
      if (mine != owner_->streams_.end() && mine->second == self) owner_->streams_.erase(mine);
    }
    owner_->Leave();
  }

  PutStreams* const owner_;
  const std::string endpoint_;
  std::shared_ptr<grpc::Channel> channel_;
  const Instant takes_until_;
  std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
  grpc::ByteBuffer incoming_;
  std::shared_ptr<Stream> self_;  // until OnDone

  std::mutex mutex_;
  grpc::ByteBuffer outgoing_;  // while writing_
  std::uint64_t number_ = 0;   // of the last batch
  std::map<std::uint64_t, Batch> under_way_;
  std::deque<Batch> waiting_;
  bool writing_ = false;
  bool draining_ = false;
  bool broken_ = false;
  bool let_go_ = false;  // of the hold
};

PutStreams::~PutStreams() {
  std::unique_lock lock(mutex_);
  none_left_.wait(lock, [this] { return open_ == 0; });
}

void PutStreams::Put(SmallPut put) {
  {
    const std::lock_guard lock(mutex_);
    ++open_;
  }
  view_->WhenReady([this, put = std::move(put)]() mutable {
    Send(std::move(put));
    Leave();
  });
}

void PutStreams::Send(SmallPut put) {
  const Target target =
      view_->Pick({.kind = Aim::Kind::kWrite, .bucket = put.bucket, .key = put.key});
  std::shared_ptr<Stream> stream;
  do {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Stream>& mine = streams_[target.endpoint];
    if (mine == nullptr || mine == stream) {  // none, or the one that takes no more
      mine = std::make_shared<Stream>(this, target.endpoint);
      ++open_;
      mine->Open();
    }
    stream = mine;
  } while (!stream->Take(target, &put));
}

void PutStreams::Leave() {
  const std::lock_guard lock(mutex_);
  // Under the lock: the destructor may run as soon as it is released.
  if (--open_ == 0) none_left_.notify_all();
}

}  // namespace carillon
