#pragma once

namespace carillon {

// For tests that make thousands of faults: what the code logs about them goes nowhere, from the
// first call to the end of the program. Reports of sanitizers and of gtest still come through.
void QuietLog();

}  // namespace carillon
