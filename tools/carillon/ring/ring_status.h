#pragma once

#include <string>
#include <vector>

#include "base/json_writer.h"
#include "ring/cluster_view.h"

// What `ring status`, `ring members`, `ring history`, and `ring where` say. Pure.
namespace carillon {

struct MemberShare {
  std::size_t primaries = 0;
  std::size_t copies = 0;  // partitions it is a home of
};
// By member.
std::vector<MemberShare> SharesOf(const ClusterState& state);

// How far a change of homes has come: partitions that wait, write to both, verify.
struct MoveCounts {
  std::size_t waiting = 0;
  std::size_t dual = 0;
  std::size_t read_new = 0;
  std::size_t all() const { return waiting + dual + read_new; }
};
MoveCounts MovesOf(const ClusterState& state);

// Members as people sort them: node2 before node10. Their place in it is their mark.
std::vector<std::size_t> ByName(const ClusterState& state);

// What is not as it should be, a sentence each: a member that is not alive, partitions that move or
// have fewer homes than a bucket's n_val, a ring that cannot change. Empty: all is well.
std::vector<std::string> TroublesOf(const ClusterView& view);

// The name of a member, or the id of what is none (any more).
std::string NameOf(const ClusterState& state, const NodeId& node);
// "join n4", "weight n2 150": what is staged, as one would type it.
std::string Describe(const ClusterState& state, const StagedChange& change);

struct StatusStyle {
  bool picture = false;
  bool color = false;
};
std::string StatusText(const ClusterView& view, const StatusStyle& style);
std::string StatusJson(const ClusterView& view);

std::string MembersText(const ClusterView& view);
std::string MembersJson(const ClusterView& view);

std::string HistoryText(const ClusterView& view);
std::string HistoryJson(const ClusterView& view);

// Where `key` (a chunk's key, or EPOCH-DC of a manifest) of a bucket lives.
std::string WhereText(const ClusterView& view, const std::string& bucket, const std::string& key);
std::string WhereJson(const ClusterView& view, const std::string& bucket, const std::string& key);

}  // namespace carillon
