#include "collector/edge/http_desk.h"

#include <utility>

#include "base/hash.h"
#include "collector/copies/copy_desk.h"
#include "collector/dialects/native_chunk.h"
#include "collector/edge/answer_text.h"
#include "collector/edge/http_caller.h"
#include "collector/edge/mirror.h"

namespace carillon {
namespace {

constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::size_t kMaxShownPathBytes = 200;

std::string NothingHere(const EdgeRequest& request) {
  return fmt::format(
      "nothing is taken by {} {}: send events by POST /v1/events (one JSON object, an array, or "
      "one "
      "a line), or as a client does whose dialect is spoken here (docs/OPERATIONS.md)",
      request.method.substr(0, kMaxShownPathBytes), request.path.substr(0, kMaxShownPathBytes));
}

}  // namespace

void HttpDesk::Receive(Exchange* exchange, std::string_view peer) {
  exchange->received_us = std::chrono::duration_cast<std::chrono::microseconds>(
                              SystemClock().WallNow().time_since_epoch())
                              .count();
  if (exchange->method == "OPTIONS") {
    return Write(exchange, PreflightAnswer(exchange->Header("Access-Control-Request-Headers")));
  }
  if (ServePage(exchange)) return;
  if (host_->options().copies != nullptr && exchange->path == kCopiesPath) {
    return ServeCopies(exchange);
  }
  if (host_->options().reception == nullptr) {
    return Write(exchange,
                 ProblemAnswer(404, "there are /livez, /readyz, /metrics, and /status here"));
  }
  ServeDialect(exchange, peer);
}

bool HttpDesk::ServePage(Exchange* exchange) {
  if (exchange->method != "GET" && exchange->method != "HEAD") return false;
  if (exchange->path == "/livez") {
    Write(exchange, {.content_type = "text/plain", .body = "alive\n"});
  } else if (exchange->path == "/readyz") {
    const std::string why = host_->draining() ? "stopping" : host_->options().not_ready();
    Write(exchange, {.status = why.empty() ? 200 : 503,
                     .content_type = "text/plain",
                     .body = (why.empty() ? "ready" : why) + "\n"});
  } else if (exchange->path == "/metrics" && host_->options().serve_metrics) {
    Write(exchange, {.content_type = kMetricsType, .body = host_->metrics()->Render()});
  } else if (exchange->path == "/status" && host_->options().serve_metrics &&
             host_->options().status != nullptr) {
    Write(exchange, {.content_type = "application/json", .body = host_->options().status()});
  } else {
    return false;
  }
  return true;
}

// Another collector, which shows the key that they share.
void HttpDesk::ServeCopies(Exchange* exchange) {
  CopyDesk* copies = host_->options().copies;
  std::string_view key = exchange->Header("Authorization");
  const bool bearer = key.starts_with(kBearer);
  if (bearer) key.remove_prefix(kBearer.size());
  if (!bearer || !copies->Knows(key)) {
    exchange->keep_alive = false;
    host_->metrics()->CountRefusal(401);
    return Write(exchange, ProblemAnswer(401, "not the key of these collectors"));
  }
  if (exchange->method != "POST") return Write(exchange, ProblemAnswer(404, "want POST"));
  host_->under_way().fetch_add(1);
  copies->Handle(Bytes(exchange->body), [this, exchange](Bytes reply) {
    exchange->copy_reply = std::move(reply);
    complete_(exchange);
  });
}

// False: it could not be unpacked, and is answered.
bool HttpDesk::Unpack(Exchange* exchange) {
  const std::string_view header = exchange->Header("Content-Encoding");
  if (header.empty()) return true;
  const auto coding = ParseContentCoding(header);
  if (!coding.ok()) {
    Write(exchange, ProblemAnswer(415, Message(coding.status())));
    return false;
  }
  if (*coding == ContentCoding::kIdentity) return true;
  const EdgeLimits& limits = host_->limits();
  const Status unpacked = unpacker_.Unpack(
      *coding, exchange->body,
      {.max_bytes = limits.max_unpacked_bytes, .max_ratio = limits.max_unpack_ratio},
      exchange->unpacked());
  if (!unpacked.ok()) {
    exchange->body = {};
    exchange->outcome = {.status = unpacked, .events = &exchange->events};
    Answer(exchange);
    return false;
  }
  exchange->UseUnpacked();
  return true;
}

void HttpDesk::ServeDialect(Exchange* exchange, std::string_view peer) {
  exchange->dialect = FindDialect(*exchange);
  if (exchange->dialect == nullptr) {
    host_->metrics()->CountRequest(CollectorMetrics::kNoDialect, StatusCode::kNotFound);
    return Write(exchange, ProblemAnswer(404, NothingHere(*exchange)));
  }
  if (!Unpack(exchange)) return;
  const std::string key = exchange->dialect->KeyOf(*exchange);
  const std::string address =
      host_->options().proxies.ClientAddress(peer, exchange->Header("X-Forwarded-For"));
  const Bringer bringer{.key = key,
                        .origin = exchange->Header("Origin"),
                        .address = address,
                        .user_agent = exchange->Header("User-Agent"),
                        .received_us = exchange->received_us,
                        .bytes = exchange->body.size()};
  Admission admission;
  exchange->outcome = host_->options().reception->Admit(bringer, &admission);
  exchange->outcome.events = &exchange->events;
  if (exchange->outcome.status.ok()) {
    exchange->mirror_per_million =
        admission.snapshot->table->tenant(admission.tenant)
            .mirror_per_million.value_or(host_->options().mirror_per_million);
    if (exchange->dialect == &NativeChunk()) return KeepChunk(exchange, bringer, admission);
    exchange->outcome.status = exchange->dialect->Decode(*exchange, &exchange->events);
  }
  if (!exchange->outcome.status.ok()) {
    // Nothing of a request that cannot be read is taken.
    exchange->events.Clear();
    return Answer(exchange);
  }
  host_->under_way().fetch_add(1);
  host_->options().reception->Keep(admission, bringer, &exchange->events, &scratch_,
                                   [this, exchange](EdgeOutcome outcome) {
                                     exchange->outcome = std::move(outcome);
                                     complete_(exchange);
                                   });
}

void HttpDesk::KeepChunk(Exchange* exchange, const Bringer& bringer, const Admission& admission) {
  host_->under_way().fetch_add(1);
  host_->options().reception->KeepChunk(admission, bringer,
                                        {.key = ChunkKeyOf(*exchange),
                                         .crc = exchange->Header(kChunkCrcHeader),
                                         .value = exchange->body},
                                        [this, exchange](EdgeOutcome outcome) {
                                          exchange->outcome = std::move(outcome);
                                          complete_(exchange);
                                        });
}

// What was accepted, that is, and no copy itself.
void HttpDesk::OfferToMirror(const Exchange& exchange) {
  Mirror* mirror = host_->options().mirror;
  const bool accepted =
      exchange.outcome.status.ok() &&
      (exchange.events.empty() || exchange.events.rejected() < exchange.events.size());
  if (mirror == nullptr || !accepted || !exchange.Header(kMirroredHeader).empty()) return;
  const std::uint64_t place = Hash64(exchange.sent_body()) % kMirrorMillion;
  if (place >= exchange.mirror_per_million) return;
  mirror->Offer(exchange);
}

void HttpDesk::Answer(Exchange* exchange) {
  const EdgeOutcome& outcome = exchange->outcome;
  if (exchange->copy_reply) {
    return Write(exchange, {.content_type = "application/octet-stream",
                            .body = *std::move(exchange->copy_reply)});
  }
  OfferToMirror(*exchange);
  exchange->origin_refused = outcome.status.code() == StatusCode::kPermissionDenied;
  host_->metrics()->CountRequest(exchange->dialect->name(), outcome.status.code());
  Write(exchange, exchange->dialect->Answer(*exchange, outcome));
}

void HttpDesk::Refuse(Exchange* exchange, int status, std::string_view text) {
  exchange->keep_alive = false;
  host_->metrics()->CountRefusal(status);
  Write(exchange, ProblemAnswer(status, text));
}

void HttpDesk::Write(Exchange* exchange, const EdgeAnswer& answer) {
  if (host_->draining()) exchange->keep_alive = false;
  exchange->answered = true;
  AppendAnswer(
      answer,
      {.origin = exchange->origin_refused ? std::string_view() : exchange->Header("Origin"),
       .keep_alive = exchange->keep_alive,
       .head_only = exchange->method == "HEAD",
       .retry_after = exchange->outcome.retry_after},
      &exchange->answer);
}

}  // namespace carillon
