#include <memory>

#include "base/json_writer.h"
#include "tools/carillon/input/time_text.h"
#include "tools/carillon/output/table.h"
#include "tools/carillon/output/units.h"
#include "tools/carillon/verbs/range_options.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

const VerbText kText = {
    .name = "seconds",
    .group = kForDashboards,
    .description = "List the seconds of a range and what they hold",
    .examples =
        "sealed: every writer of the dc has promised to add nothing more.\n\n"
        "  carillon seconds\n"
        "  carillon seconds --from -1h --dc 1\n"
        "  carillon seconds --from 2015-05-17T10:05:00Z --to 2015-05-17T10:06:00Z\n"
        "  carillon seconds --format json | jq '.seconds[] | select(.events > 1000)'",
};

struct Totals {
  std::uint64_t seconds = 0;
  std::uint64_t sealed = 0;
  std::uint64_t chunks = 0;
  std::uint64_t events = 0;
  std::uint64_t raw_bytes = 0;
  std::uint64_t value_bytes = 0;

  void Add(const Totals& other) {
    seconds += other.seconds;
    sealed += other.sealed;
    chunks += other.chunks;
    events += other.events;
    raw_bytes += other.raw_bytes;
    value_bytes += other.value_bytes;
  }
};

Totals TotalsOf(const Second& second) {
  Totals totals{1, second.complete ? 1u : 0u, second.chunks.size()};
  for (const ChunkInfo& chunk : second.chunks) {
    totals.events += chunk.events;
    totals.raw_bytes += chunk.raw_bytes;
    totals.value_bytes += chunk.value_bytes;
  }
  return totals;
}

// Rows as they come, a page at a time, so that a long range needs no more memory than a short one.
class SecondsPrinter {
 public:
  virtual ~SecondsPrinter() = default;
  virtual void Add(const Second& second, const Totals& totals) = 0;
  virtual std::string TakePage() = 0;
  virtual std::string End(const Totals& totals) = 0;
};

class TablePrinter final : public SecondsPrinter {
 public:
  void Add(const Second& second, const Totals& totals) override {
    table_.Add({fmt::format("{}", second.epoch), FormatTime(second.epoch), second.dc,
                FormatCount(totals.chunks), FormatCount(totals.events),
                FormatBytes(totals.raw_bytes), FormatBytes(totals.value_bytes),
                second.complete ? "yes" : "no"});
  }
  std::string TakePage() override { return table_.Render(); }
  std::string End(const Totals& totals) override {
    if (totals.seconds == 0) return "no seconds in this range\n";
    table_.AddTotal({fmt::format("{} {}", FormatCount(totals.seconds),
                                 totals.seconds == 1 ? "second" : "seconds"),
                     "", "", FormatCount(totals.chunks), FormatCount(totals.events),
                     FormatBytes(totals.raw_bytes), FormatBytes(totals.value_bytes),
                     FormatCount(totals.sealed)});
    return table_.Render();
  }

 private:
  Table table_{{{"epoch"},
                {"time"},
                {"dc"},
                {"chunks", Table::Align::kRight},
                {"events", Table::Align::kRight},
                {"bytes", Table::Align::kRight},
                {"stored", Table::Align::kRight},
                {"sealed", Table::Align::kRight}}};
};

class JsonPrinter final : public SecondsPrinter {
 public:
  JsonPrinter() { json_.BeginObject().Key("seconds").BeginArray(); }

  void Add(const Second& second, const Totals& totals) override {
    json_.BeginObject()
        .Field("epoch", second.epoch.value())
        .Field("time", FormatTime(second.epoch));
    json_.Field("dc", second.dc);
    AddTotals(totals);
    json_.Key("sealed").Bool(second.complete).EndObject();
  }
  std::string TakePage() override { return json_.TakePart(); }
  std::string End(const Totals& totals) override {
    json_.EndArray().Key("total").BeginObject().Field("seconds", totals.seconds);
    AddTotals(totals);
    json_.Field("sealed", totals.sealed).EndObject().EndObject();
    return json_.Take() + "\n";
  }

 private:
  void AddTotals(const Totals& totals) {
    json_.Field("chunks", totals.chunks).Field("events", totals.events);
    json_.Field("bytes", totals.raw_bytes).Field("stored_bytes", totals.value_bytes);
  }
  JsonWriter json_;
};

Outcome RunSeconds(Session* session, const RangeOptions& options) {
  ASSIGN_OR_USAGE(const EpochRange range, options.Range());
  ASSIGN_OR_USAGE(const Filter filter, options.MakeFilter());
  ASSIGN_OR_RETURN(Client* const client, session->client());
  std::unique_ptr<SecondsPrinter> printer = std::make_unique<TablePrinter>();
  if (session->json()) printer = std::make_unique<JsonPrinter>();
  Totals all;
  bool partial = false;
  std::optional<Epoch> from = range.first;
  while (from.has_value()) {
    const ListQuery query{
        session->options.bucket, {*from, range.limit}, filter, 0, options.partial};
    ASSIGN_OR_RETURN(const SecondsPage page, client->ListSeconds(query));
    partial = partial || page.partial;
    for (const Second& second : page.seconds) {
      const Totals totals = TotalsOf(second);
      printer->Add(second, totals);
      all.Add(totals);
    }
    if (all.seconds > 0) RETURN_IF_ERROR(session->out().Write(printer->TakePage()));
    if (page.next_from.has_value() && *page.next_from <= *from) {
      return Internal("the node asks to go on at {}, which is where this page began", *from);
    }
    from = page.next_from;
  }
  RETURN_IF_ERROR(session->out().Write(printer->End(all)));
  if (!partial) return ExitCode::kDone;
  PrintError("too few nodes could be asked: acknowledged seconds may be missing (ring status)");
  return ExitCode::kPartial;
}

}  // namespace

void AddSeconds(CommandParser* parser, Session* session) {
  auto options = std::make_shared<RangeOptions>();
  Command verb = parser->root().AddVerb(kText);
  AddRange(&verb, options.get());
  AddPartial(&verb, options.get());
  AddFilter(&verb, options.get());
  verb.OnRun([=] { return RunSeconds(session, *options); });
}

}  // namespace carillon
