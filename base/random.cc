#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace carillon {
namespace {

std::uint64_t RotateLeft(std::uint64_t value, int bits) {
  return value << bits | value >> (64 - bits);
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = seed;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    word = mixed ^ mixed >> 31;
  }
}

std::uint64_t Random::Next() {
  const std::uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const std::uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

std::uint64_t Random::Below(std::uint64_t limit) {
  CHECK(limit > 0);
  return Next() % limit;
}

std::uint64_t RandomSeed() {
  std::uint64_t seed = 0;
  CHECK(getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

Uuid RandomUuid() {
  Uuid uuid;
  CHECK(getrandom(uuid.bytes.data(), uuid.bytes.size(), 0) ==
        static_cast<ssize_t>(uuid.bytes.size()));
  return uuid;
}

}  // namespace carillon
