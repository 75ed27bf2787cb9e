#include "tests/bench/peers/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <thread>

#include "base/clock.h"
#include "tests/bench/peers/tcp_stream.h"

namespace carillon {
namespace {

namespace fs = std::filesystem;

constexpr auto kStartTimeout = std::chrono::seconds(30);
constexpr auto kStopTimeout = std::chrono::seconds(10);
constexpr auto kAskInterval = std::chrono::milliseconds(20);

void Pause() {
  std::this_thread::sleep_until(SystemClock().Now() + kAskInterval);
}

// The rest of the child's life, between fork and exec.
[[noreturn]] void Become(char** argv, const ServerCommand& command, const passwd* user) {
  const int log = ::open(command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  (void)::dup2(::open("/dev/null", O_RDONLY), 0);
  (void)::dup2(log, 1);
  (void)::dup2(log, 2);
  if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
                          ::setuid(user->pw_uid) != 0)) {
    ::_exit(127);
  }
  (void)::prctl(PR_SET_PDEATHSIG, command.stop_signal);
  ::execv(argv[0], argv);
  ::_exit(127);
}

StatusOr<int> Spawn(const ServerCommand& command) {
  std::vector<char*> argv;
  for (const std::string& one : command.arguments) argv.push_back(const_cast<char*>(one.c_str()));
  argv.push_back(nullptr);
  const passwd* user = nullptr;
  if (!command.user.empty() && ::getuid() == 0) {
    user = ::getpwnam(command.user.c_str());
    if (user == nullptr) return NotFound("there is no user {}", command.user);
  }
  const int pid = ::fork();
  if (pid == 0) Become(argv.data(), command, user);
  if (pid < 0) return Unavailable("cannot start a process");
  return pid;
}

// Of one process, by /proc/PID/stat.
struct ProcessStat {
  int parent = 0;
  double cpu_seconds = 0;
};

ProcessStat StatOf(const fs::path& process) {
  std::ifstream file(process / "stat");
  std::string line, skipped;
  std::getline(file, line);
  ProcessStat result;
  const std::size_t paren = line.rfind(')');
  if (paren == std::string::npos) return result;
  std::istringstream fields(line.substr(paren + 1));
  fields >> skipped >> result.parent;
  for (int i = 5; i < 14; ++i) fields >> skipped;
  double user = 0, system = 0, childrens_user = 0, childrens_system = 0;
  fields >> user >> system >> childrens_user >> childrens_system;
  result.cpu_seconds = (user + system + childrens_user + childrens_system) /
                       static_cast<double>(::sysconf(_SC_CLK_TCK));
  return result;
}

double ProportionalBytesOf(int pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Pss:")) return std::stod(line.substr(4)) * 1024;
  }
  return 0;
}

bool IsBelow(int pid, int ancestor, const std::map<int, ProcessStat>& all) {
  for (auto found = all.find(pid); found != all.end(); found = all.find(found->second.parent)) {
    if (found->second.parent == ancestor) return true;
  }
  return false;
}

}  // namespace

StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(const ServerCommand& command,
                                                              int port) {
  ASSIGN_OR_RETURN(const int pid, Spawn(command));
  auto server = std::unique_ptr<ServerProcess>(new ServerProcess(pid, command.stop_signal));
  const Instant deadline = SystemClock().Now() + kStartTimeout;
  while (!TcpStream::Connect(port).ok()) {
    if (server->HasEnded()) {
      return Unavailable("{} ended: {}", command.arguments.front(),
                         FirstLineOf("tail -n 1 '" + command.log + "'"));
    }
    if (SystemClock().Now() > deadline) {
      return Unavailable("{} accepts no connections", command.arguments.front());
    }
    Pause();
  }
  return server;
}

bool ServerProcess::HasEnded() {
  ended_ = ended_ || ::waitpid(pid_, nullptr, WNOHANG) == pid_;
  return ended_;
}

ServerProcess::~ServerProcess() {
  if (HasEnded()) return;
  (void)::kill(pid_, stop_signal_);
  const Instant deadline = SystemClock().Now() + kStopTimeout;
  while (!HasEnded() && SystemClock().Now() < deadline) Pause();
  if (ended_) return;
  (void)::kill(pid_, SIGKILL);
  (void)::waitpid(pid_, nullptr, 0);
}

Status RunToEnd(const ServerCommand& command) {
  ASSIGN_OR_RETURN(const int pid, Spawn(command));
  int state = 0;
  (void)::waitpid(pid, &state, 0);
  if (WIFEXITED(state) && WEXITSTATUS(state) == 0) return OkStatus();
  return Unavailable("{} failed: {}", command.arguments.front(),
                     FirstLineOf("tail -n 1 '" + command.log + "'"));
}

StatusOr<std::string> FindProgram(const std::string& name, const std::string& package,
                                  const std::vector<std::string>& more) {
  std::vector<std::string> folders = more;
  const char* const path = std::getenv("PATH");
  std::istringstream parts(path == nullptr ? "" : path);
  for (std::string folder; std::getline(parts, folder, ':');) folders.push_back(folder);
  folders.push_back("/usr/sbin");
  for (const std::string& folder : folders) {
    const std::string program = folder + "/" + name;
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  return NotFound("{} is not installed (apt-get install {})", name, package);
}

std::string FirstLineOf(const std::string& shell_command) {
  std::FILE* const output = ::popen(shell_command.c_str(), "r");
  if (output == nullptr) return "";
  char line[256] = "";
  if (std::fgets(line, sizeof line, output) == nullptr) line[0] = '\0';
  (void)::pclose(output);
  std::string text = line;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

Status WriteText(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  return file ? OkStatus() : Unavailable("{} cannot be written", path);
}

StatusOr<int> FreePort() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound =
      ::bind(listener, generic, size) == 0 && ::getsockname(listener, generic, &size) == 0;
  (void)::close(listener);
  if (!bound) return Unavailable("no free port");
  return static_cast<int>(ntohs(address.sin_port));
}

ServersUsage UsageOfChildren() {
  std::map<int, ProcessStat> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0) all[pid] = StatOf(entry.path());
  }
  ServersUsage usage;
  for (const auto& [pid, stat] : all) {
    if (!IsBelow(pid, ::getpid(), all)) continue;
    usage.cpu_seconds += stat.cpu_seconds;
    usage.resident_bytes += ProportionalBytesOf(pid);
  }
  return usage;
}

}  // namespace carillon
