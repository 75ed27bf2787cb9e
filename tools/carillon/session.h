#pragma once

#include <memory>
#include <string>

#include "base/bucket.h"
#include "base/ids.h"
#include "client/client.h"
#include "client/cluster_admin.h"
#include "tools/carillon/output/output.h"

namespace carillon {

// The general options, before or behind the verb.
struct GeneralOptions {
  std::string endpoint = kDefaultEndpoint;
  std::string bucket = "events";
  std::string format = "table";  // or json
  std::string timeout = "30";    // seconds
};

// What a verb works with. Threads: one caller at a time.
class Session {
 public:
  GeneralOptions options;

  bool json() const { return options.format == "json"; }
  Output& out() { return out_; }

  // INVALID_ARGUMENT: a bad --endpoint, --timeout, or --bucket.
  Status CheckOptions() const;

  // The first call connects (lazily). INVALID_ARGUMENT: as CheckOptions.
  StatusOr<Client*> client();
  // The same for changes of the ring.
  StatusOr<ClusterAdmin*> admin();
  // Of one member, asked once and not for long.
  StatusOr<std::unique_ptr<ClusterAdmin>> AdminOf(const std::string& address) const;
  // The bucket of --bucket. NOT_FOUND: there is none.
  StatusOr<NamedBucket> FindBucket();
  StatusOr<NamedBucket> FindBucket(const std::string& name);

 private:
  StatusOr<ClientOptions> MakeClientOptions() const;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ClusterAdmin> admin_;
  Output out_{1};
};

// "carillon: `message`" on standard error, control characters made visible.
void PrintError(std::string_view message);
// The message and, for codes that tell more than it does, the code.
std::string Explain(const Status& status);

// The second it is.
Epoch Now();
bool IsTerminal(int descriptor);
// A terminal, and NO_COLOR is not set.
bool WantsColor(int descriptor);

}  // namespace carillon
