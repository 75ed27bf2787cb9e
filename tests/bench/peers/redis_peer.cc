// Redis: a key a chunk, a sorted set of complete seconds a group. Speaks RESP.
#include <charconv>

#include "tests/bench/peers/peer.h"
#include "tests/bench/peers/server_process.h"
#include "tests/bench/peers/tcp_stream.h"

namespace carillon {
namespace {

constexpr std::uint64_t kSecondsAhead = 3;  // MGETs under way in a range

std::string KeyText(const PeerKey& key) {
  return fmt::format("{}:{}:{}", key.group, key.second, key.number);
}

// "*N" and each argument as "$LENGTH"; the last one's bytes may follow by themselves.
std::string Command(const std::vector<std::string>& arguments, std::size_t more = 0) {
  std::string text = fmt::format("*{}\r\n", arguments.size() + (more == 0 ? 0 : 1));
  for (const std::string& one : arguments) text += fmt::format("${}\r\n{}\r\n", one.size(), one);
  if (more != 0) text += fmt::format("${}\r\n", more);
  return text;
}

class RedisConnection final : public PeerConnection {
 public:
  explicit RedisConnection(std::unique_ptr<TcpStream> stream) : stream_(std::move(stream)) {}

  Status Put(const PeerKey& key, const SharedBytes& value) override {
    const std::string head = Command({"SET", KeyText(key)}, value.size());
    RETURN_IF_ERROR(stream_->Write({head, value.view(), "\r\n"}));
    return ReadHead('+').status();
  }

  Status Get(const PeerKey& key, std::string* value) override {
    RETURN_IF_ERROR(stream_->Write({Command({"GET", KeyText(key)})}));
    return ReadValue(value);
  }

  // One transaction, sent in one pipeline: the log gets all of it in one write and one fsync.
  Status WriteSecond(const PeerRange& second, const SharedBytes& value) override {
    std::vector<std::string> heads;
    for (std::uint64_t n = 0; n < second.chunks; ++n) {
      heads.push_back(Command({"SET", KeyText({second.group, second.first, n})}, value.size()));
    }
    const std::string number = std::to_string(second.first);
    const std::string begin = Command({"MULTI"});
    const std::string end =
        Command({"ZADD", std::string(1, second.group), number, number}) + Command({"EXEC"});
    std::vector<std::string_view> pieces = {begin};
    for (const std::string& head : heads) pieces.insert(pieces.end(), {head, value.view(), "\r\n"});
    pieces.push_back(end);
    RETURN_IF_ERROR(stream_->Write(pieces));
    // MULTI's OK, QUEUED of each, and EXEC's list: an OK a SET, and a number.
    for (std::uint64_t n = 0; n < second.chunks + 2; ++n) RETURN_IF_ERROR(ReadHead('+').status());
    RETURN_IF_ERROR(ReadHead('*').status());
    for (std::uint64_t n = 0; n < second.chunks; ++n) RETURN_IF_ERROR(ReadHead('+').status());
    return ReadHead(':').status();
  }

  StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) override {
    RETURN_IF_ERROR(stream_->Write(
        {Command({"ZRANGEBYSCORE", std::string(1, range.group), std::to_string(range.first),
                  std::to_string(range.first + range.count - 1)})}));
    ASSIGN_OR_RETURN(const std::int64_t count, ReadHead('*'));
    std::vector<std::string> seconds(static_cast<std::size_t>(count));
    for (std::string& second : seconds) RETURN_IF_ERROR(ReadValue(&second));
    std::uint64_t bytes = 0;
    for (std::size_t asked = 0, read = 0; read < seconds.size(); ++read) {
      for (; asked < seconds.size() && asked < read + kSecondsAhead; ++asked) {
        RETURN_IF_ERROR(AskFor(range, seconds[asked]));
      }
      RETURN_IF_ERROR(ReadHead('*').status());
      for (std::uint64_t n = 0; n < range.chunks; ++n) {
        RETURN_IF_ERROR(ReadValue(&value_));
        bytes += value_.size();
      }
    }
    return bytes;
  }

 private:
  Status AskFor(const PeerRange& range, const std::string& second) {
    std::vector<std::string> arguments = {"MGET"};
    for (std::uint64_t n = 0; n < range.chunks; ++n) {
      arguments.push_back(fmt::format("{}:{}:{}", range.group, second, n));
    }
    return stream_->Write({Command(arguments)});
  }

  // The number, if it is one, of a line of this type.
  StatusOr<std::int64_t> ReadHead(char type) {
    ASSIGN_OR_RETURN(const std::string_view line, stream_->ReadLine());
    if (line.empty() || line.front() != type) return Unavailable("redis says {}", line);
    std::int64_t number = 0;
    (void)std::from_chars(line.data() + 1, line.data() + line.size(), number);
    return number;
  }

  Status ReadValue(std::string* value) {
    ASSIGN_OR_RETURN(const std::int64_t size, ReadHead('$'));
    if (size < 0) return NotFound("no such key");
    RETURN_IF_ERROR(stream_->Read(static_cast<std::size_t>(size), value));
    return stream_->ReadLine().status();
  }

  const std::unique_ptr<TcpStream> stream_;
  std::string value_;
};

class RedisPeer final : public Peer {
 public:
  static StatusOr<std::unique_ptr<Peer>> Start(const std::string& directory) {
    auto peer = std::make_unique<RedisPeer>();
    ASSIGN_OR_RETURN(const std::string program, FindProgram("redis-server", "redis-server"));
    ASSIGN_OR_RETURN(peer->port_, FreePort());
    peer->description_ = {
        .name = "redis",
        .version = FirstLineOf(program + " --version"),
        .settings =
            "appendonly yes, appendfsync always, no RDB snapshots, no rewrites of the log "
            "meanwhile; all values are held in memory"};
    const ServerCommand command{
        .arguments = {program, "--port", std::to_string(peer->port_), "--bind", "127.0.0.1",
                      "--dir", directory, "--appendonly", "yes", "--appendfsync", "always",
                      "--save", "", "--auto-aof-rewrite-percentage", "0"},
        .user = "",
        .log = directory + "/log",
        .stop_signal = SIGKILL};
    ASSIGN_OR_RETURN(peer->server_, ServerProcess::Start(command, peer->port_));
    return peer;
  }

  const PeerDescription& description() const override { return description_; }
  StatusOr<std::unique_ptr<PeerConnection>> Connect() override {
    ASSIGN_OR_RETURN(auto stream, TcpStream::Connect(port_));
    return std::make_unique<RedisConnection>(std::move(stream));
  }

 private:
  PeerDescription description_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> StartRedis(const std::string& directory) {
  return RedisPeer::Start(directory);
}

}  // namespace carillon
