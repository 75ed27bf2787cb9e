#include "client/chunk_answers.h"

#include <condition_variable>
#include <mutex>
#include <utility>

#include "base/flush_scope.h"
#include "carillon/v1/events.pb.h"
#include "client/byte_stream.h"
#include "client/messages.h"

namespace carillon {
namespace {

class GrpcAnswers final : public ChunkAnswers {
 public:
  GrpcAnswers(RingView* view, const std::string& endpoint, const std::string& bucket,
              const std::vector<std::string>& keys)
      : view_(view),
        stream_(view->ChannelTo(endpoint), "/carillon.v1.EventsService/GetChunks",
                Serialize(RequestFor(view, bucket, keys))) {}

  StatusOr<std::optional<wire::GetChunksResponse>> Next(Duration patience) override {
    ASSIGN_OR_RETURN(const std::optional<Rope> message, stream_.Next(patience));
    if (!message) return std::optional<wire::GetChunksResponse>();
    view_->CountReceived(message->size());
    ASSIGN_OR_RETURN(wire::GetChunksResponse answer, wire::DecodeGetChunksResponse(*message));
    return std::optional(std::move(answer));
  }

 private:
  static v1::GetChunksRequest RequestFor(RingView* view, const std::string& bucket,
                                         const std::vector<std::string>& keys) {
    v1::GetChunksRequest request;
    request.set_bucket(bucket);
    for (const std::string& key : keys) request.add_keys(key);
    if (const Router::Ring ring = view->ring()) {
      request.mutable_route()->set_state_version(ring->version.value());
    }
    return request;
  }

  RingView* const view_;
  ByteStream stream_;
};

class FrameAnswers final : public ChunkAnswers {
 public:
  FrameAnswers(RingView* view, std::string endpoint, std::string bucket,
               std::vector<std::string> keys)
      : view_(view),
        endpoint_(std::move(endpoint)),
        bucket_(std::move(bucket)),
        keys_(std::move(keys)),
        slots_(std::make_shared<Slots>(keys_.size())) {}

  void Start(NodeFrames* frames, Duration timeout) {
    v1::GetChunkRequest request;
    request.set_bucket(bucket_);
    const FlushScope together;
    for (std::size_t place = 0; place < keys_.size(); ++place) {
      request.set_key(keys_[place]);
      frames->Ask(endpoint_, CallMethod::kGetChunk, Serialize(request), timeout,
                  [slots = slots_, place](StatusOr<SharedBytes> body) {
                    slots->Fill(place, std::move(body));
                  });
    }
  }

  StatusOr<std::optional<wire::GetChunksResponse>> Next(Duration patience) override {
    if (by_grpc_) return by_grpc_->Next(patience);
    if (next_ == keys_.size()) return std::optional<wire::GetChunksResponse>();
    StatusOr<SharedBytes> body = slots_->Take(next_, patience);
    if (body.status().code() == StatusCode::kUnimplemented) {  // no frames are spoken there
      keys_.erase(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(next_));
      by_grpc_ = std::make_unique<GrpcAnswers>(view_, endpoint_, bucket_, keys_);
      return by_grpc_->Next(patience);
    }
    if (!body.ok()) return body.status();
    view_->CountReceived(body->size());
    ASSIGN_OR_RETURN(wire::GetChunksResponse answer,
                     wire::DecodeGetChunksResponse(Rope(*std::move(body))));
    answer.key = std::move(keys_[next_++]);
    return std::optional(std::move(answer));
  }

 private:
  // Answers as they come. Calls under way keep it alive.
  class Slots {
   public:
    explicit Slots(std::size_t count) : bodies_(count) {}

    void Fill(std::size_t place, StatusOr<SharedBytes> body) {
      const std::lock_guard lock(mutex_);
      bodies_[place] = std::move(body);
      if (place == awaited_) filled_.notify_one();
    }
    StatusOr<SharedBytes> Take(std::size_t place, Duration patience) {
      std::unique_lock lock(mutex_);
      awaited_ = place;
      if (!filled_.wait_for(lock, patience, [&] { return bodies_[place].has_value(); })) {
        return DeadlineExceeded("nothing came for {} s",
                                std::chrono::duration_cast<std::chrono::seconds>(patience).count());
      }
      return *std::exchange(bodies_[place], std::nullopt);
    }

   private:
    std::mutex mutex_;
    std::condition_variable filled_;
    std::vector<std::optional<StatusOr<SharedBytes>>> bodies_;
    std::size_t awaited_ = 0;
  };

  RingView* const view_;
  const std::string endpoint_;
  const std::string bucket_;
  std::vector<std::string> keys_;
  const std::shared_ptr<Slots> slots_;
  std::size_t next_ = 0;
  std::unique_ptr<GrpcAnswers> by_grpc_;
};

}  // namespace

std::unique_ptr<ChunkAnswers> ChunkAnswers::Ask(RingView* view, const std::string& endpoint,
                                                const std::string& bucket,
                                                const std::vector<std::string>& keys,
                                                Duration timeout) {
  NodeFrames* const frames = view->FramesTo(endpoint);
  if (frames == nullptr) return std::make_unique<GrpcAnswers>(view, endpoint, bucket, keys);
  auto answers = std::make_unique<FrameAnswers>(view, endpoint, bucket, keys);
  answers->Start(frames, timeout);
  return answers;
}

}  // namespace carillon
