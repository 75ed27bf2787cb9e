#include "server/api/peer_batches.h"

#include <utility>

namespace carillon {

PeerBatch PeerBatches::TakeFrom(const std::string& address, Node* node) {
  PeerBatch batch{.address = address, .items = {}};
  std::size_t bytes = 0;
  while (!node->waiting.empty() && batch.items.size() < kMaxItems) {
    PeerBatchItem& first = node->waiting.front();
    bytes += first.request.size();
    if (bytes > kMaxBytes && !batch.items.empty()) break;
    batch.items.push_back(std::move(first));
    node->waiting.pop_front();
  }
  ++node->under_way;
  return batch;
}

std::optional<PeerBatch> PeerBatches::Add(const std::string& address, PeerBatchItem item) {
  Node& node = nodes_[address];
  node.waiting.push_back(std::move(item));
  if (node.under_way >= kMaxUnderWay) return std::nullopt;
  return TakeFrom(address, &node);
}

std::optional<PeerBatch> PeerBatches::End(const std::string& address) {
  const auto found = nodes_.find(address);
  if (found == nodes_.end()) return std::nullopt;
  Node& node = found->second;
  --node.under_way;
  if (!node.waiting.empty()) return TakeFrom(address, &node);
  if (node.under_way == 0) nodes_.erase(found);
  return std::nullopt;
}

}  // namespace carillon
