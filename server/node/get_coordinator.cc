#include "server/node/get_coordinator.h"

#include "server/node/request_checks.h"

namespace carillon {

GetCoordinator::GetCoordinator(GetChunksInput input) : input_(std::move(input)) {}

void GetCoordinator::Start(Outbox* out) {
  Status status = FindBucket(*out->scene().state, input_.bucket).status();
  if (status.ok() && input_.keys.size() > kMaxKeysPerGet) {
    status = InvalidArgument("{} keys in one call, at most {}", input_.keys.size(), kMaxKeysPerGet);
  }
  if (!status.ok()) {
    out->EndStream(std::move(status));
    done_ = true;
    return;
  }
  reads_.AddCredit(input_.credit);
  GoOn(out);
}

void GetCoordinator::AddNext(Outbox* out) {
  const std::string& text = input_.keys[next_++];
  StreamItem item;
  item.key = text;
  const auto key = ParseChunkKey(text);
  if (!key.ok()) {
    item.status = key.status();
    return reads_.AddReady(std::move(item));
  }
  const ClusterState& state = *out->scene().state;
  const BucketProperties* bucket = state.FindBucket(input_.bucket);
  if (bucket == nullptr) {
    item.status = NotFound("no bucket '{}'", input_.bucket);
    return reads_.AddReady(std::move(item));
  }
  const StorePlace place = PlaceOf(state, input_.bucket, text);
  reads_.AddRead(std::move(item), input_.bucket, {.partition = place.partition, .key = *key},
                 bucket->max_chunk_bytes / 4, OrderedReads::Kind::kNamed, out);
}

void GetCoordinator::GoOn(Outbox* out) {
  reads_.EmitReady(out);
  while (next_ < input_.keys.size() && reads_.HasRoom()) AddNext(out);
  reads_.EmitReady(out);
  if (next_ < input_.keys.size() || !reads_.empty()) return;
  out->EndStream(OkStatus());
  done_ = true;
}

void GetCoordinator::Handle(ReadDone done, Outbox* out) {
  if (done_) return;
  reads_.Handle(std::move(done), out);
  GoOn(out);
}

void GetCoordinator::HandleTime(Outbox* out) {
  if (done_) return;
  reads_.HandleTime(out);
  GoOn(out);
}

void GetCoordinator::HandleNewState(Outbox* out) {
  if (done_) return;
  reads_.HandleNewState(out);
  GoOn(out);
}

void GetCoordinator::Handle(const CreditInput& credit, Outbox* out) {
  if (done_) return;
  reads_.AddCredit(credit.items);
  GoOn(out);
}

}  // namespace carillon
