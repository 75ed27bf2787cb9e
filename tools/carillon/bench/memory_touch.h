#pragma once

#include <cstdint>

#include "base/status.h"

namespace carillon {

// Writes a byte to every page of `bytes` of fresh memory and gives it back to the kernel; returns
// how many MB a second that went.
//
// A virtual machine's host may hand out its memory a page at a time, when the guest first writes
// to it, and take it back when the guest has not used it for some seconds. A benchmark that fills
// the page cache then pays for the host's page faults, 10 us for 4 KB where 1 us is usual: seen as
// time in the kernel's copy to the page cache. Memory that was just touched is there for good
// during a run. What a machine with memory of its own does not need.
//
// RESOURCE_EXHAUSTED: there is not so much memory.
StatusOr<double> TouchMemory(std::uint64_t bytes);

// Writes out what files have in memory (sync) and empties the page cache, of the whole machine. A
// run that writes gigabytes leaves them there, and the next one pays for getting rid of them: the
// runs of a row grew dearer one by one. It costs what runs beside it its warm files.
//
// FAILED_PRECONDITION: only root may, and not in most containers.
Status DropPageCache();

}  // namespace carillon
