#include "server/node/admission.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/retry_hint.h"

namespace carillon {
namespace {

constexpr double kMeasureSeconds = 0.1;  // at least, between two looks at the rate
constexpr double kMemorySeconds = 1;
constexpr Duration kLeastHint = std::chrono::milliseconds(50);
constexpr Duration kMostHint = std::chrono::seconds(5);

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Status Admission::Take(std::size_t bytes, Instant now) {
  Measure(now);
  const double time = Seconds(limits_.queue_time);
  const double most_requests =
      std::max(static_cast<double>(limits_.free_requests), requests_per_second_ * time);
  const double most_bytes =
      std::max(static_cast<double>(limits_.free_bytes), bytes_per_second_ * time);
  const bool too_many = static_cast<double>(requests_ + 1) > most_requests;
  // One of any size may always be alone.
  const bool too_much = bytes_ > 0 && static_cast<double>(bytes_ + bytes) > most_bytes;
  if (too_many || too_much) {
    return WithRetryHint(
        ResourceExhausted(
            "{} requests of {} bytes are under way, about {:.0f} can be done a second", requests_,
            bytes_, requests_per_second_),
        HalfTime());
  }
  ++requests_;
  bytes_ += bytes;
  return OkStatus();
}

void Admission::End(std::size_t bytes, bool done, Instant now) {
  CHECK(requests_ > 0 && bytes_ >= bytes);
  --requests_;
  bytes_ -= bytes;
  if (done) {
    ++done_requests_;
    done_bytes_ += bytes;
  }
  Measure(now);
}

void Admission::Measure(Instant now) {
  const double passed = Seconds(now - since_);
  if (passed < kMeasureSeconds) return;
  const double weight = 1 - std::exp(-passed / kMemorySeconds);
  const auto move = [&](double* rate, std::uint64_t* done) {
    *rate += weight * (static_cast<double>(*done) / passed - *rate);
    *done = 0;
  };
  move(&requests_per_second_, &done_requests_);
  move(&bytes_per_second_, &done_bytes_);
  since_ = now;
}

Duration Admission::HalfTime() const {
  if (requests_per_second_ < 1) return std::chrono::seconds(1);
  const double seconds = static_cast<double>(requests_) / 2 / requests_per_second_;
  const auto wait = std::chrono::duration<double>(std::min(seconds, Seconds(kMostHint)));
  return std::max(std::chrono::duration_cast<Duration>(wait), kLeastHint);
}

}  // namespace carillon
