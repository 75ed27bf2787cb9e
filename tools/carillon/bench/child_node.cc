#include "tools/carillon/bench/child_node.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace carillon {
namespace {

constexpr int kReadyTimeoutMs = 30'000;

// Reads the child's lines until "ready".
StatusOr<std::string> AwaitReady(int descriptor) {
  std::string text;
  while (text.find("ready\n") == std::string::npos) {
    pollfd watched{descriptor, POLLIN, 0};
    if (::poll(&watched, 1, kReadyTimeoutMs) <= 0) return Unavailable("not ready in 30 s");
    std::array<char, 512> buffer;
    const ssize_t got = ::read(descriptor, buffer.data(), buffer.size());
    if (got <= 0) return Unavailable("it ended before it was ready");
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  const std::size_t grpc = text.find("grpc ");
  if (grpc == std::string::npos) return Unavailable("it named no port");
  return text.substr(grpc + 5, text.find('\n', grpc) - grpc - 5);
}

}  // namespace

StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe(ends) != 0) return Unavailable("no pipe");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  (void)::close(ends[1]);
  StatusOr<std::string> address = Unavailable("cannot be started");
  if (error == 0) address = AwaitReady(ends[0]);
  if (address.ok()) {
    // The pipe stays open: the child would be killed by the next line it prints.
    return std::unique_ptr<ChildProcess>(new ChildProcess(pid, *address));
  }
  (void)::close(ends[0]);
  if (error == 0) {
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
  }
  return Annotate(address.status(), arguments.front());
}

ChildProcess::~ChildProcess() {
  (void)::kill(pid_, SIGTERM);
  (void)::waitpid(pid_, nullptr, 0);
}

std::string ProgramDirectory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

StatusOr<std::unique_ptr<TemporaryDirectory>> TemporaryDirectory::Make(const std::string& parent) {
  std::string path = parent + "/carillon-bench-XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return Unavailable("cannot make a directory in {}", parent);
  }
  return std::unique_ptr<TemporaryDirectory>(new TemporaryDirectory(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;  // best effort: what is left is in a temporary place
  std::filesystem::remove_all(path_, error);
}

}  // namespace carillon
