#include <algorithm>
#include <chrono>
#include <memory>

#include "client/chunk_decoder.h"
#include "tools/carillon/input/tail_window.h"
#include "tools/carillon/input/time_argument.h"
#include "tools/carillon/stop_signal.h"
#include "tools/carillon/verbs/range_options.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

constexpr auto kPollInterval = std::chrono::milliseconds(250);
// How far ahead of our clock a writer's may be: the nodes' own default.
constexpr std::uint64_t kMaxFutureSeconds = 300;
// Values of one call: a few hundred MB at most, whatever the chunks' size.
constexpr std::size_t kMaxKeysPerCall = 64;

struct TailOptions {
  RangeOptions range;
  std::uint64_t look_back = TailLimits{}.look_back_seconds;
  std::string run_for;
};

const VerbText kText = {
    .name = "tail",
    .group = kForDashboards,
    .description = "Print events as they are committed, until Ctrl-C",
    .examples =
        "Begins now, or at --from. Chunks that are committed to a second more than --look-back\n"
        "seconds after it are not seen: read the range again for those.\n\n"
        "  carillon tail --type WEB\n"
        "  carillon tail --from -5m --for 60 | jq -c .type",
};

class Follower {
 public:
  Follower(Session* session, Client* client, Filter filter, TailWindow window)
      : session_(session),
        client_(client),
        decoder_(client, session->options.bucket),
        filter_(std::move(filter)),
        window_(std::move(window)) {}

  // Prints what is new since the last poll.
  Status Poll(Epoch now) {
    std::optional<Epoch> from = window_.first();
    while (from.has_value()) {
      const EpochRange range{*from, Epoch{now.value() + kMaxFutureSeconds}};
      if (range.first >= range.limit) break;
      ASSIGN_OR_RETURN(const SecondsPage page,
                       client_->ListSeconds({session_->options.bucket, range, filter_, 0}));
      for (const Second& second : page.seconds) RETURN_IF_ERROR(PrintNew(second));
      if (page.next_from.has_value() && *page.next_from <= *from) {
        return Internal("the node asks to go on at {}, where this page began", *from);
      }
      from = page.next_from;
    }
    window_.Advance(now);
    return session_->out().Flush();
  }

  std::uint64_t failures() const { return failures_; }

 private:
  Status PrintNew(const Second& second) {
    const std::vector<ChunkInfo> fresh = window_.TakeNew(second);
    for (std::size_t at = 0; at < fresh.size(); at += kMaxKeysPerCall) {
      const std::size_t end = std::min(fresh.size(), at + kMaxKeysPerCall);
      std::vector<ChunkKey> keys;
      for (std::size_t i = at; i < end; ++i) keys.push_back(fresh[i].key);
      RETURN_IF_ERROR(PrintChunks(keys));
    }
    return OkStatus();
  }

  Status PrintChunks(const std::vector<ChunkKey>& keys) {
    Status written;
    RETURN_IF_ERROR(client_->GetChunks(
        session_->options.bucket, keys, [&](const ChunkKey& key, StatusOr<Bytes> value) {
          if (value.ok()) value = decoder_.Decode(key, *value);
          if (!value.ok()) {
            ++failures_;
            PrintError(fmt::format("{}: {}", ToString(key), Explain(value.status())));
          } else if (written.ok()) {
            written = session_->out().Write(*value);
          }
        }));
    return written;
  }

  Session* const session_;
  Client* const client_;
  ChunkDecoder decoder_;
  const Filter filter_;
  TailWindow window_;
  std::uint64_t failures_ = 0;
};

Outcome RunTail(Session* session, const TailOptions& options) {
  const Epoch now = Now();
  Epoch from = now;
  if (!options.range.from.empty()) {
    ASSIGN_OR_USAGE(from, ParseTimeArgument(options.range.from, now));
  }
  ASSIGN_OR_USAGE(const Filter filter, options.range.MakeFilter());
  Instant end = Instant::max();
  if (!options.run_for.empty()) {
    ASSIGN_OR_USAGE(const double seconds, ParseSecondsArgument("--for", options.run_for));
    end = SystemClock().Now() +
          std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }
  ASSIGN_OR_RETURN(Client* const client, session->client());
  Follower follower(session, client, filter,
                    TailWindow(from, {.look_back_seconds = options.look_back}));
  StopSignal stop;
  while (true) {
    RETURN_IF_ERROR(follower.Poll(Now()));
    const Instant next = std::min(end, SystemClock().Now() + kPollInterval);
    if (stop.WaitUntil(next) || SystemClock().Now() >= end) break;
  }
  return follower.failures() == 0 ? ExitCode::kDone : ExitCode::kPartial;
}

}  // namespace

void AddTail(CommandParser* parser, Session* session) {
  auto options = std::make_shared<TailOptions>();
  Command verb = parser->root().AddVerb(kText);
  verb.Value("--from", &options->range.from, "first second (now)");
  AddFilter(&verb, &options->range);
  verb.Value("--look-back", &options->look_back, "seconds to look for late chunks");
  verb.Value("--for", &options->run_for, "end after so many seconds");
  verb.OnRun([=] { return RunTail(session, *options); });
}

}  // namespace carillon
