#include "tools/carillon/bench/child_node.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>

namespace carillon {
namespace {

constexpr int kReadyTimeoutMs = 30'000;

// The rest of the child's life, between fork and exec: only calls that are safe there.
[[noreturn]] void Become(char** argv, int output, const char* log, pid_t parent) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // the parent was gone before that
  (void)::dup2(output, 1);
  if (*log != '\0') {
    const int file = ::open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file >= 0) (void)::dup2(file, 2);
  }
  ::execv(argv[0], argv);
  ::_exit(127);
}

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
    const std::vector<std::string>& arguments, const std::string& log) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Unavailable("no pipe");
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) Become(argv.data(), ends[1], log.c_str(), parent);
  (void)::close(ends[1]);
  StatusOr<std::string> address = Unavailable("cannot be started");
  if (pid > 0) address = AwaitReady(ends[0]);
  if (address.ok()) {
    // The pipe stays open: the child would be killed by the next line it prints.
    return std::unique_ptr<ChildProcess>(new ChildProcess(pid, *address));
  }
  (void)::close(ends[0]);
  if (pid > 0) {
    (void)::kill(pid, SIGKILL);
    (void)::waitpid(pid, nullptr, 0);
  }
  return Annotate(address.status(), arguments.front());
}

ChildProcess::~ChildProcess() {
  Terminate();
  if (!ended_) (void)::waitpid(pid_, nullptr, 0);
}

void ChildProcess::Terminate() {
  if (!HasEnded()) (void)::kill(pid_, SIGTERM);
}

bool ChildProcess::HasEnded() {
  ended_ = ended_ || ::waitpid(pid_, nullptr, WNOHANG) == pid_;
  return ended_;
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
