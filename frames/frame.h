#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// How messages to nodes travel on a TCP connection (docs/FORMATS.md, "Frames"): a preamble at
// each end, then frames: a head and a body that this layer does not look into.
//
// Pure; threads: one caller at a time.
namespace carillon {

enum class FrameKind : std::uint32_t {
  kRequest = 1,
  kReply = 2,    // to the request of the same id
  kRefusal = 3,  // likewise, but nobody has answered it: the body says why
  kCall = 4,     // a request of a client: the body is a Call (frames/call.h)
};

struct FrameHead {
  FrameKind kind = FrameKind::kRequest;
  std::uint64_t id = 0;
  std::uint32_t body_bytes = 0;
};
inline constexpr std::size_t kFrameHeadBytes = 20;
using FrameHeadBytes = std::array<char, kFrameHeadBytes>;

FrameHeadBytes EncodeFrameHead(const FrameHead& head);
// DATA_LOSS: not a head, or a damaged one.
StatusOr<FrameHead> DecodeFrameHead(ByteSpan bytes);

// What each end says first. A connection that begins otherwise is somebody else's: the first
// kPreambleMarkBytes tell.
inline constexpr std::size_t kPreambleBytes = 16;
inline constexpr std::size_t kPreambleMarkBytes = 8;
ByteSpan FramePreamble();

// The body of a refusal.
Bytes EncodeRefusal(const Status& status);
// The status that EncodeRefusal was given; DATA_LOSS if it is malformed. Never OK.
Status DecodeRefusal(ByteSpan body);

struct Frame {
  FrameKind kind = FrameKind::kRequest;
  std::uint64_t id = 0;
  SharedBytes body;  // in one piece, with memory of its own
};

// Puts frames together from a stream of bytes. The bytes of a large body are received where they
// stay; only those that came together with the head (kLookaheadBytes at most) are copied.
class FrameReader {
 public:
  static constexpr std::size_t kLookaheadBytes = 16 * 1024;

  explicit FrameReader(std::size_t max_body_bytes);

  struct Space {
    char* data = nullptr;
    std::size_t size = 0;
  };
  // Where the next bytes go: into the first until it is full (it may be empty), then into the
  // second. Valid until Take.
  std::array<Space, 2> Prepare();
  // So many bytes came there; appends the frames that are whole now.
  // UNIMPLEMENTED: the other end speaks another version, or no frames at all. DATA_LOSS: damaged.
  // OUT_OF_RANGE: a body above the limit. After an error: call no more.
  Status Take(std::size_t bytes, std::vector<Frame>* frames);
  // The other end has said the preamble.
  bool greeted() const { return greeted_; }

 private:
  Status Parse(std::vector<Frame>* frames);
  Status CheckPreamble();
  void BeginBody(const FrameHead& head);
  void EndBody(std::vector<Frame>* frames);

  const std::size_t max_body_bytes_;
  std::vector<char> lookahead_;
  std::size_t begin_ = 0;  // of what is in lookahead_ and not yet parsed
  std::size_t end_ = 0;
  bool greeted_ = false;
  bool in_body_ = false;
  FrameHead head_;
  std::shared_ptr<char[]> body_;
  std::size_t body_filled_ = 0;
};

}  // namespace carillon
