#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collector/chunk_client.h"
#include "collector/edge/http_pool.h"
#include "collector/peer_config.h"
#include "collector/peer_turn.h"

namespace carillon {

// Other collectors in the place of the ring: what an agent's pipeline sends goes to them by
// PUT /v1/chunks/KEY, to one after the other of those that answer. A chunk that one has kept will
// be committed by it, so that there is nothing left to commit; sent again, to whichever, it is the
// same chunk. Nothing else can be asked of them: UNIMPLEMENTED.
//
// Collectors take no chunk that needs a dictionary. The pipeline makes none for them; one that it
// made when it sent to the ring itself waits until it does so again, or is too old.
//
// Threads: as Client.
class CollectorClient final : public ChunkClient {
 public:
  // INVALID_ARGUMENT: a URL, or the key file.
  static StatusOr<std::unique_ptr<CollectorClient>> Open(const SendConfig& config,
                                                         std::size_t max_in_flight);

  Contact contact() const override;

  // OK: a collector has it. INVALID_ARGUMENT: it refuses it for good. UNIMPLEMENTED: it needs a
  // dictionary, and was not sent. Others: to be tried again.
  void PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                     std::function<void(StatusOr<PutReply>)> done) override;

 private:
  CollectorClient(const SendConfig& config, std::string key, std::size_t max_in_flight);
  Status HandleAnswer(std::size_t peer, const StatusOr<HttpAnswer>& answer);

  const std::vector<std::string> urls_;
  const std::string key_;
  mutable std::mutex mutex_;  // guards what follows
  PeerTurn turn_;
  Contact contact_;
  HttpPool pool_;  // the last: it calls back until it is gone
};

// What an answer to PUT /v1/chunks/KEY says of the chunk: as PutChunkAsync.
Status StatusOfAnswer(const HttpAnswer& answer);

}  // namespace carillon
