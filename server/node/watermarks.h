#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/chunk_info.h"
#include "base/ids.h"

namespace carillon {

// A seal, and when this node heard it.
struct HeardSeal {
  std::string bucket;
  std::string dc;
  Seal seal;
  std::uint64_t heard_at = 0;  // seconds since 1970
};

// Up to where the seconds of each (bucket, dc) are complete: the least seal of its live writers.
// A writer is live for kWriterLifeSeconds after its last seal; when none is, the greatest seal
// stands. Pure. Memory: a writer each, at most kMaxWriters a (bucket, dc): then the one heard
// longest ago is forgotten.
class Watermarks {
 public:
  static constexpr std::uint64_t kWriterLifeSeconds = 120;
  static constexpr std::size_t kMaxWriters = 4096;

  // A seal never goes back: a lesser one only shows that the writer lives.
  void Hear(const HeardSeal& heard);

  // nullopt: nobody has sealed anything.
  std::optional<Epoch> Of(const std::string& bucket, const std::string& dc,
                          std::uint64_t now_seconds) const;
  // Of every dc of a bucket.
  std::vector<std::pair<std::string, Epoch>> OfBucket(const std::string& bucket,
                                                      std::uint64_t now_seconds) const;

  // Every seal heard of a bucket.
  std::vector<HeardSeal> SealsOf(const std::string& bucket) const;

  bool IsComplete(const std::string& bucket, const std::string& dc, Epoch epoch,
                  std::uint64_t now_seconds) const;

 private:
  struct Writer {
    Epoch sealed;
    std::uint64_t heard_at = 0;
  };
  using Writers = std::map<std::uint64_t, Writer>;
  static std::optional<Epoch> Least(const Writers& writers, std::uint64_t now_seconds);

  std::map<std::pair<std::string, std::string>, Writers> writers_;  // by bucket, dc
};

}  // namespace carillon
