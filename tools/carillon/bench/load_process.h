#pragma once

#include <cstdio>
#include <memory>

#include "tools/carillon/bench/load_order.h"

namespace carillon {

// A process of this program that makes a part of a load. Threads: one caller at a time.
class LoadProcess {
 public:
  static StatusOr<std::unique_ptr<LoadProcess>> Start(const LoadOrder& order);
  ~LoadProcess();  // waits for its end

  // Waits until it has printed what its load came to. UNAVAILABLE: it ended without.
  StatusOr<LoadResult> Await();

 private:
  explicit LoadProcess(std::FILE* output) : output_(output) {}
  std::FILE* output_;
};

}  // namespace carillon
