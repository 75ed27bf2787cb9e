#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "collector/edge/edge_server.h"
#include "tests/http/raw_client.h"

namespace carillon {

// An intake that remembers: what stands behind the edge in these tests.
class RememberingIntake final : public Intake {
 public:
  void Keep(const IntakeRequest& request, std::function<void(Status)> done) override;
  Duration RetryAfter() const override { return std::chrono::seconds(7); }

  // From now on requests wait until Release.
  void Hold();
  void Release();
  // From now on Keep answers with this.
  void Answer(Status status);
  // Waits until `count` requests wait, at most 20 s.
  bool AwaitHeld(std::size_t count);

  std::vector<std::string> events() const;  // their JSON, in the order of Keep
  std::vector<std::string> places() const;  // "tenant bucket type subtype"

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool holding_ = false;
  Status status_;
  std::vector<std::function<void(Status)>> held_;
  std::vector<std::string> events_;
  std::vector<std::string> places_;
};

// A collector's edge on a port of its own, with tenants of a TOML text and no enrichment unless it
// says so.
class EdgeTest : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  // Anew, with these limits. `tenants`: TOML; `open`: the tenant of those without a key.
  void StartEdge(const EdgeLimits& limits, const std::string& tenants = "",
                 const std::string& open = "acme");

  RawClient Connect() const { return RawClient(port_); }
  RawClient::Response Post(std::string_view body, std::string_view headers = {}) const;
  std::string MetricsText() const;

  std::string directory_;
  std::unique_ptr<CollectorMetrics> metrics_;
  std::unique_ptr<TenantDirectory> tenants_;
  RememberingIntake intake_;
  std::unique_ptr<Reception> reception_;
  std::unique_ptr<EdgeHost> host_;
  std::unique_ptr<EdgeServer> server_;
  std::uint16_t port_ = 0;
};

}  // namespace carillon
