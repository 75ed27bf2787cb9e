#include "tests/sim/support/simulated_key_value.h"

#include "base/check.h"

namespace carillon {

class SimulatedKeyValueStore final : public KeyValueStore {
 public:
  SimulatedKeyValueStore(SimulatedKeyValueFactory* factory, std::string directory,
                         std::unique_ptr<KeyValueStore> store)
      : factory_(factory), directory_(std::move(directory)), store_(std::move(store)) {}

  StatusOr<std::optional<Bytes>> Get(Family family, std::string_view key) const override {
    return store_->Get(family, key);
  }
  StatusOr<std::vector<std::optional<Bytes>>> MultiGet(
      Family family, const std::vector<Bytes>& keys) const override {
    return store_->MultiGet(family, keys);
  }
  std::unique_ptr<KeyValueCursor> NewCursor(Family family) const override {
    return store_->NewCursor(family);
  }
  Status Write(const KeyValueBatch& batch) override {
    if (factory_->machine_->stopped()) return Unavailable("index: the machine has stopped");
    RETURN_IF_ERROR(store_->Write(batch));
    const std::lock_guard lock(factory_->mutex_);
    factory_->disks_[directory_].unflushed.push_back(batch);
    return OkStatus();
  }
  Status Flush() override {
    RETURN_IF_ERROR(factory_->machine_->CountOperation());
    RETURN_IF_ERROR(store_->Flush());
    const std::lock_guard lock(factory_->mutex_);
    factory_->disks_[directory_].unflushed.clear();
    return OkStatus();
  }
  // Begun and not yet done: a crash decides how much of it was.
  Status FlushSoon() override { return OkStatus(); }
  std::uint64_t UnflushedBytes() const override { return store_->UnflushedBytes(); }

 private:
  SimulatedKeyValueFactory* factory_;
  const std::string directory_;
  std::unique_ptr<KeyValueStore> store_;
};

SimulatedKeyValueFactory::SimulatedKeyValueFactory(SimulatedFileSystem* machine)
    : machine_(machine) {
  machine_->OnCrash([this](CrashManner manner, Random* random) { Crash(manner, random); });
}

StatusOr<std::unique_ptr<KeyValueStore>> SimulatedKeyValueFactory::Open(
    const std::string& directory) {
  RETURN_IF_ERROR(machine_->CountOperation());
  const std::lock_guard lock(mutex_);
  Disk& disk = disks_[directory];
  if (disk.damaged) return DataLoss("index {}: damaged", directory);
  ASSIGN_OR_RETURN(auto store, flushed_.Open(directory));
  disk.unflushed.clear();  // whoever closed it without Flush has lost them
  return std::make_unique<SimulatedKeyValueStore>(this, directory, std::move(store));
}

Status SimulatedKeyValueFactory::Destroy(const std::string& directory) {
  RETURN_IF_ERROR(machine_->CountOperation());
  const std::lock_guard lock(mutex_);
  disks_.erase(directory);
  return flushed_.Destroy(directory);
}

void SimulatedKeyValueFactory::Damage(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  disks_[directory].damaged = true;
}

void SimulatedKeyValueFactory::Lose(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  disks_.erase(directory);
  CHECK(flushed_.Destroy(directory).ok());
}

void SimulatedKeyValueFactory::Crash(CrashManner manner, Random* random) {
  const std::lock_guard lock(mutex_);
  for (auto& [directory, disk] : disks_) {
    std::size_t kept = 0;
    switch (manner) {
      case CrashManner::kKeepNothing:
        break;
      // kill -9 loses what is in the process; only what it handed to the kernel is kept.
      case CrashManner::kKeepAll:
        break;
      case CrashManner::kKeepSome:
        kept = random->Below(disk.unflushed.size() + 1);
        break;
    }
    const auto store = flushed_.Open(directory);
    CHECK(store.ok());
    for (std::size_t i = 0; i < kept; ++i) CHECK((*store)->Write(disk.unflushed[i]).ok());
    if (kept > 0) CHECK((*store)->Flush().ok());
    disk.unflushed.clear();
  }
}

}  // namespace carillon
