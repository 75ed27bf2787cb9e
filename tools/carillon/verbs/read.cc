#include <memory>

#include "client/chunk_decoder.h"
#include "crunch/chunk_codec.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/range_options.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

// So many chunks that could not be read are named one by one.
constexpr std::uint64_t kMaxNamedFailures = 20;

struct ReadOptions {
  RangeOptions range;
  std::uint64_t limit = 0;
};

const VerbText kText = {
    .name = "read",
    .group = kForDashboards,
    .description = "Print the events of a range, one JSON object a line",
    .examples =
        "Events come second by second, as they were stored. A chunk that cannot be read is\n"
        "named on standard error, the rest is printed, and the exit code is 3.\n\n"
        "  carillon read --from -5m --type WEB\n"
        "  carillon read --from 1428415043 --to 1428415044 --limit 10\n"
        "  carillon read --from -1h --type SYS --subtype cpu | jq .cpu.total.user",
};

// Prints the stream's events; counts what it could not.
class RangePrinter {
 public:
  RangePrinter(Session* session, Client* client, std::uint64_t limit)
      : out_(&session->out()), decoder_(client, session->options.bucket), limit_(limit) {}

  // False: the limit is reached.
  StatusOr<bool> Print(const RangeItem& item) {
    if (!item.chunk.has_value()) return true;
    Status status = item.status;
    StatusOr<Bytes> events = Bytes{};
    if (status.ok()) {
      events = decoder_.Decode(item.chunk->key, item.value);
      status = events.status();
    }
    if (!status.ok()) {
      NoteFailure(item.chunk->key, status);
      return true;
    }
    if (limit_ == 0) {
      if (!events->empty() && events->back() != '\n') events->push_back('\n');
      RETURN_IF_ERROR(out_->Write(*events));
      return true;
    }
    return PrintUpToLimit(*events);
  }

  std::uint64_t failures() const { return failures_; }

 private:
  StatusOr<bool> PrintUpToLimit(ByteSpan events) {
    Status written;
    ForEachEvent(events, [&](std::string_view event) {
      written = out_->Write(event);
      if (written.ok()) written = out_->Write("\n");
      return ++printed_ < limit_ && written.ok();
    });
    RETURN_IF_ERROR(written);
    return printed_ < limit_;
  }

  void NoteFailure(const ChunkKey& key, const Status& status) {
    if (++failures_ <= kMaxNamedFailures) {
      PrintError(fmt::format("{}: {}", ToString(key), Explain(status)));
    }
  }

  Output* const out_;
  ChunkDecoder decoder_;
  const std::uint64_t limit_;
  std::uint64_t printed_ = 0;
  std::uint64_t failures_ = 0;
};

Outcome RunRead(Session* session, const ReadOptions& options) {
  ASSIGN_OR_USAGE(const EpochRange range, options.range.Range());
  ASSIGN_OR_USAGE(const Filter filter, options.range.MakeFilter());
  ASSIGN_OR_RETURN(Client* const client, session->client());
  const std::unique_ptr<RangeStream> stream = client->ReadRange(
      {session->options.bucket, range, filter, options.limit, options.range.partial});
  RangePrinter printer(session, client, options.limit);
  bool more = true;
  while (more) {
    ASSIGN_OR_RETURN(const std::optional<RangeItem> item, stream->Next());
    if (!item.has_value()) break;
    ASSIGN_OR_RETURN(more, printer.Print(*item));
  }
  if (printer.failures() == 0) return ExitCode::kDone;
  PrintError(fmt::format("{} chunks could not be read", FormatCount(printer.failures())));
  return ExitCode::kPartial;
}

}  // namespace

void AddRead(CommandParser* parser, Session* session) {
  auto options = std::make_shared<ReadOptions>();
  Command verb = parser->root().AddVerb(kText);
  AddRange(&verb, &options->range);
  AddFilter(&verb, &options->range);
  AddPartial(&verb, &options->range);
  verb.Value("-n,--limit", &options->limit, "print at most so many events; 0 for all");
  verb.OnRun([=] { return RunRead(session, *options); });
}

}  // namespace carillon
