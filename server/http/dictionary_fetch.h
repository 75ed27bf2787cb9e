#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/bytes.h"
#include "base/chunk_key.h"
#include "base/status.h"
#include "server/shell/node_loop.h"

namespace carillon {

// One dictionary on its way from the node. Threads: one caller at a time.
class DictionaryFetch {
 public:
  // Asks at once. `node` outlives it.
  DictionaryFetch(NodeLoop* node, const ChunkKey& key);
  ~DictionaryFetch();  // cancels the request
  DictionaryFetch(const DictionaryFetch&) = delete;
  DictionaryFetch& operator=(const DictionaryFetch&) = delete;

  const ChunkKey& key() const { return key_; }
  // Its bytes, or why there are none; nullopt: not yet, and `wake` will be called once, on any
  // thread. Ask no more after an answer.
  std::optional<StatusOr<Bytes>> Take(std::function<void()> wake);

 private:
  class Inbox;

  NodeLoop* const node_;
  const ChunkKey key_;
  const RequestId request_;
  const std::shared_ptr<Inbox> inbox_;
};

}  // namespace carillon
