#pragma once

#include <atomic>
#include <memory>
#include <mutex>

#include "collector/copies/copy_link.h"
#include "collector/copies/copy_store.h"
#include "tests/sim/support/simulated_file_system.h"

namespace carillon {

// Another collector that keeps copies: a machine with a disk, which may crash, or be away.
class CopyMachine {
 public:
  Status Open(std::uint64_t max_bytes = std::uint64_t{1} << 30, std::string own_name = "") {
    const std::lock_guard lock(mutex_);
    auto opened = CopyStore::Open({.files = &files,
                                   .directory = "/copies",
                                   .max_bytes = max_bytes,
                                   .own_name = std::move(own_name),
                                   .seed = ++seed_});
    if (opened.ok()) store_ = *std::move(opened);
    return opened.status();
  }
  // Restarts after a crash.
  void Crash(CrashManner manner, std::uint64_t seed) {
    {
      const std::lock_guard lock(mutex_);
      store_.reset();
    }
    Random random(seed);
    files.Crash(manner, &random);
  }

  StatusOr<Bytes> Ask(ByteSpan ask) {
    const std::lock_guard lock(mutex_);
    if (away || store_ == nullptr) return Unavailable("away");
    ASSIGN_OR_RETURN(const CopyAsk decoded, DecodeCopyAsk(ask));
    const Bytes reply = EncodeCopyReply(store_->Handle(decoded));
    if (loses_answers) return Unavailable("the answer is lost");
    return reply;
  }
  CopyStoreStats stats() {
    const std::lock_guard lock(mutex_);
    return store_->stats();
  }

  SimulatedFileSystem files;
  std::atomic<bool> away{false};
  std::atomic<bool> loses_answers{false};

 private:
  std::mutex mutex_;
  std::unique_ptr<CopyStore> store_;
  std::uint64_t seed_ = 0;
};

class MachineLink final : public CopyLink {
 public:
  explicit MachineLink(CopyMachine* machine) : machine_(machine) {}
  StatusOr<Bytes> Ask(ByteSpan ask) override { return machine_->Ask(ask); }

 private:
  CopyMachine* const machine_;
};

inline CopyPeer PeerAt(CopyMachine* machine, std::string name = "peer") {
  return {.name = std::move(name),
          .link = std::make_shared<MachineLink>(machine),
          .second_link = std::make_shared<MachineLink>(machine)};
}

}  // namespace carillon
