#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/json_writer.h"
#include "client/second_writer.h"
#include "tools/carillon/input/loader.h"
#include "tools/carillon/input/reject_file.h"
#include "tools/carillon/output/progress.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/load_input.h"
#include "tools/carillon/verbs/load_options.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

constexpr std::uint64_t kMaxShownRejects = 5;
// Events that would expire while they are on their way are not worth it.
constexpr std::uint64_t kTtlMarginSeconds = 30;

const VerbText kText = {
    .name = "load",
    .group = kForLoggers,
    .description = "Load events from NDJSON, JSON arrays, and access logs",
    .examples =
        "Events are stored as they came; time, type, and subtype are only looked at, to file "
        "them.\n"
        "In a type or subtype, characters outside [A-Za-z0-9_.-] become '_', and it is cut at 64.\n"
        "An access log line becomes an object of type access that holds all of it.\n"
        "--shift-to now reads the inputs twice (standard input is spooled to a temporary file); "
        "it\n"
        "moves the seconds that events are filed under, not the times inside them.\n"
        "Lines that cannot be loaded are kept in the reject file, and the exit code is 3.\n\n"
        "  carillon load events.ndjson.zst\n"
        "  carillon load --shift-to now access.log other.log.gz\n"
        "  carillon load --time-field /properties/time --time-format unix_ms \\\n"
        "      --type-field /properties/type quakes.json\n"
        "  carillon load --time-field /date --time-format 'strptime:%Y/%m/%d %H:%M' \\\n"
        "      --type flight --subtype-field /origin flights.json\n"
        "  carillon load --time now --type-field /event webhooks.ndjson",
};

// One run over all inputs.
class LoadRun {
 public:
  LoadRun(Session* session, const LoadOptions& options, LoadPlan plan)
      : session_(session),
        options_(options),
        plan_(std::move(plan)),
        start_(SystemClock().Now()),
        terminal_(IsTerminal(2) && !session->json()) {}

  Outcome Run() {
    ASSIGN_OR_RETURN(Client* const client, session_->client());
    ASSIGN_OR_RETURN(const NamedBucket bucket, session_->FindBucket());
    SetRules(bucket.properties);
    for (const std::string& file : options_.files) {
      ASSIGN_OR_RETURN(LoadInput input, LoadInput::Prepare(file, options_.shifts()));
      total_bytes_ += input.size_bytes();
      inputs_.push_back(std::move(input));
    }
    if (options_.shifts()) RETURN_IF_ERROR(FindShift());
    writer_ = SecondWriter::Create(client, WriterOptions(bucket));
    const Status loaded = LoadAll();
    const Status finished = writer_->Finish();  // also after an error: what was taken is kept
    EraseProgress();
    PrintSummary(loaded.ok() ? finished : loaded);
    RETURN_IF_ERROR(finished);
    RETURN_IF_ERROR(loaded);
    return counts_.bad == 0 ? ExitCode::kDone : ExitCode::kPartial;
  }

 private:
  void SetRules(const BucketProperties& properties) {
    const std::uint64_t now = Now().value();
    if (properties.ttl_seconds != 0 && now > properties.ttl_seconds) {
      rules_.oldest = Epoch{now - properties.ttl_seconds + kTtlMarginSeconds};
    }
    rules_.newest = Epoch{now + options_.max_future};
    rules_.max_chunk_bytes = properties.max_chunk_bytes;
    rules_.strict = options_.strict;
  }

  SecondWriterOptions WriterOptions(const NamedBucket& bucket) const {
    SecondWriterOptions writer;
    writer.bucket = bucket.name;
    writer.dc = options_.dc;
    writer.cell = options_.cell;
    writer.max_chunk_bytes = bucket.properties.max_chunk_bytes;
    writer.dictionaries = options_.dictionaries == "on";
    return writer;
  }

  StatusOr<std::unique_ptr<InputReader>> OpenReader(const LoadInput& input) const {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, input.Open());
    return InputReader::Open(std::move(source), plan_.format, plan_.fields);
  }

  Status FindShift() {
    std::optional<Epoch> newest;
    for (const LoadInput& input : inputs_) {
      ASSIGN_OR_RETURN(const std::unique_ptr<InputReader> reader, OpenReader(input));
      const StatusOr<std::optional<Epoch>> found = FindNewest(reader.get());
      if (!found.ok()) return Annotate(found.status(), input.path());
      newest = std::max(newest, *found);
    }
    if (newest.has_value()) {
      rules_.shift_seconds =
          static_cast<std::int64_t>(Now().value()) - static_cast<std::int64_t>(newest->value());
    }
    return OkStatus();
  }

  Status LoadAll() {
    for (const LoadInput& input : inputs_) {
      const Status status = LoadOne(input);
      if (!status.ok()) return Annotate(status, input.path());
      position_before_ += input.size_bytes();
    }
    return OkStatus();
  }

  Status LoadOne(const LoadInput& input) {
    ASSIGN_OR_RETURN(const std::unique_ptr<InputReader> reader, OpenReader(input));
    if (rejects_ == nullptr || options_.reject.empty()) {
      rejects_ = std::make_unique<RejectFile>(
          options_.reject.empty() ? DefaultRejectPath(input.path()) : options_.reject);
    }
    const LoadSinks sinks{
        [&](const EventPlace& place, std::string_view text) {
          return writer_->Add(place.epoch, place.type, place.subtype, text);
        },
        [&](const InputEvent& event, const Status& why) { return Reject(input, event, why); },
        [&](const LoadCounts& counts, std::uint64_t position) { Draw(counts, position); }};
    const Status loaded = Load(reader.get(), rules_, sinks, &counts_);
    if (rejects_->count() > 0) reject_path_ = rejects_->path();
    if (options_.reject.empty()) RETURN_IF_ERROR(rejects_->Close());
    return loaded;
  }

  Status Reject(const LoadInput& input, const InputEvent& event, const Status& why) {
    if (++shown_rejects_ <= kMaxShownRejects) {
      EraseProgress();
      PrintError(fmt::format("{}:{}: {}", input.path(), event.line, Message(why)));
    }
    return rejects_->Add(event.source);
  }

  double Elapsed() const {
    return std::chrono::duration<double>(SystemClock().Now() - start_).count();
  }

  void Draw(const LoadCounts& counts, std::uint64_t position) {
    if (!terminal_ || !pacer_.IsDue(SystemClock().Now())) return;
    const LoadProgress progress{counts, position_before_ + position, total_bytes_, Elapsed()};
    std::fprintf(stderr, "\r\033[K%s", FormatProgress(progress).c_str());
  }
  void EraseProgress() const {
    if (terminal_) std::fputs("\r\033[K", stderr);
  }

  void PrintSummary(const Status& status) const {
    const SecondWriterStats stats = writer_->stats();
    const double seconds = Elapsed();
    if (session_->json()) {
      JsonWriter json;
      json.BeginObject().Field("events", counts_.events).Field("bytes", counts_.bytes);
      json.Field("bad", counts_.bad).Field("chunks", stats.chunks);
      json.Field("stored_bytes", stats.value_bytes).Field("seconds", stats.seconds);
      json.Field("dictionaries", stats.dictionaries);
      json.Key("elapsed_seconds").Decimal(seconds);
      json.Field("events_per_second", PerSecond(counts_.events, seconds));
      json.Field("rejects", reject_path_).Key("ok").Bool(status.ok()).EndObject();
      std::fprintf(stderr, "%s\n", json.Take().c_str());
      return;
    }
    std::string line =
        fmt::format("{} {} events in {} ({}/s), {} as {} in {} chunks of {} seconds",
                    status.ok() ? "loaded" : "stopped after", FormatCount(counts_.events),
                    FormatSeconds(seconds), FormatCount(PerSecond(counts_.events, seconds)),
                    FormatBytes(counts_.bytes), FormatBytes(stats.value_bytes),
                    FormatCount(stats.chunks), FormatCount(stats.seconds));
    if (counts_.bad > 0) {
      line += fmt::format("; {} bad, kept in {}", FormatCount(counts_.bad), reject_path_);
    }
    PrintError(line);
  }

  Session* const session_;
  const LoadOptions& options_;
  const LoadPlan plan_;
  const Instant start_;
  const bool terminal_;
  LoadRules rules_;
  std::vector<LoadInput> inputs_;
  std::unique_ptr<SecondWriter> writer_;
  std::unique_ptr<RejectFile> rejects_;
  std::string reject_path_;
  LoadCounts counts_;
  DrawPacer pacer_;
  std::uint64_t shown_rejects_ = 0;
  std::uint64_t total_bytes_ = 0;
  std::uint64_t position_before_ = 0;  // of the files before this one
};

Outcome RunLoad(Session* session, const LoadOptions& options) {
  ASSIGN_OR_USAGE(LoadPlan plan, MakePlan(options, Now()));
  return LoadRun(session, options, std::move(plan)).Run();
}

}  // namespace

void AddLoad(CommandParser* parser, Session* session) {
  auto options = std::make_shared<LoadOptions>();
  Command verb = parser->root().AddVerb(kText);
  AddLoadOptions(&verb, options.get());
  verb.OnRun([=] { return RunLoad(session, *options); });
}

}  // namespace carillon
