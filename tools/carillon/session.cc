#include "tools/carillon/session.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "base/clock.h"
#include "tools/carillon/input/time_argument.h"

namespace carillon {
namespace {

constexpr Duration kMemberTimeout = std::chrono::seconds(3);

}  // namespace

Status Session::CheckOptions() const {
  RETURN_IF_ERROR(ParseEndpoints(options.endpoint).status());
  RETURN_IF_ERROR(ParseSecondsArgument("--timeout", options.timeout).status());
  return CheckName("--bucket", options.bucket);
}

StatusOr<ClientOptions> Session::MakeClientOptions() const {
  ClientOptions client_options;
  ASSIGN_OR_RETURN(client_options.endpoints, ParseEndpoints(options.endpoint));
  ASSIGN_OR_RETURN(const double seconds, ParseSecondsArgument("--timeout", options.timeout));
  client_options.timeout =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  client_options.attempt_timeout = std::min(client_options.attempt_timeout, client_options.timeout);
  return client_options;
}

StatusOr<Client*> Session::client() {
  if (client_ != nullptr) return client_.get();
  ASSIGN_OR_RETURN(ClientOptions client_options, MakeClientOptions());
  ASSIGN_OR_RETURN(client_, Client::Connect(std::move(client_options)));
  return client_.get();
}

StatusOr<ClusterAdmin*> Session::admin() {
  if (admin_ != nullptr) return admin_.get();
  ASSIGN_OR_RETURN(ClientOptions client_options, MakeClientOptions());
  ASSIGN_OR_RETURN(admin_, ClusterAdmin::Connect(std::move(client_options)));
  return admin_.get();
}

StatusOr<std::unique_ptr<ClusterAdmin>> Session::AdminOf(const std::string& address) const {
  ASSIGN_OR_RETURN(ClientOptions client_options, MakeClientOptions());
  client_options.endpoints = {address};
  client_options.timeout = std::min(client_options.timeout, kMemberTimeout);
  client_options.attempt_timeout = client_options.timeout;
  client_options.retry.max_attempts = 1;
  return ClusterAdmin::Connect(std::move(client_options));
}

StatusOr<NamedBucket> Session::FindBucket() {
  return FindBucket(options.bucket);
}

StatusOr<NamedBucket> Session::FindBucket(const std::string& name) {
  ASSIGN_OR_RETURN(Client* const node, client());
  ASSIGN_OR_RETURN(std::vector<NamedBucket> buckets, node->ListBuckets());
  for (NamedBucket& bucket : buckets) {
    if (bucket.name == name) return std::move(bucket);
  }
  return NotFound("no bucket '{}' (make it: carillon bucket create {})", name, name);
}

void PrintError(std::string_view message) {
  std::string line = "carillon: ";
  for (const char c : message) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    line += control ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c)) : std::string(1, c);
  }
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

std::string Explain(const Status& status) {
  return fmt::format("{} ({})", Message(status), CodeName(status.code()));
}

Epoch Now() {
  return Epoch{WallSeconds(SystemClock().WallNow())};
}

bool IsTerminal(int descriptor) {
  return ::isatty(descriptor) == 1;
}

bool WantsColor(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org
  return IsTerminal(descriptor) && (no_color == nullptr || *no_color == '\0');
}

}  // namespace carillon
