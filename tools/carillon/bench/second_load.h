#pragma once

#include <cstdint>

#include "client/client.h"
#include "tools/carillon/bench/load_loop.h"
#include "tools/carillon/bench/ring_loads.h"

// What the workloads write.
namespace carillon {

ChunkKey KeyOf(const LoadSpec& spec, Epoch epoch, std::uint64_t number);
// Bytes that do not compress.
SharedBytes ValueOf(const LoadSpec& spec);
// A second of spec.chunks chunks whose values have the CRC32C `crc`.
Commit SecondOf(const LoadSpec& spec, Epoch epoch, std::uint32_t crc);

// Puts the chunks of `commit`, each with `value`, in parallel, and then commits. `done` says the
// bytes of all.
void WriteSecond(Client* client, const SharedBytes& value, Commit commit, OperationDone done);

}  // namespace carillon
