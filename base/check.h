#pragma once

// CHECK aborts, in every build, when we were wrong. Never for bytes from outside.
namespace carillon {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line) noexcept;

}  // namespace carillon

#ifdef CHECK  // some libraries bring one of their own
#undef CHECK
#endif
#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::carillon::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
