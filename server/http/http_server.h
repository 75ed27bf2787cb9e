#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "server/shell/server_core.h"

namespace carillon {

// What clients may do; every limit has an answer of its own (docs/OPERATIONS.md).
struct HttpLimits {
  std::size_t max_connections = 1024;
  std::size_t max_streams = 64;                                     // bodies of events at once
  std::uint32_t max_header_bytes = 16 * 1024;                       // 431
  std::size_t max_body_bytes = (std::size_t{8} << 20) + 64 * 1024;  // 413; routes may take less
  std::size_t max_bodies_bytes = std::size_t{256} << 20;  // of requests being read or answered
  Duration header_timeout = std::chrono::seconds(5);      // from the first byte, or the accept
  Duration body_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(60);   // between requests
  Duration write_timeout = std::chrono::seconds(30);  // for each kWriteBytes
  Duration stop_grace = std::chrono::seconds(5);      // for what is under way at Stop
};

struct HttpServerOptions {
  std::string address = "127.0.0.1:7481";  // IP:PORT; port 0 picks one
  // There is no TLS and no authentication yet: other than loopback only when spelled out.
  bool insecure_public = false;
  std::size_t threads = 2;  // 1..16; one decodes while another answers
  HttpLimits limits;
};

// The REST side of a node: HTTP/1.1 with keep-alive, JSON, NDJSON. An accept loop of its own that
// survives running out of descriptors. Threads: Start and Stop one caller, the rest any.
class HttpServer {
 public:
  // Binds, listens, serves. `core` outlives it.
  // INVALID_ARGUMENT: the address. FAILED_PRECONDITION: it is public. UNAVAILABLE: it is taken.
  static StatusOr<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                     ServerCore* core);
  ~HttpServer();  // Stop
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // What was bound: "127.0.0.1:43211".
  std::string address() const;
  std::uint16_t port() const;

  // Takes no more connections, closes those without a request, waits for the others at most
  // limits.stop_grace, and joins the threads.
  void Stop();

 private:
  class Runtime;
  explicit HttpServer(std::unique_ptr<Runtime> runtime);

  const std::unique_ptr<Runtime> runtime_;
};

}  // namespace carillon
