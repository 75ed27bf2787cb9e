#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collector/dialects/json_document.h"

// The client's side of the Fluent forward protocol, version 1: what ForwardSession understands, and
// Fluentd and Fluent Bit. Pure; threads: any.
namespace carillon {

// What a chunk's events have in common, for its tag.
struct ForwardNames {
  std::string_view bucket;
  std::string_view type;
  std::string_view subtype;  // may be empty
};
inline constexpr std::string_view kForwardTag = "{type}.{subtype}";
inline constexpr std::size_t kMaxForwardTagBytes = 128;

// A tag with its {bucket}, {type}, {subtype} filled in; dots at its end go. INVALID_ARGUMENT of the
// pattern: empty, too long, anything but [A-Za-z0-9_.-] and these three.
Status CheckForwardTag(std::string_view pattern);
// Requires: CheckForwardTag(pattern).ok(). Never empty.
std::string ForwardTag(std::string_view pattern, const ForwardNames& names);

// Entries of a message are about so many bytes at most (one event may be more): Fluent Bit takes no
// message of more than its Buffer_Max_Size, 6 MB unless set, and a slow link has to carry it before
// the acknowledgement is given up.
inline constexpr std::size_t kForwardEntriesBytes = std::size_t{1} << 20;

struct ForwardChunk {
  std::string id;  // the same whenever it is sent, and no other chunk's
  std::string tag;
  std::uint64_t second = 0;  // since 1970, of all its events
  bool gzip = false;
};
struct ForwardMessage {
  std::string id;  // what its acknowledgement must say: "ID.0", "ID.1", ...
  std::string bytes;
};

// The events of a chunk as messages in the mode PackedForward (or CompressedPackedForward), each
// with the option `chunk`, to be acknowledged. The record is the event. Its time: the event's
// `timestamp` to the microsecond, if that is of the chunk's second, in whatever unit or form
// (TimeOf); else the second. The same chunk always becomes the same messages.
//
// One caller at a time. Memory: one message, twice. Cost: about that of parsing the JSON.
class ForwardWriter {
 public:
  // `lines`: one JSON object each; outlives this.
  ForwardWriter(ForwardChunk chunk, std::string_view lines)
      : chunk_(std::move(chunk)), rest_(lines) {}
  // nullopt: that was all. INVALID_ARGUMENT: a line is no object.
  StatusOr<std::optional<ForwardMessage>> Next();

 private:
  Status AppendEntry(std::string_view line);
  std::string Wrap(std::string_view id, std::size_t events) const;

  const ForwardChunk chunk_;
  std::string_view rest_;
  std::size_t messages_ = 0;
  std::string entries_;
  JsonDocument document_;
};

// Is it the acknowledgement of that message? INVALID_ARGUMENT: it is not. UNAUTHENTICATED: the
// server asks for a key first.
Status CheckForwardAck(std::string_view answer, std::string_view id);

struct ForwardLogin {
  std::string shared_key;
  std::string host;  // how the client calls itself; never as the server does
  std::string salt;  // chance, kHandshakeSaltBytes, new for every connection
};

// A PING for the server's HELO. INVALID_ARGUMENT: it is none. UNAUTHENTICATED: it wants a user.
// Sets `nonce`, which CheckPong wants.
StatusOr<std::string> AnswerHelo(std::string_view helo, const ForwardLogin& login,
                                 std::string* nonce);
// Does the server let us in, and know the key itself? UNAUTHENTICATED, INVALID_ARGUMENT.
Status CheckPong(std::string_view pong, const ForwardLogin& login, std::string_view nonce);

}  // namespace carillon
