#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "collector/copies/copy_desk.h"
#include "collector/copies/spool_copier.h"
#include "collector/edge/edge_server.h"
#include "collector/peer_config.h"

namespace carillon {

// All that a collector has to do with copies of spools: those of others, which it keeps and serves,
// and its own, which peers keep.
//
// Threads: one caller.
class Replica {
 public:
  // What cannot be seen from the configuration alone: URLs, the key. INVALID_ARGUMENT.
  static Status Check(const ReplicaConfig& config);

  // Keeps and serves copies of others from now on: peers may wait for them while we wait for
  // theirs. `tls` (may be null) and `metrics` outlive this.
  // INVALID_ARGUMENT: see Check. UNAVAILABLE: the port, the disk.
  static StatusOr<std::unique_ptr<Replica>> Open(const ReplicaConfig& config,
                                                 const std::string& spool, const TlsFiles* tls,
                                                 CollectorMetrics* metrics);
  ~Replica();  // Stop

  // Fills an empty spool from a copy, once all peers have said what they have; waits for them as
  // long as it takes. Call before the spool is opened. CANCELLED: SIGTERM or SIGINT, which are
  // blocked.
  Status Restore();

  // For the pipeline; nullopt: nobody is to keep a copy.
  const std::optional<CopierOptions>& copies() const { return copies_; }
  // Where others' copies are served; empty: nowhere.
  const std::string& address() const { return address_; }

  void Stop();

 private:
  Replica(ReplicaConfig config, std::string spool)
      : config_(std::move(config)), spool_(std::move(spool)) {}
  Status Serve(const std::string& key, const TlsFiles* tls, CollectorMetrics* metrics);
  void MakePeers(const std::string& key);

  const ReplicaConfig config_;
  const std::string spool_;
  std::optional<CopierOptions> copies_;
  std::string address_;
  std::unique_ptr<CopyDesk> desk_;
  std::unique_ptr<EdgeHost> host_;
  std::unique_ptr<EdgeServer> server_;
};

}  // namespace carillon
