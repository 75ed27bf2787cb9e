#include "tests/edge/edge_fixture.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace carillon {

void RememberingIntake::Keep(const IntakeRequest& request, std::function<void(Status)> done) {
  Status status;
  {
    const std::lock_guard lock(mutex_);
    status = status_;
    for (const PreparedEvent& event : request.events) {
      if (!status.ok()) break;
      events_.emplace_back(event.json);
      places_.push_back(
          fmt::format("{} {} {} {}", request.tenant, event.bucket, event.type, event.subtype));
    }
    if (holding_) {
      held_.push_back(std::move(done));
      changed_.notify_all();
      return;
    }
  }
  done(status);
}

void RememberingIntake::Hold() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void RememberingIntake::Release() {
  std::vector<std::function<void(Status)>> held;
  {
    const std::lock_guard lock(mutex_);
    holding_ = false;
    held.swap(held_);
  }
  for (const auto& done : held) done(OkStatus());
}

void RememberingIntake::Answer(Status status) {
  const std::lock_guard lock(mutex_);
  status_ = std::move(status);
}

bool RememberingIntake::AwaitHeld(std::size_t count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return held_.size() >= count; });
}

std::vector<std::string> RememberingIntake::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

std::vector<std::string> RememberingIntake::places() const {
  const std::lock_guard lock(mutex_);
  return places_;
}

void EdgeTest::SetUp() {
  std::string pattern = (std::filesystem::temp_directory_path() / "carillon-edge-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  directory_ = pattern;
  StartEdge({});
}

void EdgeTest::TearDown() {
  intake_.Release();
  server_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void EdgeTest::StartEdge(const EdgeLimits& limits, const std::string& tenants,
                         const std::string& open) {
  server_.reset();
  host_.reset();
  metrics_ = std::make_unique<CollectorMetrics>(std::vector<std::string_view>{"native"});
  const std::string path = directory_ + "/tenants.toml";
  std::ofstream(path) << "[tenants.acme]\nenrich = []\n" << tenants;
  auto directory = TenantDirectory::Open(path, open, metrics_.get());
  ASSERT_TRUE(directory.ok()) << ToString(directory.status());
  tenants_ = *std::move(directory);
  reception_ =
      std::make_unique<Reception>(tenants_.get(), &intake_, &SystemClock(), metrics_.get());
  host_ = std::make_unique<EdgeHost>(
      EdgeHostOptions{.limits = limits, .reception = reception_.get(), .metrics = metrics_.get()});
  auto server = EdgeServer::Start({.address = "127.0.0.1:0", .threads = 2}, host_.get());
  ASSERT_TRUE(server.ok()) << ToString(server.status());
  server_ = *std::move(server);
  const std::string address = server_->address();
  port_ = static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1)));
}

RawClient::Response EdgeTest::Post(std::string_view body, std::string_view headers) const {
  RawClient client(port_);
  return client.Ask("POST", "/v1/events", body, headers);
}

std::string EdgeTest::MetricsText() const {
  RawClient client(port_);
  return client.Ask("GET", "/metrics").body;
}

}  // namespace carillon
