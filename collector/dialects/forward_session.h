#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collector/dialects/forward_handshake.h"
#include "collector/dialects/msgpack.h"
#include "collector/dialects/stream_dialect.h"

namespace carillon {

// The greatest message, and what a compressed one may unpack to. Fluentd's `chunk_limit_size` for
// this must be at most so (8 MB in memory unless set).
inline constexpr std::size_t kMaxForwardBytes = std::size_t{32} << 20;
inline constexpr std::size_t kMaxForwardChunkIdBytes = 256;
// Events of a message go out in batches of at most kMaxEventsInRequest and about this size.
inline constexpr std::size_t kForwardBatchBytes = std::size_t{8} << 20;

// The Fluent forward protocol, version 1 (github.com/fluent/fluentd/wiki/Forward-Protocol-
// Specification-v1): Message, Forward, PackedForward, CompressedPackedForward; packed entries as
// bin or, as Fluentd writes them, str.
//
// Events: the record, as JSON (see MsgpackReader::AppendJson). Stream: the tag. Time: the entry's.
// Id: "CHUNK:PLACE" when the message has a chunk id, so that a chunk that Fluentd sends again has
// the same ids. A record that is no map, or too deep, is rejected; the others of its message
// are taken.
// Acknowledged, when the message has a chunk id: {"ack": id}, byte for byte as it came, once all
// batches of the message are kept (the last one carries it; an empty message is an empty batch).
// Not kept: the connection is closed, and the client sends the chunk again.
//
// Memory: kMaxForwardBytes, the unpacked message, and its batches.
class ForwardSession final : public StreamSession {
 public:
  explicit ForwardSession(ForwardOptions options);

  std::string_view key() const override { return handshake_.key(); }
  void Begin(std::vector<StreamEffect>* effects) override;
  Status Feed(std::string_view bytes, std::vector<StreamEffect>* effects) override;

 private:
  Status TakeMessage(std::string_view message, std::vector<StreamEffect>* effects);

  ForwardHandshake handshake_;
  MsgpackFramer framer_{kMaxForwardBytes};
  std::string buffer_;
};

}  // namespace carillon
