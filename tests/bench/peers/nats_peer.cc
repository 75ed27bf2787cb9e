// NATS JetStream: a stream a group, a subject a chunk, and a message at the end of each second.
// Speaks NATS' client protocol.
#include <algorithm>
#include <atomic>
#include <charconv>

#include "tests/bench/peers/peer.h"
#include "tests/bench/peers/server_process.h"
#include "tests/bench/peers/tcp_stream.h"

namespace carillon {
namespace {

constexpr std::uint64_t kBatch = 250;  // messages of a pull; two are under way (50 MB; the server
                                       // closes connections with over 64 MB to send)

std::string SubjectOf(const PeerKey& key) {
  return fmt::format("{}.{}.{}", key.group, key.second, key.number);
}
std::string MarkerOf(const PeerRange& range) {
  return fmt::format("{}.{}.complete", range.group, range.first);
}

struct Message {
  std::string status;  // of the header: "404 Message Not Found"; mostly empty
  std::string data;
};

class NatsConnection final : public PeerConnection {
 public:
  // `inbox`: the subject to which answers go, of this connection alone.
  static StatusOr<std::unique_ptr<NatsConnection>> Make(int port, std::string inbox) {
    ASSIGN_OR_RETURN(auto stream, TcpStream::Connect(port));
    auto connection = std::make_unique<NatsConnection>(std::move(stream), std::move(inbox));
    RETURN_IF_ERROR(connection->stream_->ReadLine().status());  // INFO
    RETURN_IF_ERROR(connection->stream_->Write(
        {"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true,"
         "\"protocol\":1}\r\nSUB ",
         connection->inbox_, " 1\r\nPING\r\n"}));
    ASSIGN_OR_RETURN(const std::string_view pong, connection->stream_->ReadLine());
    if (pong != "PONG") return Unavailable("nats says {}", pong);
    return connection;
  }
  NatsConnection(std::unique_ptr<TcpStream> stream, std::string inbox)
      : stream_(std::move(stream)), inbox_(std::move(inbox)) {}

  Status Put(const PeerKey& key, const SharedBytes& value) override {
    RETURN_IF_ERROR(Publish(SubjectOf(key), value.view()));
    return ReadAck();
  }

  Status Get(const PeerKey& key, std::string* value) override {
    RETURN_IF_ERROR(GetLast(key.group, SubjectOf(key)));
    value->swap(message_.data);
    return OkStatus();
  }

  // Asynchronous publishes, all acknowledged before the last message.
  Status WriteSecond(const PeerRange& second, const SharedBytes& value) override {
    std::vector<std::string> heads;
    for (std::uint64_t n = 0; n < second.chunks; ++n) {
      heads.push_back(Head(SubjectOf({second.group, second.first, n}), value.size()));
    }
    std::vector<std::string_view> pieces;
    for (const std::string& head : heads) pieces.insert(pieces.end(), {head, value.view(), "\r\n"});
    RETURN_IF_ERROR(stream_->Write(pieces));
    for (std::uint64_t n = 0; n < second.chunks; ++n) RETURN_IF_ERROR(ReadAck());
    RETURN_IF_ERROR(Publish(MarkerOf(second), ""));
    return ReadAck();
  }

  // By pulls of a new consumer, in the order of the stream.
  StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) override {
    if (range.count == 1) {
      const Status complete = GetLast(range.group, MarkerOf(range));
      if (complete.code() == StatusCode::kNotFound) return 0;
      RETURN_IF_ERROR(complete);
    }
    ASSIGN_OR_RETURN(const std::string pull, MakeConsumer(range));
    const std::uint64_t messages = range.count * (range.chunks + 1);
    std::uint64_t bytes = 0;
    for (std::uint64_t asked = 0, read = 0; read < messages; ++read) {
      while (asked < messages && asked + kBatch <= read + 2 * kBatch) {
        const std::uint64_t batch = std::min(kBatch, messages - asked);
        RETURN_IF_ERROR(
            Publish(pull, fmt::format("{{\"batch\":{},\"expires\":30000000000}}", batch)));
        asked += batch;
      }
      RETURN_IF_ERROR(ReadMessage());
      if (!message_.status.empty()) return Unavailable("nats says {}", message_.status);
      bytes += message_.data.size();
    }
    return bytes;
  }

  Status Request(const std::string& subject, std::string_view data) {
    RETURN_IF_ERROR(Publish(subject, data));
    return ReadAck();
  }

 private:
  std::string Head(const std::string& subject, std::size_t size) const {
    return fmt::format("PUB {} {} {}\r\n", subject, inbox_, size);
  }
  Status Publish(const std::string& subject, std::string_view data) {
    return stream_->Write({Head(subject, data.size()), data, "\r\n"});
  }

  Status GetLast(char group, const std::string& subject) {
    RETURN_IF_ERROR(Publish(fmt::format("$JS.API.DIRECT.GET.{}.{}", group, subject), ""));
    RETURN_IF_ERROR(ReadMessage());
    if (message_.status.starts_with("404")) return NotFound("no such message");
    return message_.status.empty() ? OkStatus() : Unavailable("nats says {}", message_.status);
  }

  StatusOr<std::string> MakeConsumer(const PeerRange& range) {
    const std::string filter =
        range.count == 1 ? fmt::format(",\"filter_subject\":\"{}.{}.*\"", range.group, range.first)
                         : "";
    RETURN_IF_ERROR(Request(
        fmt::format("$JS.API.CONSUMER.CREATE.{}", range.group),
        fmt::format("{{\"stream_name\":\"{}\",\"config\":{{\"ack_policy\":\"none\","
                    "\"deliver_policy\":\"all\",\"replay_policy\":\"instant\",\"mem_storage\":true,"
                    "\"inactive_threshold\":5000000000{}}}}}",
                    range.group, filter)));
    constexpr std::string_view kName = "\"name\":\"";
    const std::size_t at = message_.data.find(kName);
    if (at == std::string::npos) return Unavailable("nats says {}", message_.data);
    const std::size_t begin = at + kName.size();
    return fmt::format("$JS.API.CONSUMER.MSG.NEXT.{}.{}", range.group,
                       message_.data.substr(begin, message_.data.find('"', begin) - begin));
  }

  Status ReadAck() {
    RETURN_IF_ERROR(ReadMessage());
    if (!message_.status.empty()) return Unavailable("nats says {}", message_.status);
    const bool failed = message_.data.find("\"error\"") != std::string::npos;
    return failed ? Unavailable("nats says {}", message_.data) : OkStatus();
  }

  // Into message_: MSG and HMSG; answers PINGs.
  Status ReadMessage() {
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view line, stream_->ReadLine());
      if (line == "PING") {
        RETURN_IF_ERROR(stream_->Write({"PONG\r\n"}));
      } else if (line.starts_with("MSG ") || line.starts_with("HMSG ")) {
        return ReadRest(line.front() == 'H', std::string(line));
      } else if (line != "PONG" && !line.starts_with("INFO ")) {
        return Unavailable("nats says {}", line);
      }
    }
  }

  // `line` ends in the bytes of all, and those of the headers before that.
  Status ReadRest(bool has_headers, const std::string& line) {
    const std::size_t last = line.rfind(' ');
    const std::size_t before = line.rfind(' ', last - 1);
    std::size_t all = 0, headers = 0;
    (void)std::from_chars(line.data() + last + 1, line.data() + line.size(), all);
    (void)std::from_chars(line.data() + before + 1, line.data() + last, headers);
    if (!has_headers) headers = 0;
    if (headers > all) return DataLoss("nats says {}", line);
    RETURN_IF_ERROR(stream_->Read(headers, &headers_));
    RETURN_IF_ERROR(stream_->Read(all - headers, &message_.data));
    constexpr std::string_view kVersion = "NATS/1.0 ";
    message_.status.clear();
    if (headers_.starts_with(kVersion)) {
      message_.status = headers_.substr(kVersion.size(), headers_.find('\r') - kVersion.size());
    }
    return stream_->ReadLine().status();
  }

  const std::unique_ptr<TcpStream> stream_;
  const std::string inbox_;
  std::string headers_;
  Message message_;
};

class NatsPeer final : public Peer {
 public:
  static StatusOr<std::unique_ptr<Peer>> Start(const std::string& directory) {
    auto peer = std::make_unique<NatsPeer>();
    ASSIGN_OR_RETURN(const std::string program, FindProgram("nats-server", "nats-server"));
    ASSIGN_OR_RETURN(peer->port_, FreePort());
    const std::string config = directory + "/nats.conf";
    const auto write = [&](const char* sync) {
      return WriteText(config, fmt::format("host: \"127.0.0.1\"\nport: {}\njetstream {{\n"
                                           "  store_dir: \"{}/store\"\n{}}}\n",
                                           peer->port_, directory, sync));
    };
    // Only from 2.10 on; before, an acknowledged message is in the page cache.
    RETURN_IF_ERROR(write("  sync_interval: always\n"));
    const bool durable = RunToEnd({.arguments = {program, "-t", "-c", config},
                                   .user = "",
                                   .log = directory + "/test.log"})
                             .ok();
    if (!durable) RETURN_IF_ERROR(write(""));
    peer->description_ = {
        .name = "nats jetstream",
        .version = FirstLineOf(program + " --version"),
        .settings = durable ? "file storage, one replica, sync_interval always"
                            : "file storage, one replica; this version has no sync_interval: it "
                              "syncs every two minutes",
        .durable = durable};
    const ServerCommand command{.arguments = {program, "-c", config},
                                .user = "",
                                .log = directory + "/log",
                                .stop_signal = SIGKILL};
    ASSIGN_OR_RETURN(peer->server_, ServerProcess::Start(command, peer->port_));
    RETURN_IF_ERROR(peer->MakeStreams());
    return peer;
  }

  const PeerDescription& description() const override { return description_; }
  StatusOr<std::unique_ptr<PeerConnection>> Connect() override { return NewConnection(); }

 private:
  StatusOr<std::unique_ptr<NatsConnection>> NewConnection() {
    return NatsConnection::Make(port_, fmt::format("in.{}", inboxes_.fetch_add(1)));
  }

  Status MakeStreams() {
    ASSIGN_OR_RETURN(const auto connection, NewConnection());
    for (const char group : kPeerGroups) {
      RETURN_IF_ERROR(
          connection->Request(fmt::format("$JS.API.STREAM.CREATE.{}", group),
                              fmt::format("{{\"name\":\"{0}\",\"subjects\":[\"{0}.>\"],"
                                          "\"storage\":\"file\",\"retention\":\"limits\","
                                          "\"num_replicas\":1,\"allow_direct\":true}}",
                                          group)));
    }
    return OkStatus();
  }

  PeerDescription description_;
  int port_ = 0;
  std::atomic<std::uint64_t> inboxes_{0};
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> StartNats(const std::string& directory) {
  return NatsPeer::Start(directory);
}

}  // namespace carillon
