#pragma once

namespace carillon {

// What every program of this project asks of its libraries, once, at the beginning of main:
//
// * of the allocator, to keep freed memory: values of 100 KB come and go by the thousand, and
//   giving each back to the system costs a fifth of a node's CPU (docs/BENCHMARKS.md). Up to
//   128 MiB a heap may stay with the process; as many heaps as there are cores.
// * of absl::Mutex, on which gRPC stands, not to look for lock cycles: Debian builds it to look at
//   each Lock.
void TuneProcess();

}  // namespace carillon
