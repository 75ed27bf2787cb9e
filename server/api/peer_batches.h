#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "server/node/peer_messages.h"

namespace carillon {

// A small request on its way to another node.
struct PeerBatchItem {
  Rope request;  // encoded
  Instant expires;
  std::function<void(PeerReply)> done;
};
struct PeerBatch {
  std::string address;
  std::vector<PeerBatchItem> items;  // never empty
};

// Which small requests to a node go together: one goes at once while fewer than kMaxUnderWay
// batches are under way to its node, else with the next batch that may. So nothing waits when
// there is room, and batches are as large as the load makes them.
//
// Pure. Threads: one caller at a time. Memory: what waits, which the senders' timeouts bound.
class PeerBatches {
 public:
  static constexpr std::size_t kMaxUnderWay = 4;  // to a node
  static constexpr std::size_t kMaxItems = 256;
  static constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

  // The batch to be sent now, if one is.
  std::optional<PeerBatch> Add(const std::string& address, PeerBatchItem item);
  // A batch to `address` has ended: the next one to be sent, if something waits.
  std::optional<PeerBatch> End(const std::string& address);

 private:
  struct Node {
    std::size_t under_way = 0;
    std::deque<PeerBatchItem> waiting;
  };
  static PeerBatch TakeFrom(const std::string& address, Node* node);

  std::map<std::string, Node> nodes_;  // with something under way
};

}  // namespace carillon
