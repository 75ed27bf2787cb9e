#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/cluster/cluster_history.h"
#include "tests/sim/cluster/cluster_node.h"

namespace carillon {

// Clients that put chunks and commit seconds, list, read, and get, each through any node, and again
// through another when that fails. What they read is checked against what was written at once:
//   I2 no other bytes; I3 what is acknowledged or listed is never NOT_FOUND; I7 nothing invented;
//   I18 everything succeeds in time, if the settings promise it (one_away).
class ClusterWorkload {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  ClusterWorkload(ClusterShared* shared, const Nodes* nodes);

  void Start();
  void Stop() { stopped_ = true; }
  // Somebody is about to give a partition away: writes into it now and then.
  void HandleOffer(PartitionId partition);
  // Puts one chunk of that partition, through that node first.
  void PutInto(PartitionId partition, const std::string& bucket, ClusterNode* through);
  bool is_idle() const { return under_way_ == 0; }
  const ClusterHistory& history() const { return history_; }

 private:
  // A request that is made again until it succeeds or its time is up.
  struct Operation {
    std::string what;
    std::function<Input(RequestId)> input;
    std::function<void(const Answer&)> done;         // of an answer; OK or not
    std::function<void(const StreamItem&)> on_item;  // of a stream; null: an answer is wanted
    std::function<void(const Status&)> on_end;
    ClusterNode* through = nullptr;  // whom to ask first; null: any
    std::uint64_t deadline = 0;
    std::uint64_t attempt = 0;
    std::uint64_t current = 0;  // attempt whose outcome counts
    bool over = false;
  };
  using Op = std::shared_ptr<Operation>;
  struct Batch;  // a second that is being written

  void ScheduleNext();
  void DoSomething();
  void WriteSecond();
  void PutNext(const std::shared_ptr<Batch>& batch);
  void CommitBatch(const std::shared_ptr<Batch>& batch);
  void PutAgain();
  void Get(std::vector<std::string> keys);
  void GetSome();
  void List();
  void ReadRange();
  void Put(HistoryChunk* chunk, const std::shared_ptr<Batch>& batch,
           ClusterNode* through = nullptr);
  HistoryChunk* NewChunkIn(PartitionId partition, const std::string& bucket, Epoch epoch);
  HistoryChunk* NewChunk(const std::string& bucket, Epoch epoch);
  std::string AnyBucket();
  void CheckItem(const StreamItem& item, std::string_view what);
  EpochRange RecentRange();
  const std::string* PickAcknowledged();

  void Begin(Op op);
  void Try(const Op& op);
  void TryAgain(const Op& op, const Status& why);
  void End(const Op& op);
  ClusterNode* AnyNode();

  ClusterShared* const shared_;
  const Nodes* const nodes_;
  ClusterHistory history_;
  std::vector<std::string> acknowledged_;
  std::uint64_t last_chunk_ = 0;
  std::uint64_t under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace carillon
