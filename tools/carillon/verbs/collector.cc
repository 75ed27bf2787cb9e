#include <memory>

#include "tools/carillon/collectors/collector_report.h"
#include "tools/carillon/http_get.h"
#include "tools/carillon/input/time_argument.h"
#include "tools/carillon/verbs/verbs.h"

namespace carillon {
namespace {

constexpr char kDefaultCollector[] = "127.0.0.1:7490";
constexpr Duration kMaxWait = std::chrono::seconds(5);

const VerbText kText = {
    .name = "collector",
    .group = kForAdmins,
    .description = "Ask collectors how they fare",
    .examples =
        "  carillon collector status\n"
        "  carillon collector status edge1:7491 edge2:7491 --format json",
};

const VerbText kStatus = {
    .name = "status",
    .group = "",
    .description = "Ask collectors how they fare: rates, spool, lag, what they refuse",
    .examples =
        "URL: the port of --admin, or of --http if there is none; HOST:PORT will do. Rates are of\n"
        "the last ten seconds. Exit code 3: one does not answer, takes no events, or does not "
        "reach\n"
        "the ring.\n\n"
        "  carillon collector status\n"
        "  carillon collector status edge1:7491 https://edge2.example:7490",
};

Outcome RunStatus(Session* session, std::vector<std::string> urls) {
  ASSIGN_OR_USAGE(const double seconds,
                  ParseSecondsArgument("--timeout", session->options.timeout));
  const Duration timeout = std::min(
      kMaxWait, std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds)));
  if (urls.empty()) urls.emplace_back(kDefaultCollector);
  std::vector<AskedCollector> collectors;
  for (const std::string& url : urls) {
    const auto ask = [&]() -> StatusOr<CollectorStatus> {
      ASSIGN_OR_RETURN(const std::string json, HttpGet(StatusUrl(url), timeout));
      return ParseCollectorStatus(json);
    };
    collectors.push_back({.url = url, .status = ask()});
  }
  RETURN_IF_ERROR(session->out().Write(session->json() ? CollectorsJson(collectors)
                                                       : CollectorsText(collectors)));
  return AllWell(collectors) ? ExitCode::kDone : ExitCode::kPartial;
}

}  // namespace

void AddCollector(CommandParser* parser, Session* session) {
  Command collector = parser->root().AddVerb(kText);
  collector.RequireVerb();
  auto urls = std::make_shared<std::vector<std::string>>();
  Command status = collector.AddVerb(kStatus);
  status.OptionalPositionals("URL", urls.get(), "of collectors (default 127.0.0.1:7490)");
  status.OnRun([=] { return RunStatus(session, *urls); });
}

}  // namespace carillon
