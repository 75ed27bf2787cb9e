#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

// What collectors ask one another of copies of their spools (docs/FORMATS.md, "Copies of spools").
// Pure; threads: any.
namespace carillon {

// The logs of a spool.
enum class SpoolPart : std::uint8_t { kIntake = 0, kOutbox = 1, kDead = 2 };
inline constexpr std::size_t kSpoolParts = 3;
// "intake", "outbox", "dead": also the names of their directories.
std::string_view ToString(SpoolPart part);

// A segment of a spool.
struct CopyFile {
  SpoolPart part = SpoolPart::kIntake;
  std::uint64_t segment = 0;
  friend auto operator<=>(const CopyFile&, const CopyFile&) = default;
};
struct SizedCopyFile {
  CopyFile file;
  std::uint64_t bytes = 0;
  friend bool operator==(const SizedCopyFile&, const SizedCopyFile&) = default;
};

enum class CopyStepKind : std::uint8_t {
  kAppend = 1,
  kRemove = 2,
  kComplete = 3,  // with what came so far the copy is whole: it stands for the spool from now on
};
// One change of a copy.
struct CopyPiece {
  CopyStepKind kind = CopyStepKind::kAppend;
  CopyFile file;
  std::uint64_t offset = 0;  // of an append: where the file ends so far
  ByteSpan bytes;
};

enum class CopyAskKind : std::uint8_t {
  kBegin = 1,   // a copy of this generation, from nothing; answered with a session
  kShip = 2,    // changes, which are on the disk when this is answered
  kForget = 3,  // copies of older generations
  kList = 4,    // the files of the newest whole copy; generation 0: there is none
  kRead = 5,    // bytes of one of its files
};

// What does not belong to its kind is 0 or empty. Views belong to whoever made or decodes it.
struct CopyAsk {
  CopyAskKind kind = CopyAskKind::kList;
  std::string_view name;  // of the collector whose spool it is
  std::uint64_t generation = 0;
  std::uint64_t session = 0;      // kShip: the answer to kBegin
  std::uint64_t sequence = 0;     // kShip: from 1; the last one may come again and changes nothing
  std::vector<CopyPiece> pieces;  // kShip
  SizedCopyFile range;            // kRead: how many bytes, at
  std::uint64_t offset = 0;
};
struct CopyReply {
  Status status;
  std::uint64_t session = 0;         // kBegin
  std::uint64_t generation = 0;      // kList; kBegin when ALREADY_EXISTS: the one that is there
  std::vector<SizedCopyFile> files;  // kList
  Bytes bytes;                       // kRead
};

// Of the pieces of one kShip, and of one kRead.
inline constexpr std::size_t kMaxCopyBytes = std::size_t{1} << 20;
// Of an encoded ask or reply.
inline constexpr std::size_t kMaxCopyMessageBytes = std::size_t{2} << 20;
inline constexpr std::size_t kMaxCopyPieces = 4096;
inline constexpr std::size_t kMaxCopyFiles = 16'384;  // of one copy

Bytes EncodeCopyAsk(const CopyAsk& ask);
// The views point into `bytes`. UNIMPLEMENTED: another version. DATA_LOSS: not what EncodeCopyAsk
// writes, or beyond a limit.
StatusOr<CopyAsk> DecodeCopyAsk(ByteSpan bytes);

Bytes EncodeCopyReply(const CopyReply& reply);
// Errors: as above; the reply's own status is in the reply.
StatusOr<CopyReply> DecodeCopyReply(ByteSpan bytes);

}  // namespace carillon
