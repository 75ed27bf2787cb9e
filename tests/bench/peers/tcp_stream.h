#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace carillon {

// A blocking TCP connection that is read by lines and by counts, as text protocols with binary
// values are. An operation that makes no progress for 60 s fails. Threads: one caller at a time.
class TcpStream {
 public:
  static StatusOr<std::unique_ptr<TcpStream>> Connect(int port);  // of 127.0.0.1
  ~TcpStream();
  TcpStream(const TcpStream&) = delete;
  TcpStream& operator=(const TcpStream&) = delete;

  // All pieces, in as few system calls as it takes.
  Status Write(const std::vector<std::string_view>& pieces);
  // Up to the next CR LF, without it; valid until the next call. DATA_LOSS: over 16 KiB.
  StatusOr<std::string_view> ReadLine();
  // Replaces `*to` by the next `size` bytes.
  Status Read(std::size_t size, std::string* to);

 private:
  explicit TcpStream(int descriptor);
  Status Fill();  // at least one more byte into the buffer
  const int descriptor_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what was received and not yet read
};

}  // namespace carillon
