#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "collector/edge/edge_limits.h"
#include "collector/edge/exchange.h"

namespace carillon {

// Why a request is not read any further.
struct ReadRefusal {
  int status = 400;
  std::string text;
};

// Reads requests of HTTP/1.1 (and 1.0) out of bytes that come in any pieces, strictly: a length
// given twice, a length beside chunks, folded headers, and bare line feeds are refused, so that
// nobody before this reader can have understood them otherwise. Parser: Boost.Beast's.
//
// Threads: one caller at a time. No I/O.
class RequestReader {
 public:
  enum class Progress {
    kMore,   // wants more bytes; those that were not taken have to come again, with more behind
    kWhole,  // the request is whole, and Exchange::Finish was called
    kBad,    // see refusal(); nothing behind it can be understood
  };

  explicit RequestReader(const EdgeLimits& limits);
  ~RequestReader();

  // Begins a request that is read into `exchange`.
  void Begin(Exchange* exchange);
  // Sets `taken`: how many bytes were. Requires: Begin, and neither kWhole nor kBad since.
  Progress Feed(std::string_view bytes, std::size_t* taken);

  // Of the request begun.
  bool header_done() const;
  bool wants_continue() const;  // said "Expect: 100-continue", and nothing of its body has come
  const ReadRefusal& refusal() const { return refusal_; }

 private:
  class Parser;
  const EdgeLimits limits_;
  std::unique_ptr<Parser> parser_;  // of the request begun
  ReadRefusal refusal_;
};

}  // namespace carillon
