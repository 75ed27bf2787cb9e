// Plain files behind nginx: PUT by its DAV module, GET as files. Speaks HTTP/1.1.
#include <charconv>

#include "tests/bench/peers/peer.h"
#include "tests/bench/peers/server_process.h"
#include "tests/bench/peers/tcp_stream.h"

namespace carillon {
namespace {

constexpr std::uint64_t kAhead = 32;  // GETs under way in a range

std::string PathOf(const PeerKey& key) {
  return fmt::format("/{}/{}/{}", key.group, key.second, key.number);
}
std::string MarkerOf(const PeerRange& range, std::uint64_t second) {
  return fmt::format("/{}/{}.complete", range.group, second);
}
std::string PutHead(const std::string& path, std::size_t size) {
  return fmt::format("PUT {} HTTP/1.1\r\nHost: peer\r\nContent-Length: {}\r\n\r\n", path, size);
}
std::string GetHead(const std::string& path) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: peer\r\n\r\n", path);
}

class NginxConnection final : public PeerConnection {
 public:
  explicit NginxConnection(std::unique_ptr<TcpStream> stream) : stream_(std::move(stream)) {}

  Status Put(const PeerKey& key, const SharedBytes& value) override {
    RETURN_IF_ERROR(stream_->Write({PutHead(PathOf(key), value.size()), value.view()}));
    return ReadAnswer();
  }

  Status Get(const PeerKey& key, std::string* value) override {
    RETURN_IF_ERROR(stream_->Write({GetHead(PathOf(key))}));
    RETURN_IF_ERROR(ReadAnswer());
    value->swap(body_);
    return OkStatus();
  }

  // All PUTs in one pipeline; then a file that says that they are all there.
  Status WriteSecond(const PeerRange& second, const SharedBytes& value) override {
    std::vector<std::string> heads;
    for (std::uint64_t n = 0; n < second.chunks; ++n) {
      heads.push_back(PutHead(PathOf({second.group, second.first, n}), value.size()));
    }
    std::vector<std::string_view> pieces;
    for (const std::string& head : heads) pieces.insert(pieces.end(), {head, value.view()});
    RETURN_IF_ERROR(stream_->Write(pieces));
    for (std::uint64_t n = 0; n < second.chunks; ++n) RETURN_IF_ERROR(ReadAnswer());
    RETURN_IF_ERROR(stream_->Write({PutHead(MarkerOf(second, second.first), 0)}));
    return ReadAnswer();
  }

  StatusOr<std::uint64_t> ReadSeconds(const PeerRange& range) override {
    std::uint64_t bytes = 0;
    for (std::uint64_t second = range.first; second < range.first + range.count; ++second) {
      RETURN_IF_ERROR(stream_->Write({GetHead(MarkerOf(range, second))}));
      const Status complete = ReadAnswer();
      if (complete.code() == StatusCode::kNotFound) continue;
      RETURN_IF_ERROR(complete);
      for (std::uint64_t asked = 0, read = 0; read < range.chunks; ++read) {
        std::string heads;
        for (; asked < range.chunks && asked < read + kAhead; ++asked) {
          heads += GetHead(PathOf({range.group, second, asked}));
        }
        RETURN_IF_ERROR(stream_->Write({heads}));
        RETURN_IF_ERROR(ReadAnswer());
        bytes += body_.size();
      }
    }
    return bytes;
  }

 private:
  // The body goes to body_.
  Status ReadAnswer() {
    ASSIGN_OR_RETURN(const std::string_view first, stream_->ReadLine());
    const std::string status_line(first);
    std::size_t size = 0;
    while (true) {
      ASSIGN_OR_RETURN(const std::string_view line, stream_->ReadLine());
      if (line.empty()) break;
      constexpr std::string_view kLength = "Content-Length: ";
      if (!line.starts_with(kLength)) continue;
      (void)std::from_chars(line.data() + kLength.size(), line.data() + line.size(), size);
    }
    RETURN_IF_ERROR(stream_->Read(size, &body_));
    if (status_line.starts_with("HTTP/1.1 2")) return OkStatus();
    if (status_line.starts_with("HTTP/1.1 404")) return NotFound("no such file");
    return Unavailable("nginx says {}", status_line);
  }

  const std::unique_ptr<TcpStream> stream_;
  std::string body_;
};

constexpr char kConfiguration[] = R"(daemon off;
{}
worker_processes 2;
pid {}/pid;
error_log {}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  client_max_body_size 64m;
  client_body_buffer_size 128k;
  client_body_temp_path {}/temp;
  server {{
    listen 127.0.0.1:{};
    root {}/files;
    default_type application/octet-stream;
    location / {{ dav_methods PUT; create_full_put_path on; }}
  }}
}}
)";

class NginxPeer final : public Peer {
 public:
  static StatusOr<std::unique_ptr<Peer>> Start(const std::string& directory) {
    auto peer = std::make_unique<NginxPeer>();
    ASSIGN_OR_RETURN(const std::string program, FindProgram("nginx", "nginx-light"));
    if (FirstLineOf(program + " -V 2>&1 | grep -o http_dav_module").empty()) {
      return NotFound("this nginx has no DAV module");
    }
    ASSIGN_OR_RETURN(peer->port_, FreePort());
    peer->description_ = {.name = "nginx files",
                          .version = FirstLineOf(program + " -v 2>&1"),
                          .settings = "DAV PUT, 2 workers, sendfile; it never syncs a file",
                          .durable = false};
    const std::string user = FirstLineOf("id -u") == "0" ? "user root;" : "";
    RETURN_IF_ERROR(
        WriteText(directory + "/nginx.conf", fmt::format(kConfiguration, user, directory, directory,
                                                         directory, peer->port_, directory)));
    const ServerCommand command{
        .arguments = {program, "-p", directory, "-e", directory + "/error.log", "-c",
                      directory + "/nginx.conf"},
        .user = "",
        .log = directory + "/log",
        .stop_signal = SIGTERM};
    ASSIGN_OR_RETURN(peer->server_, ServerProcess::Start(command, peer->port_));
    return peer;
  }

  const PeerDescription& description() const override { return description_; }
  StatusOr<std::unique_ptr<PeerConnection>> Connect() override {
    ASSIGN_OR_RETURN(auto stream, TcpStream::Connect(port_));
    return std::make_unique<NginxConnection>(std::move(stream));
  }

 private:
  PeerDescription description_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> server_;
};

}  // namespace

StatusOr<std::unique_ptr<Peer>> StartNginx(const std::string& directory) {
  return NginxPeer::Start(directory);
}

}  // namespace carillon
