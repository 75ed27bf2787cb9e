#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// What is measured beside Carillon: other servers that could keep chunks, each spoken to in its own
// protocol.
namespace carillon {

// A chunk: seconds count from 0 within a group, chunks within a second.
struct PeerKey {
  char group = 'p';  // 'p' and 'q': single puts; 'r': seconds of the range; 't': of the tail
  std::uint64_t second = 0;
  std::uint64_t number = 0;
};
inline constexpr char kPeerGroups[] = {'p', 'q', 'r', 't'};

// Seconds of one group, [first, first + count), of `chunks` chunks each.
struct PeerRange {
  char group = 'r';
  std::uint64_t first = 0;
  std::uint64_t count = 1;
  std::uint64_t chunks = 200;
};

// One connection. Every call waits for its end. Threads: one caller at a time.
class PeerConnection {
 public:
  virtual ~PeerConnection() = default;

  // The chunk is as durable as this server, so set up, makes it.
  virtual Status Put(const PeerKey& key, const SharedBytes& value) = 0;
  // Replaces `*value` by the chunk. NOT_FOUND: there is none.
  virtual Status Get(const PeerKey& key, std::string* value) = 0;
  // Chunks 0 .. chunks-1 of one second, all with `value`, and then what says that it is complete.
  virtual Status WriteSecond(const PeerRange& second, const SharedBytes& value) = 0;
  // The bytes of all chunks of the range's complete seconds; a range of several seconds is all
  // that was written to its group. They are received and dropped.
  virtual StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) = 0;
};

struct PeerDescription {
  std::string name;      // "redis"
  std::string version;   // as its program says
  std::string settings;  // what differs from its defaults, and what that means
  bool durable = true;   // an acknowledged put survives the loss of power
};

// A running server; stopped with this object. Threads: Connect from any.
class Peer {
 public:
  virtual ~Peer() = default;
  virtual const PeerDescription& description() const = 0;
  virtual StatusOr<std::unique_ptr<PeerConnection>> Connect() = 0;
};

// Starts one on free ports of 127.0.0.1 with its data in `directory`, which exists and is empty.
using StartPeer = StatusOr<std::unique_ptr<Peer>> (*)(const std::string& directory);
struct PeerKind {
  const char* name;
  StartPeer start;  // NOT_FOUND: it is not installed
};
const std::vector<PeerKind>& AllPeers();

StatusOr<std::unique_ptr<Peer>> StartCarillon(const std::string& directory);
StatusOr<std::unique_ptr<Peer>> StartCarillonThree(const std::string& directory);
StatusOr<std::unique_ptr<Peer>> StartRedis(const std::string& directory);
StatusOr<std::unique_ptr<Peer>> StartPostgres(const std::string& directory);
StatusOr<std::unique_ptr<Peer>> StartNats(const std::string& directory);
StatusOr<std::unique_ptr<Peer>> StartNginx(const std::string& directory);

}  // namespace carillon
