#pragma once

#include <string_view>

#include "collector/edge/body_unpacker.h"
#include "collector/edge/edge_host.h"
#include "collector/edge/exchange.h"

namespace carillon {

// Where a request of HTTP goes: a page of our own, or a dialect and the reception. Knows no
// sockets.
//
// Threads: one caller at a time, which is the exchange's loop.
class HttpDesk {
 public:
  // `complete` hears, from any thread, of an exchange that Receive did not answer at once and that
  // may be answered now, by Answer.
  HttpDesk(EdgeHost* host, std::function<void(Exchange*)> complete)
      : host_(host), complete_(std::move(complete)) {}

  // Takes a whole request of a client at `peer`. It is answered when this returns
  // (Exchange::answered), or will be completed.
  void Receive(Exchange* exchange, std::string_view peer);
  // Answers a request that was completed.
  void Answer(Exchange* exchange);
  // Answers one that was not read to its end.
  void Refuse(Exchange* exchange, int status, std::string_view text);

 private:
  bool ServePage(Exchange* exchange);
  void ServeCopies(Exchange* exchange);
  bool Unpack(Exchange* exchange);
  void ServeDialect(Exchange* exchange, std::string_view peer);
  void KeepChunk(Exchange* exchange, const Bringer& bringer, const Admission& admission);
  void OfferToMirror(const Exchange& exchange);
  void Write(Exchange* exchange, const EdgeAnswer& answer);

  EdgeHost* const host_;
  const std::function<void(Exchange*)> complete_;
  ReceptionScratch scratch_;
  BodyUnpacker unpacker_;
};

}  // namespace carillon
