#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace carillon {

// How many bodies may be streamed at once: each holds decoded events. Threads: any.
class StreamPermits {
 public:
  explicit StreamPermits(std::size_t limit) : limit_(limit) {}

  // Given back when it is destroyed. False: there was none.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(StreamPermits* from) : from_(from) {}
    Permit(Permit&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    ~Permit() {
      if (from_ != nullptr) from_->used_.fetch_sub(1);
    }
    explicit operator bool() const { return from_ != nullptr; }

   private:
    StreamPermits* from_ = nullptr;
  };

  Permit Take() {
    if (used_.fetch_add(1) < limit_) return Permit(this);
    used_.fetch_sub(1);
    return Permit();
  }
  std::size_t limit() const { return limit_; }

 private:
  const std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

}  // namespace carillon
