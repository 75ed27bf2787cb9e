#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "collector/tail/tail_state.h"

namespace carillon {

// A file as it looks now.
struct SeenFile {
  std::string path;
  std::string tail;      // whose pattern it matches; of a sibling: empty
  bool sibling = false;  // matches none, but its name begins like that of a file that is missed
  FileIdentity identity;
  std::uint64_t size = 0;
  // Its first kTailHeadBytes. Not needed of a file that is open (TailFiles::IsOpen).
  std::string head;
  // Its last kTailBeforeBytes. Needed only of files of a tail that begins at the end, and was not
  // looked for before.
  std::string end;
};

// The CRC32C of the BytesBefore(offset) bytes before `offset` of a file that is seen; nullopt: it
// is shorter, or cannot be read. What tells a file from another that begins like it.
using CrcBefore =
    std::function<std::optional<std::uint32_t>(const SeenFile& seen, std::uint64_t offset)>;

// The file at `path` is to be read as `number`, if it still has `identity`.
struct OpenTailFile {
  std::uint64_t number = 0;
  std::string path;
  FileIdentity identity;
};

// Decides which files are followed, and where in them to go on, whatever happens to their names:
//
//   (seen) --new--> followed --no pattern matches it any more--> leaving --quiet--> finishing -->
//   (none)
//             ^         \--other bytes where it was read--> missed (a rotation by copy)
//             \--its inode, or a copy of it, is found again--/  \--kForgetAfter--> (none)
//
// A file is known by device, inode, time of birth, and first bytes; a copy of a missed one by its
// first bytes; and each by those before the offset. A file that begins like another one, and is
// shorter than what was read of that, may be a copy that is not whole yet: it is held back for
// kHoldBack. An empty one tells nothing yet, and is left alone.
//
// Pure. One caller at a time. Memory: about 600 bytes a file, at most kMaxTailFiles of them: more
// are not followed, and counted.
class TailFiles {
 public:
  static constexpr Duration kLeaveAfter = std::chrono::seconds(60);
  static constexpr Duration kForgetAfter = std::chrono::hours(1);
  static constexpr Duration kHoldBack = std::chrono::seconds(5);

  // `from_end`: tails whose files are read from their ends, as they were when first looked for.
  // Files of other tails than `tails` are forgotten.
  TailFiles(TailState state, std::set<std::string> tails, std::set<std::string> from_end);

  bool IsOpen(const FileIdentity& identity) const;
  // Files that are known and not there: beside their paths siblings are looked for.
  std::vector<const TailFile*> Missed() const;

  // Takes what all patterns match now, and siblings of missed files. Asks `crc_before` only of
  // files that are not open and may be ones that are missed.
  void Look(Instant now, const std::vector<SeenFile>& seen, const CrcBefore& crc_before,
            std::vector<OpenTailFile>* opens);
  // The file could not be opened, or is another by now: it is missed.
  void HandleNotOpen(std::uint64_t number, Instant now);

  // Requires: the file is open, and `bytes` are what it has at ReadFrom(number), `size` how long it
  // was after that. The part of `bytes` that is new; nullopt: the file is shorter than what was
  // read, or has other bytes there: it was truncated. Then `number` is missed, and the same open
  // file is to be read as `*instead` from its start; 0: not at all.
  std::uint64_t ReadFrom(std::uint64_t number) const;
  std::optional<std::string_view> Check(std::uint64_t number, std::string_view bytes,
                                        std::uint64_t size, Instant now, std::uint64_t* instead);
  // What the file will be when the first `taken` of the bytes that Check returned are kept.
  // `bytes`: as given to Check.
  TailAdvance AfterReading(std::uint64_t number, std::string_view bytes, std::size_t taken,
                           bool in_cut_line) const;
  void Advance(const TailAdvance& advance, Instant now);
  // Nothing more will come: what is there is read, its last line need not end, and then it is
  // closed.
  bool IsFinishing(std::uint64_t number) const;
  void Close(std::uint64_t number);

  // nullptr: not known.
  const TailFile* Find(std::uint64_t number) const;
  const TailState& state() const { return state_; }
  // Whether files came, went, or changed their names since this was last asked.
  bool TakeChanged() { return std::exchange(changed_, false); }
  std::uint64_t replaced() const { return replaced_; }    // truncated and written anew
  std::uint64_t forgotten() const { return forgotten_; }  // missed for too long
  std::uint64_t too_many() const { return too_many_; }    // not followed: above kMaxTailFiles

 private:
  enum class Phase { kFollowed, kLeaving, kFinishing, kMissed };
  struct Watch {
    Phase phase = Phase::kMissed;
    Instant since;      // of the phase; of kLeaving: also since it last grew
    bool seen = false;  // by the Look under way
  };

  TailFile* FindOpen(const FileIdentity& identity);
  enum class Likeness { kSame, kCopy };
  TailFile* FindMissed(const SeenFile& seen, Likeness likeness, const CrcBefore& crc_before);
  bool MayBeCopy(const SeenFile& seen) const;
  bool HoldBack(Instant now, const SeenFile& seen);
  bool LookAtOpen(const SeenFile& seen);
  void Follow(Instant now, const SeenFile& seen, TailFile* file, std::vector<OpenTailFile>* opens);
  void Begin(Instant now, const SeenFile& seen, std::vector<OpenTailFile>* opens);
  void Age(Instant now);
  void Miss(std::uint64_t number, Instant now);
  void Forget(std::uint64_t number);
  bool MakeRoom();
  std::uint64_t Replace(std::uint64_t number, Instant now);

  TailState state_;
  const std::set<std::string> tails_;
  const std::set<std::string> from_end_;
  std::map<std::uint64_t, Watch> watches_;  // of state_.files
  std::map<std::string, Instant> held_;     // paths of files held back, since when
  bool changed_ = true;
  std::uint64_t replaced_ = 0;
  std::uint64_t forgotten_ = 0;
  std::uint64_t too_many_ = 0;
};

}  // namespace carillon
