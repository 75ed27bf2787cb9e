#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collector/chunk_client.h"
#include "collector/dialects/forward_sender.h"
#include "collector/edge/dialed_socket.h"
#include "collector/peer_config.h"
#include "collector/peer_turn.h"

namespace carillon {

struct ForwardTimeouts {
  Duration dial = std::chrono::seconds(2);
  Duration handshake = std::chrono::seconds(5);
  Duration send = std::chrono::seconds(15);  // without any progress
  Duration ack = std::chrono::seconds(60);   // of each message
};

// Servers of the Fluent forward protocol in the place of the ring: what an agent's pipeline sends
// goes to one after the other of those that answer, as ForwardWriter makes it of a chunk, and is
// taken when all its messages were acknowledged. The protocol has no way to say that a chunk came
// before: one whose acknowledgement was lost comes again, to whichever, with the same chunk id.
//
// Threads: as Client; `connections` of its own, each with a connection to each server at most.
// Memory: the lines of what is under way, kMaxDecodedBytes, or one chunk that alone has more.
class ForwardClient final : public ChunkClient {
 public:
  static constexpr std::size_t kMaxConnections = 8;
  static constexpr std::size_t kMaxDecodedBytes = std::size_t{64} << 20;

  // `connections`: how many chunks are under way at once, 1..kMaxConnections.
  // INVALID_ARGUMENT: a URL, the tag, the key file, or the CA file.
  static StatusOr<std::unique_ptr<ForwardClient>> Open(const SendConfig& config,
                                                       std::size_t connections,
                                                       const ForwardTimeouts& timeouts = {});
  ~ForwardClient() override;  // what is under way or waits is answered with UNAVAILABLE

  Contact contact() const override;
  // OK: it was acknowledged. INVALID_ARGUMENT: its value is none. UNIMPLEMENTED: it needs a
  // dictionary. UNAVAILABLE, UNAUTHENTICATED (the shared key): to be tried again. The bucket only
  // goes into the tag.
  void PutChunkAsync(const std::string& bucket, const ChunkKey& key, SharedBytes value,
                     std::function<void(StatusOr<PutReply>)> done) override;

 private:
  struct Peer {
    std::string url;
    DialAddress address;
  };
  struct Job {
    std::string bucket;
    ChunkKey key;
    SharedBytes value;
    std::size_t decoded_bytes = 0;  // that it will have
    std::function<void(StatusOr<PutReply>)> done;
  };
  struct Worker;

  ForwardClient(std::vector<Peer> peers, std::string key, std::string tag, bool gzip,
                const ForwardTimeouts& timeouts);
  void Start(std::size_t connections);
  void Work(Worker* worker);
  bool MayBegin() const;
  Status Deliver(const Job& job, Worker* worker);
  Status DeliverTo(const DialAddress& address, DialedSocket* socket, ForwardWriter* writer) const;
  Status ShakeHands(DialedSocket* socket) const;
  std::size_t NextPeer();
  void HandleEnd(std::size_t peer, const Status& status);

  const std::vector<Peer> peers_;
  const std::string key_;   // empty: no handshake
  const std::string host_;  // what we call ourselves
  const std::string tag_;
  const bool gzip_;
  const ForwardTimeouts timeouts_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  std::size_t decoded_bytes_ = 0;  // of jobs under way
  PeerTurn turn_;
  Contact contact_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<Worker>> workers_;  // the last: they use all of it
};

// Chance, for handshakes of the forward protocol: kHandshakeSaltBytes.
std::string RandomSalt();

}  // namespace carillon
