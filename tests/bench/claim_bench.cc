// How many claims a second a cluster takes: carillon-claim-bench ENDPOINTS [SECONDS [IDS [AT_ONCE
// [REPEATS]]]] asks for IDS ids a request, AT_ONCE requests at once, of which REPEATS % were
// claimed before. Makes the bucket `claims-bench`. CPU time of the nodes: see `carillon top`, or
// /proc.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "client/client.h"

namespace carillon {
namespace {

constexpr char kBucket[] = "claims-bench";

Uuid RandomUuid(Random* random) {
  Uuid uuid;
  for (std::uint8_t& byte : uuid.bytes) byte = static_cast<std::uint8_t>(random->Next());
  return uuid;
}

struct Load {
  std::uint64_t ids = 1000;
  std::uint64_t repeats = 10;  // percent
  Instant until;
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> verdicts[3] = {};
  std::atomic<std::uint64_t> errors{0};
  std::mutex mutex;
  std::vector<double> milliseconds;
};

void Claim(Client* client, std::uint64_t seed, Load* load) {
  Random random(seed);
  std::vector<ClaimId> known;
  while (SystemClock().Now() < load->until) {
    ClaimOrder order{.bucket = kBucket, .owner = ClaimOwner(RandomUuid(&random)), .ids = {}};
    for (std::uint64_t i = 0; i < load->ids; ++i) {
      const bool again = !known.empty() && random.Below(100) < load->repeats;
      order.ids.push_back(again ? known[random.Below(known.size())] : ClaimId(RandomUuid(&random)));
    }
    const Instant began = SystemClock().Now();
    const auto verdicts = client->Claim(order);
    const std::chrono::duration<double, std::milli> took = SystemClock().Now() - began;
    if (!verdicts.ok()) {
      if (load->errors++ == 0) fmt::print(stderr, "{}\n", ToString(verdicts.status()));
      continue;
    }
    ++load->requests;
    for (const ClaimVerdict verdict : *verdicts) ++load->verdicts[static_cast<int>(verdict)];
    known = std::move(order.ids);
    const std::lock_guard lock(load->mutex);
    load->milliseconds.push_back(took.count());
  }
}

int Main(int argc, char** argv) {
  const auto number = [&](int place, std::uint64_t otherwise) {
    return argc > place ? std::strtoull(argv[place], nullptr, 10) : otherwise;
  };
  const auto endpoints = ParseEndpoints(argc > 1 ? argv[1] : kDefaultEndpoint);
  if (!endpoints.ok()) return 2;
  const auto client = *Client::Connect({.endpoints = *endpoints});
  (void)client->CreateBucket(kBucket, {.ttl_seconds = 3600});  // it may be there
  Load load;
  const std::uint64_t seconds = number(2, 10);
  load.ids = number(3, 1000);
  load.repeats = number(5, 10);
  const Instant began = SystemClock().Now();
  load.until = began + std::chrono::seconds(seconds);
  std::vector<std::thread> threads;
  Random seeds(RandomSeed());
  for (std::uint64_t i = 0; i < number(4, 8); ++i) {
    threads.emplace_back(
        [&load, &client, seed = seeds.Next()] { Claim(client.get(), seed, &load); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> took = SystemClock().Now() - began;
  std::sort(load.milliseconds.begin(), load.milliseconds.end());
  const auto at = [&](double part) {
    return load.milliseconds.empty()
               ? 0.0
               : load.milliseconds[static_cast<std::size_t>(
                     part * static_cast<double>(load.milliseconds.size() - 1))];
  };
  fmt::print(
      "{:.0f} claims/s, {} requests, {} mine, {} taken, {} undecided, {} errors, "
      "ms p50 {:.1f} p99 {:.1f}\n",
      static_cast<double>(load.requests * load.ids) / took.count(), load.requests.load(),
      load.verdicts[1].load(), load.verdicts[2].load(), load.verdicts[0].load(), load.errors.load(),
      at(0.5), at(0.99));
  return 0;
}

}  // namespace
}  // namespace carillon

int main(int argc, char** argv) {
  return carillon::Main(argc, argv);
}
