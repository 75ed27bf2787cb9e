#include "tests/sim/cluster/claim_workload.h"

#include "base/check.h"
#include "tests/sim/cluster/cluster_history.h"

namespace carillon {
namespace {

constexpr std::uint64_t kAttemptTime = 4 * kSecond;
constexpr std::uint64_t kOperationTime = 20 * kSecond;
constexpr std::uint64_t kRecentIds = 12;

ClaimId IdOf(std::uint64_t number) {
  Uuid uuid;
  uuid.bytes[0] = 0xe1;
  for (std::size_t i = 0; i < 8; ++i)
    uuid.bytes[8 + i] = static_cast<std::uint8_t>(number >> 8 * i);
  return ClaimId(uuid);
}

ClaimOwner OwnerOf(std::uint64_t number) {
  return ClaimOwner(IdOf(number).value());
}

}  // namespace

void ClaimWorkload::Start() {
  ScheduleNext();
}

void ClaimWorkload::ScheduleNext() {
  const std::uint64_t rate = shared_->settings.claims_per_second;
  if (rate == 0) return;
  const std::uint64_t gap = kSecond / rate;
  shared_->events.After(gap / 2 + shared_->random.Below(gap), [this] {
    if (stopped_) return;
    if (shared_->random.OneIn(4) && !orders_.empty()) {
      AskAgain(orders_[shared_->random.Below(orders_.size())]);
    } else {
      ClaimSome();
    }
    ScheduleNext();
  });
}

// New ids and some that are known; often another owner wants the same at the same time.
void ClaimWorkload::ClaimSome() {
  ClaimOrder order{.bucket = kSimBucket, .owner = {}, .ids = {}};
  const std::uint64_t count = 1 + shared_->random.Below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool fresh = last_id_ == 0 || shared_->random.OneIn(2);
    if (fresh) ++last_id_;
    const std::uint64_t back = fresh ? 0 : shared_->random.Below(std::min(last_id_, kRecentIds));
    order.ids.push_back(IdOf(last_id_ - back));
  }
  const std::uint64_t owners = 1 + shared_->random.Below(3);
  for (std::uint64_t i = 0; i < owners; ++i) {
    order.owner = OwnerOf(orders_.size() + 1);
    orders_.push_back(order);
    const auto again = [this, order] { AskAgain(order); };
    shared_->events.After(shared_->random.OneIn(2) ? 0 : shared_->random.Below(kSecond / 10),
                          again);
  }
}

void ClaimWorkload::AskAgain(const ClaimOrder& order) {
  Begin(std::make_shared<Batch>(Batch{.order = order}));
}

void ClaimWorkload::AskAllAgain() {
  for (const ClaimOrder& order : orders_) {
    AskAgain(order);
  }
}

void ClaimWorkload::Begin(Op op) {
  ++under_way_;
  op->deadline = shared_->events.now() + kOperationTime;
  Try(op);
}

ClusterNode* ClaimWorkload::AnyNode() {
  for (int tries = 0; tries < 20; ++tries) {
    ClusterNode* node = (*nodes_)[shared_->random.Below(nodes_->size())].get();
    if (node->has_cluster() && !shared_->network.IsCutOff(node->number())) return node;
  }
  return nodes_->front().get();
}

// An answer that comes late is a promise like any other.
void ClaimWorkload::Try(const Op& op) {
  ClusterNode* node = AnyNode();
  const std::uint64_t attempt = op->current = ++op->attempt;
  shared_->events.After(kAttemptTime, [this, op, attempt] {
    if (op->current == attempt) TryAgain(op);
  });
  const RequestId request = node->NewRequest();
  node->Ask(request, ClaimInput{.request = request, .order = op->order, .deadline = {}},
            [this, op, attempt](const Answer& answer) {
              const auto* claims = std::get_if<ClaimsAnswer>(&answer.value);
              if (answer.status.ok() && claims == nullptr) {
                return shared_->Complain("claims are answered with something else");
              }
              const bool decided = answer.status.ok() && Hear(op->order, claims->verdicts);
              if (op->current != attempt) return;
              if (!decided) return TryAgain(op);
              op->current = 0;
              --under_way_;
            });
}

void ClaimWorkload::TryAgain(const Op& op) {
  op->current = 0;
  if (shared_->events.now() >= op->deadline) {
    --under_way_;
    return;
  }
  shared_->events.After(20 * kMillisecond + shared_->random.Below(600 * kMillisecond),
                        [this, op] { Try(op); });
}

bool ClaimWorkload::Hear(const ClaimOrder& order, const std::vector<ClaimVerdict>& verdicts) {
  CHECK(verdicts.size() == order.ids.size());
  bool all = true;
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    Told& told = told_[order.ids[i]];
    const Uuid& id = order.ids[i].value();
    const Uuid& owner = order.owner.value();
    shared_->Tell("claim {} of {}: {}", id, owner, ToString(verdicts[i]));
    switch (verdicts[i]) {
      case ClaimVerdict::kMine:
        ++counts_.mine;
        if (told.mine && *told.mine != order.owner) {
          shared_->Complain(
              fmt::format("I6: {} is told to be that of {} and of {}", id, *told.mine, owner));
        }
        told.mine = order.owner;
        break;
      case ClaimVerdict::kTaken:
        ++counts_.taken;
        told.taken = true;
        if (told.mine == order.owner) {
          shared_->Complain(fmt::format("I6: {} was that of {} and is taken", id, owner));
        }
        break;
      case ClaimVerdict::kUndecided:
        ++counts_.undecided;
        told.undecided = true;
        all = false;
        break;
    }
  }
  return all;
}

void ClaimWorkload::CheckAll() {
  for (const auto& [id, told] : told_) {
    if (!told.taken || told.mine || told.undecided) continue;
    shared_->Complain(fmt::format("I6: {} is taken and nobody has it", id));
  }
}

ClaimWorkload::Counts ClaimWorkload::counts() const {
  Counts counts = counts_;
  for (const auto& [id, told] : told_) counts.contested += told.mine ? 0 : 1;
  return counts;
}

}  // namespace carillon
