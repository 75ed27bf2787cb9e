#include "tools/carillon/bench/ring_loads.h"

#include "base/checksum.h"
#include "base/random.h"
#include "tools/carillon/bench/benches.h"
#include "tools/carillon/bench/callers.h"
#include "tools/carillon/bench/second_load.h"
#include "tools/carillon/bench/tail_load.h"

namespace carillon {
namespace {

constexpr std::uint64_t kPreloadAtOnce = 16;

class PutLoad final : public RingLoad {
 public:
  PutLoad(LoadSpec spec, Client* client)
      : spec_(std::move(spec)), client_(client), value_(ValueOf(spec_)) {}

  void Start(std::uint64_t i, OperationDone done) override {
    const std::uint64_t bytes = value_.size();
    client_->PutChunkAsync(spec_.bucket, KeyOf(spec_, spec_.now, i), value_,
                           [done = std::move(done), bytes](const StatusOr<PutReply>& reply) {
                             done({reply.status(), bytes});
                           });
  }

 private:
  const LoadSpec spec_;
  Client* const client_;
  const SharedBytes value_;
};

class SecondLoad final : public RingLoad {
 public:
  SecondLoad(LoadSpec spec, Client* client)
      : spec_(std::move(spec)),
        client_(client),
        value_(ValueOf(spec_)),
        crc_(Crc32c(value_.view())) {}

  // Backwards in time: each second is of its own.
  void Start(std::uint64_t i, OperationDone done) override {
    WriteSecond(client_, value_, SecondOf(spec_, Epoch(spec_.now.value() - i), crc_),
                std::move(done));
  }

 private:
  const LoadSpec spec_;
  Client* const client_;
  const SharedBytes value_;
  const std::uint32_t crc_;
};

class GetLoad final : public RingLoad {
 public:
  GetLoad(LoadSpec spec, Client* client, std::uint64_t callers)
      : spec_(std::move(spec)), client_(client), callers_(callers) {}

  void Start(std::uint64_t i, OperationDone done) override {
    callers_.Do([this, i, done = std::move(done)] {
      LoadSpec stored = spec_;
      stored.process = 0;
      const std::uint64_t place = Random(spec_.process << 40 | i).Below(spec_.keys);
      const auto value = client_->GetChunk(spec_.bucket, KeyOf(stored, spec_.now, place));
      done({value.status(), value.ok() ? value->size() : 0});
    });
  }

 private:
  const LoadSpec spec_;
  Client* const client_;
  Callers callers_;
};

class RangeLoad final : public RingLoad {
 public:
  RangeLoad(LoadSpec spec, Client* client, std::uint64_t callers)
      : spec_(std::move(spec)), client_(client), callers_(callers) {}

  void Start(std::uint64_t /*i*/, OperationDone done) override {
    callers_.Do([this, done = std::move(done)] {
      std::uint64_t bytes = 0;
      const Status status = ReadAll(&bytes);
      done({status, bytes});
    });
  }

 private:
  Status ReadAll(std::uint64_t* bytes) {
    const Epoch limit(spec_.now.value() + 1);
    const auto stream = client_->ReadRange(
        {.bucket = spec_.bucket,
         .range = {.first = Epoch(limit.value() - spec_.range_seconds), .limit = limit},
         .filter = {
             .dc = "p0", .cell = "", .type = "BENCH", .subtype = fmt::format("{:x}", spec_.run)}});
    while (true) {
      ASSIGN_OR_RETURN(const auto item, stream->Next());
      if (!item) break;
      RETURN_IF_ERROR(item->status);
      if (item->chunk) *bytes += item->value.size();
    }
    const std::uint64_t stored = spec_.range_seconds * spec_.chunks * spec_.value_bytes;
    return *bytes == stored ? OkStatus() : DataLoss("{} bytes stored, {} read", stored, *bytes);
  }

  const LoadSpec spec_;
  Client* const client_;
  Callers callers_;
};

Status FirstFailure(const LoadResult& result) {
  return result.failed() == 0 ? OkStatus() : Unavailable("{}", result.first_failure);
}

// `count` operations of `load`, as fast as it goes: all are due within a moment.
Status DoAll(RingLoad* load, std::uint64_t count, std::uint64_t at_once) {
  constexpr double kPerSecond = 1e6;
  const LoadResult result =
      RunLoad({.at_once = at_once,
               .seconds = (static_cast<double>(count) + 0.5) / kPerSecond,
               .per_second = kPerSecond},
              [load](std::uint64_t i, OperationDone done) { load->Start(i, std::move(done)); });
  return FirstFailure(result);
}

}  // namespace

std::unique_ptr<RingLoad> RingLoad::Make(LoadSpec spec, Client* client, Client* reader,
                                         std::uint64_t callers) {
  switch (spec.workload) {
    case Workload::kPut:
      return std::make_unique<PutLoad>(std::move(spec), client);
    case Workload::kSecond:
      return std::make_unique<SecondLoad>(std::move(spec), client);
    case Workload::kGet:
      return std::make_unique<GetLoad>(std::move(spec), client, callers);
    case Workload::kRange:
      return std::make_unique<RangeLoad>(std::move(spec), client, callers);
    case Workload::kTail:
      break;
  }
  return NewTailLoad(std::move(spec), client, reader);
}

Status Preload(const LoadSpec& spec, Client* client) {
  LoadSpec stored = spec;
  stored.process = 0;
  if (spec.workload == Workload::kGet) {
    PutLoad puts(stored, client);
    return DoAll(&puts, spec.keys, kPreloadAtOnce);
  }
  if (spec.workload == Workload::kRange) {
    SecondLoad seconds(stored, client);
    return DoAll(&seconds, spec.range_seconds, 1);
  }
  return OkStatus();
}

}  // namespace carillon
