#include "base/flush_scope.h"

#include <utility>

namespace carillon {
namespace {

thread_local FlushScope* outermost = nullptr;

}  // namespace

FlushScope::FlushScope() : outer_(outermost) {
  if (outermost == nullptr) outermost = this;
}

FlushScope::~FlushScope() {
  if (outer_ != nullptr) return;
  outermost = nullptr;
  for (const auto& what : deferred_) what->Flush();
}

bool FlushScope::Defer(std::shared_ptr<Flushable> what) {
  if (outermost == nullptr) return false;
  outermost->deferred_.push_back(std::move(what));
  return true;
}

}  // namespace carillon
