#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace carillon {

// A child process that prints "grpc HOST:PORT" and "ready": a node, or the echo server. Stopped
// with SIGTERM when destroyed, or when the thread that started it ends. Threads: one caller.
class ChildProcess {
 public:
  // Runs `arguments`, the first being the program; what it writes to standard error is appended to
  // `log`, if given. UNAVAILABLE: it ended, or was not ready in 30 s.
  static StatusOr<std::unique_ptr<ChildProcess>> Start(const std::vector<std::string>& arguments,
                                                       const std::string& log = "");
  ~ChildProcess();

  // Asks it to stop, and does not wait.
  void Terminate();
  bool HasEnded();

  const std::string& address() const { return address_; }
  int pid() const { return pid_; }

 private:
  ChildProcess(int pid, std::string address) : pid_(pid), address_(std::move(address)) {}
  const int pid_;
  const std::string address_;
  bool ended_ = false;
};

// The folder of this program: where carillond is too.
std::string ProgramDirectory();

// A new directory under `parent`, removed with all in it when destroyed.
class TemporaryDirectory {
 public:
  static StatusOr<std::unique_ptr<TemporaryDirectory>> Make(const std::string& parent);
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }

 private:
  explicit TemporaryDirectory(std::string path) : path_(std::move(path)) {}
  const std::string path_;
};

}  // namespace carillon
