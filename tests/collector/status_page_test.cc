#include "collector/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class StatusPageTest : public testing::Test {
 protected:
  StatusPageTest() {
    auto snapshot = std::make_shared<TenantSnapshot>();
    snapshot->table = *TenantTable::Make({{.name = "acme"}, {.name = "globex"}});
    snapshot->of_ring = 1;
    snapshot->refused = {"why"};
    stats_.intake_bytes = 10;
    stats_.outbox_bytes = 5;
    stats_.oldest = 1500ms;
    page_ =
        std::make_unique<StatusPage>(StatusPage::Sources{.metrics = &metrics_,
                                                         .pipeline = [this] { return stats_; },
                                                         .tenants = [snapshot] { return snapshot; },
                                                         .ring = [this] { return ring_; },
                                                         .not_ready = [] { return std::string(); },
                                                         .spool_limit_bytes = 1000,
                                                         .version = "1.2.3"},
                                     now_);
  }
  void Requests(int count, StatusCode code = StatusCode::kOk) {
    for (int i = 0; i < count; ++i) metrics_.CountRequest("native", code);
    metrics_.OfTenant("acme")->events_accepted += static_cast<std::uint64_t>(count) * 10;
  }
  void Pass(int seconds) {
    for (int i = 0; i < seconds; ++i) page_->Sample(now_ += 1s);
  }
  std::string Page() const { return page_->Render(now_); }

  CollectorMetrics metrics_{{"native"}};
  PipelineStats stats_;
  RingContact ring_;
  Instant now_{1000s};
  std::unique_ptr<StatusPage> page_;
};

TEST_F(StatusPageTest, SaysHowItFares) {
  ring_ = {.cluster = "c", .version = 9, .seconds_since = 0.5, .reachable = true};
  Pass(3);
  const std::string page = Page();
  EXPECT_THAT(page, HasSubstr(R"({"version":"1.2.3","uptime_seconds":3)"));
  EXPECT_THAT(page, HasSubstr(R"("not_ready":"")"));
  EXPECT_THAT(page, HasSubstr(R"("tenants":{"all":2,"of_ring":1,"refused":1})"));
  EXPECT_THAT(page, HasSubstr(R"("spool":{"bytes":15,"limit_bytes":1000,)"));
  EXPECT_THAT(page, HasSubstr(R"("lag_seconds":1.5)"));
  EXPECT_THAT(page, HasSubstr(R"("ring":{"reachable":true,"seconds_since":0.5,)"));
}

TEST_F(StatusPageTest, DoesNotSayWhenTheRingWasHeardIfItNeverWas) {
  EXPECT_THAT(Page(), HasSubstr(R"("ring":{"reachable":false,"cluster":"")"));
}

TEST_F(StatusPageTest, CountsRatesOfTheLastSeconds) {
  Requests(50);
  Pass(5);
  EXPECT_THAT(Page(), HasSubstr(R"("per_second":{"requests":10,"events":100,)"));
  Pass(5);
  EXPECT_THAT(Page(), HasSubstr(R"("per_second":{"requests":5,)"));
  Pass(10);
  EXPECT_THAT(Page(), HasSubstr(R"("per_second":{"requests":0,)"));
  EXPECT_THAT(Page(), HasSubstr(R"("totals":{"requests":50,)"));
}

TEST_F(StatusPageTest, SaysWhatIsRefusedAndWhy) {
  Requests(3, StatusCode::kUnauthenticated);
  metrics_.CountRefusal(408);
  EXPECT_THAT(Page(), HasSubstr(R"("refused":{"408":1,"UNAUTHENTICATED":3})"));
}

}  // namespace
}  // namespace carillon
