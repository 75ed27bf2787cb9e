#pragma once

#include <set>

#include "base/ids.h"

namespace carillon {

// Who is not to be asked first: what gossip, the data path, and requests that failed say of the
// others. It orders whom we ask and never changes who owns what. Plain data.
class Reachability {
 public:
  bool IsUp(const NodeId& node) const { return !dead_.contains(node) && !degraded_.contains(node); }
  bool IsDead(const NodeId& node) const { return dead_.contains(node); }

  void SetDead(const NodeId& node, bool dead) { Set(&dead_, node, dead); }
  // Alive by its gossip, and its requests fail.
  void SetDegraded(const NodeId& node, bool degraded) { Set(&degraded_, node, degraded); }

 private:
  static void Set(std::set<NodeId>* nodes, const NodeId& node, bool in) {
    if (in) {
      nodes->insert(node);
    } else {
      nodes->erase(node);
    }
  }
  std::set<NodeId> dead_;
  std::set<NodeId> degraded_;
};

}  // namespace carillon
