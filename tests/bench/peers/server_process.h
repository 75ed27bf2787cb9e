#pragma once

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace carillon {

struct ServerCommand {
  std::vector<std::string> arguments;  // the first is the program's path
  std::string user;  // whom it runs as when this process is root's; empty: the same
  std::string log;   // its output goes there
  int stop_signal = SIGTERM;
};

// A server of somebody else's, as a child process. Gone with this object: `stop_signal`, and
// SIGKILL after ten seconds. Threads: one caller.
class ServerProcess {
 public:
  // Waits until it accepts connections on 127.0.0.1:`port`. UNAVAILABLE: it ended, or did not in
  // 30 s.
  static StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerCommand& command, int port);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

 private:
  ServerProcess(int pid, int stop_signal) : pid_(pid), stop_signal_(stop_signal) {}
  bool HasEnded();
  const int pid_;
  const int stop_signal_;
  bool ended_ = false;
};

// Runs a command to its end. UNAVAILABLE: it did not end with 0; what it printed is in its log.
Status RunToEnd(const ServerCommand& command);
// Where a program is, in PATH, /usr/sbin and `more`. NOT_FOUND, naming the Debian package.
StatusOr<std::string> FindProgram(const std::string& name, const std::string& package,
                                  const std::vector<std::string>& more = {});
// The first line that a shell command prints.
std::string FirstLineOf(const std::string& shell_command);
Status WriteText(const std::string& path, const std::string& text);
// A port of 127.0.0.1 that nobody listens on now.
StatusOr<int> FreePort();

// What all processes below this one have used.
struct ServersUsage {
  double cpu_seconds = 0;     // user and system, of ended ones too that a living one waited for
  double resident_bytes = 0;  // shared pages divided among those who share them
};
ServersUsage UsageOfChildren();

}  // namespace carillon
