#include "client/commit_ledger.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace carillon {
namespace {

constexpr int kSequenceBits = 32;

}  // namespace

CommitLedger::CommitLedger(Names names, std::uint64_t writer)
    : names_(std::move(names)), writer_(writer) {
  CHECK(writer <= kMaxWriter);
}

CommitLedger::Rounds::iterator CommitLedger::OpenRound(Epoch epoch) {
  const auto [open, is_new] = open_.try_emplace(epoch, RoundId(last_round_ + 1));
  if (!is_new) return rounds_.find(open->second);
  ++last_round_;
  return rounds_.emplace(open->second, Round{.epoch = epoch}).first;
}

RoundId CommitLedger::StartPart(Epoch epoch) {
  const auto round = OpenRound(epoch);
  ++round->second.parts_out;
  return round->first;
}

void CommitLedger::SplitPart(RoundId round, std::size_t chunks) {
  CHECK(chunks > 0);
  rounds_.at(round).parts_out += chunks - 1;
}

ChunkKey CommitLedger::NextKey(Epoch epoch, const std::string& type, const std::string& subtype) {
  CHECK(sequence_ >> kSequenceBits == 0);
  return {.epoch = epoch,
          .dc = names_.dc,
          .cell = names_.cell,
          .type = type,
          .subtype = subtype,
          .number = writer_ << kSequenceBits | sequence_++};
}

void CommitLedger::ChangeWriter(const ChunkKey& refused, std::uint64_t writer) {
  CHECK(writer <= kMaxWriter);
  if (refused.number >> kSequenceBits == writer_) writer_ = writer;
}

void CommitLedger::HandleStored(RoundId id, ChunkInfo chunk, std::vector<CommitOrder>* orders) {
  const auto round = rounds_.find(id);
  CHECK(round != rounds_.end() && round->second.parts_out > 0);
  --round->second.parts_out;
  round->second.stored.push_back(std::move(chunk));
  SendWhatMayGo(round, orders);
}

void CommitLedger::Close(Epoch epoch, bool seal, std::vector<CommitOrder>* orders) {
  if (!seal && !open_.contains(epoch)) return;
  const auto round = OpenRound(epoch);
  round->second.closed = true;
  round->second.seal = seal;
  open_.erase(epoch);
  SendWhatMayGo(round, orders);
}

void CommitLedger::HandleCommitted(RoundId id, std::vector<CommitOrder>* orders) {
  const auto round = rounds_.find(id);
  CHECK(round != rounds_.end() && round->second.commits_out > 0);
  --round->second.commits_out;
  SendWhatMayGo(round, orders);
  if (!round->second.whole_sent || round->second.commits_out > 0) return;
  rounds_.erase(round);
  SendSeals(orders);
}

// No round of its epoch or before is left; of its own epoch only those begun before it count.
bool CommitLedger::MaySeal(RoundId id, const Round& sealing) const {
  return std::all_of(rounds_.begin(), rounds_.end(), [&](const auto& other) {
    return other.first == id || other.second.epoch > sealing.epoch ||
           (other.second.epoch == sealing.epoch && other.first > id);
  });
}

Commit CommitLedger::TakeCommit(Round* round) {
  Commit commit{.bucket = names_.bucket, .epoch = round->epoch, .dc = names_.dc};
  const std::size_t count = std::min(round->stored.size(), kMaxChunksPerCommit);
  const auto end = round->stored.begin() + static_cast<std::ptrdiff_t>(count);
  commit.chunks.assign(std::make_move_iterator(round->stored.begin()),
                       std::make_move_iterator(end));
  round->stored.erase(round->stored.begin(), end);
  ++round->commits_out;
  return commit;
}

void CommitLedger::SendWhatMayGo(Rounds::iterator entry, std::vector<CommitOrder>* orders) {
  auto& [id, round] = *entry;
  if (!round.closed || round.parts_out > 0 || round.whole_sent) return;
  while (round.stored.size() > kMaxChunksPerCommit) orders->push_back({id, TakeCommit(&round)});
  if (round.seal && (round.commits_out > 0 || !MaySeal(id, round))) return;
  Commit last = TakeCommit(&round);
  if (round.seal) last.seal = Seal{.writer = writer_, .epoch = round.epoch};
  round.whole_sent = true;
  orders->push_back({id, std::move(last)});
}

void CommitLedger::SendSeals(std::vector<CommitOrder>* orders) {
  for (auto round = rounds_.begin(); round != rounds_.end(); ++round) {
    if (round->second.seal) SendWhatMayGo(round, orders);
  }
}

}  // namespace carillon
