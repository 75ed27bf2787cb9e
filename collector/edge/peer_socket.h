#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "collector/edge/tls_context.h"

namespace carillon {

// The socket of a connection that was accepted, with TLS or without: calls that never wait.
// Threads: one caller at a time.
class PeerSocket {
 public:
  // Takes the descriptor over. `tls`: nullptr: none.
  PeerSocket(int descriptor, std::shared_ptr<const TlsContext> tls);
  ~PeerSocket();  // Close
  PeerSocket(const PeerSocket&) = delete;
  PeerSocket& operator=(const PeerSocket&) = delete;

  int descriptor() const { return descriptor_; }
  // The client's IP.
  const std::string& address() const { return address_; }

  // As recv and send: how many bytes; 0: the client has ended; -1 and errno EAGAIN: not now.
  ssize_t Receive(char* into, std::size_t size);
  ssize_t Send(const char* bytes, std::size_t size);
  // There are bytes to receive that the descriptor does not know of.
  bool HasPending() const;
  // Receive goes on when the descriptor can be written.
  bool wants_write() const { return wants_write_; }

  // Says that no more is sent. What still comes is received raw from then on.
  void EndSending();
  void Close();

 private:
  ssize_t Result(int result);

  int descriptor_;
  const std::string address_;
  const std::shared_ptr<const TlsContext> tls_;
  ssl_st* ssl_ = nullptr;
  bool wants_write_ = false;
  bool ended_ = false;
};

}  // namespace carillon
