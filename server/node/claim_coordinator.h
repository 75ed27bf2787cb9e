#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "ring/preference_list.h"
#include "server/node/input.h"
#include "server/node/outbox.h"
#include "server/node/state_wait.h"

namespace carillon {

// Verdicts by kind, each of one id of a request.
struct ClaimCounts {
  std::uint64_t mine = 0;
  std::uint64_t taken = 0;
  std::uint64_t undecided = 0;

  void Add(const ClaimCounts& other) {
    mine += other.mine;
    taken += other.taken;
    undecided += other.undecided;
  }
};

// Carries the claims of one owner to the homes of their ids and counts votes, id by id
// (docs/design/0008-claims.md).
//
//   an id:  voting --enough for one owner--> decided --enough of the next voters know--> verdict
//              \--no owner can have enough any more, or the time is up--> undecided
//   all:    Start --> asking --every id has its verdict--> answered --the rest replied--> done
//
// The first home of an id that is not away votes first, the others when it has: for whom it voted.
// So of two owners that ask at once one has all votes, also while a home is away. A home that is
// silent or fails hands its turn to the next one. While a partition moves, what has its votes is
// told to those who vote next, and is settled when enough of them have it. What is settled is told
// to those who do not know it, and nobody waits for that. There are no fallbacks. Under a ring that
// has changed meanwhile it begins again.
//
// Pure. One owner at a time. Memory: some 100 bytes an id.
class ClaimCoordinator {
 public:
  static constexpr Duration kGiveUpAfter = std::chrono::seconds(3);
  static constexpr Duration kTurn = std::chrono::milliseconds(300);  // of a home that votes first
  static constexpr std::uint64_t kBytesOfAClaim = 32;                // of a bucket's quota

  explicit ClaimCoordinator(ClaimInput input) : input_(std::move(input)) {}

  // Call once, first.
  void Start(Outbox* out);
  // A home's word. A second one, and one of before the ring changed, change nothing.
  void Handle(ClaimsDone done, Outbox* out);
  void HandleTime(Outbox* out);
  void HandleNewState(Outbox* out);

  bool done() const { return answered_ && asked_.empty(); }
  const ClaimCounts& counts() const { return counts_; }

 private:
  using Places = std::vector<std::uint32_t>;  // of ids in the request, ascending
  using Mask = std::uint16_t;                 // of the homes of a group, by their place in it
  enum class Stage : std::uint8_t { kVoting, kTelling, kFinal };

  struct Vote {  // for another owner
    OtherClaim claim;
    Mask by = 0;
  };
  struct Knowing {  // so many of these are to know what a vote came to
    Mask homes = 0;
    std::uint32_t wanted = 0;
  };
  struct Group {                     // of the ids of one partition
    std::vector<MemberIndex> homes;  // who votes, and then who votes next and does not yet
    std::uint32_t wanted = 0;        // votes
    Mask voters = 0;
    Mask next = 0;                 // of all of `knowing`
    std::vector<Knowing> knowing;  // of those who vote next; empty: nobody does
  };
  struct Claim {
    PlacedClaim placed;
    std::uint16_t group = 0;
    Stage stage = Stage::kVoting;
    ClaimVerdict verdict = ClaimVerdict::kUndecided;
    Mask waiting = 0;  // asked, or about to be, and silent so far
    Mask later = 0;    // of them: are asked when one before them has voted
    Mask own = 0;      // have it of the owner that asks
    std::vector<Vote> others;
    std::optional<std::uint8_t> helped;  // of `others`: for whom the later ones are asked to vote
    Mask has = 0;                        // have it of the owner it was decided for
    Mask telling = 0;                    // being told so
    Mask told = 0;                       // were told, well or not
    Mask settled = 0;                    // were told that nobody else can win any more
    ClaimOwner owner;                    // it was decided for
    std::uint64_t claimed_at = 0;
    std::uint64_t expire_at = 0;
  };
  struct Asked {
    MemberIndex member = 0;
    Places places;           // in the order of the message
    std::size_t helped = 0;  // so many of them, the last, are to vote for another owner
    bool tells = false;
  };
  struct Told {  // what a member is to be told of some ids, or asked to vote for
    ClaimOwner owner;
    std::uint64_t claimed_at = 0;
    bool settled = false;
    friend auto operator<=>(const Told&, const Told&) = default;
  };
  struct Ballot {  // what a member is asked to vote on
    Places own;
    std::map<Told, Places> helped;
  };

  void Ask(Outbox* out);
  static bool AreEnough(const Group& group, Mask homes);
  std::uint16_t GroupOf(PartitionId partition, const Scene& scene);
  Mask BitOf(const Claim& claim, MemberIndex member) const;
  void BeginAgain(Outbox* out);
  void AskLead(std::uint32_t place);
  void AskLater(std::uint32_t place, const OtherClaim* first, const Scene& scene);
  ClaimSet SetOf(const Told& what, std::uint64_t expire_at, const Places& places) const;
  void SendVotes(Outbox* out);
  void HandleVotes(const Asked& asked, const ClaimsDone& done, const Scene& scene);
  void CountVote(Claim* claim, Mask bit, bool helped, const OtherClaim* other) const;
  void HandleTold(const Asked& asked, const ClaimsDone& done);
  void EndTurn(Outbox* out);
  void Judge(std::uint32_t place, const Scene& scene);
  void JudgeVotes(Claim* claim, const Scene& scene) const;
  void JudgeTold(std::uint32_t place, Claim* claim);
  void Decide(Claim* claim, ClaimVerdict verdict, const OtherClaim& owner, Mask by) const;
  void Tell(std::uint32_t place, const Claim& claim, Mask whom, bool settled);
  void SendTold(Outbox* out);
  void End(Claim* claim, ClaimVerdict verdict);
  void Conclude(Outbox* out);
  void Answer(Outbox* out);

  ClaimInput input_;
  BucketProperties properties_;
  std::optional<std::uint64_t> claimed_at_;
  std::uint64_t expire_at_ = 0;
  std::vector<Group> groups_;
  std::map<PartitionId, std::uint16_t> group_of_;
  std::vector<Claim> claims_;
  std::map<OperationId, Asked> asked_;
  std::map<MemberIndex, Ballot> to_vote_;
  std::map<MemberIndex, std::map<Told, Places>> to_tell_;
  std::size_t open_ = 0;  // claims without a verdict
  Instant give_up_at_;
  Instant turn_ends_at_;
  StateVersion version_;
  StateWait wait_;
  Status error_;
  ClaimCounts counts_;
  bool tells_more_ = true;  // members still have the places they had
  bool answered_ = false;
};

}  // namespace carillon
