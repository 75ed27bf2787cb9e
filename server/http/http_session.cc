#include "server/http/http_session.h"

#include <algorithm>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "base/log.h"
#include "server/http/problem_json.h"

namespace carillon {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Error = beast::error_code;

constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kMaxBufferBytes = 128 * 1024;
constexpr std::size_t kWriteBytes = 256 * 1024;  // each within limits.write_timeout
// What is read and thrown away after the last response, so that it arrives before a reset.
constexpr std::size_t kMaxLingerBytes = std::size_t{1} << 20;
constexpr auto kLingerTimeout = std::chrono::seconds(2);
constexpr char kContinue[] = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view View(beast::string_view text) {
  return {text.data(), text.size()};
}

HttpResponse HeaderProblem(Error error, const HttpLimits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return Problem(431,
                   InvalidArgument("the header has more than {} bytes", limits.max_header_bytes));
  }
  if (error == http::error::body_limit) {
    return Problem(413, InvalidArgument("the body has more than {} bytes", limits.max_body_bytes));
  }
  return Problem(InvalidArgument("not a request of HTTP/1.1: {}", error.message()));
}

class BeastSession final : public HttpSession, public std::enable_shared_from_this<BeastSession> {
 public:
  BeastSession(asio::ip::tcp::socket socket, SessionHost* host)
      : host_(host), stream_(std::move(socket)), buffer_(kMaxBufferBytes) {}
  ~BeastSession() override { host_->GiveBodyBytes(body_bytes_taken_); }

  void Start() override {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->Await(true); });
  }
  void Drain() override {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
      if (self->idle_) self->Close();
    });
  }

 private:
  void Await(bool first);
  void ReadHeader();
  void OnHeader(Error error);
  std::optional<HttpResponse> Admit(RouteMatch* match);
  void ReadBody(bool wants_continue);
  void Dispatch();
  void Respond(HttpResponse response);
  void Refuse(HttpResponse response);
  void Pull();
  void Wake();
  void OnPiece(BodyStream::Piece piece);
  void WriteHead();
  void WriteBody(SharedBytes bytes, std::size_t from);
  void Finish();
  void Linger();
  void OnLingered(Error error, std::size_t bytes);
  void Close();
  template <typename Handler>
  auto Then(Handler handler) {  // keeps the session alive until the operation ends
    return [self = shared_from_this(), handler = std::move(handler)](auto... results) {
      handler(results...);
    };
  }

  SessionHost* host_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  bool idle_ = false;
  bool closed_ = false;

  // Of the request under way.
  std::optional<http::request_parser<http::string_body>> parser_;
  Instant began_;
  RouteMatch match_;
  bool head_only_ = false;
  bool keep_alive_ = false;
  std::size_t body_bytes_taken_ = 0;
  HttpResponse response_;
  std::optional<http::response<http::empty_body>> head_;
  std::optional<http::response_serializer<http::empty_body>> serializer_;
  bool head_written_ = false;
  SharedBytes first_piece_;
  std::size_t lingered_bytes_ = 0;
};

void BeastSession::Await(bool first) {
  if (host_->draining()) return Close();
  parser_.emplace();
  parser_->header_limit(host_->limits().max_header_bytes);
  parser_->body_limit(host_->limits().max_body_bytes);
  match_ = {};
  head_only_ = keep_alive_ = head_written_ = false;
  response_ = {};
  if (buffer_.size() > 0) return ReadHeader();
  idle_ = true;
  stream_.expires_after(first ? host_->limits().header_timeout : host_->limits().idle_timeout);
  stream_.async_read_some(buffer_.prepare(kReadBytes), Then([this](Error error, std::size_t bytes) {
                            idle_ = false;
                            if (error) return Close();
                            buffer_.commit(bytes);
                            ReadHeader();
                          }));
}

void BeastSession::ReadHeader() {
  began_ = SystemClock().Now();
  stream_.expires_after(host_->limits().header_timeout);
  http::async_read_header(stream_, buffer_, *parser_,
                          Then([this](Error error, std::size_t) { OnHeader(error); }));
}

void BeastSession::OnHeader(Error error) {
  if (error == http::error::end_of_stream) return Linger();
  const bool ours = error.category() == make_error_code(http::error::end_of_stream).category();
  if (error && !ours) return Close();
  if (error) return Refuse(HeaderProblem(error, host_->limits()));
  const auto& request = parser_->get();
  head_only_ = request.method() == http::verb::head;
  keep_alive_ = parser_->keep_alive();
  auto found = host_->router().Find(View(request.method_string()), View(request.target()));
  if (auto* match = std::get_if<RouteMatch>(&found)) match_ = std::move(*match);
  if (auto refusal = Admit(&match_)) return Refuse(*std::move(refusal));
  if (auto* refusal = std::get_if<HttpResponse>(&found)) {
    const bool has_body = parser_->chunked() || parser_->content_length().value_or(0) > 0;
    return has_body ? Refuse(std::move(*refusal)) : Respond(std::move(*refusal));
  }
  ReadBody(beast::iequals(request[http::field::expect], "100-continue"));
}

// Why the request is not read any further, if so; takes the room for its body.
std::optional<HttpResponse> BeastSession::Admit(RouteMatch* match) {
  const auto& request = parser_->get();
  if (request.version() != 11) {
    return Problem(505, Unimplemented("HTTP/1.1 is spoken here, and nothing else"));
  }
  if (request.count(http::field::host) != 1) {
    return Problem(
        InvalidArgument("want one Host header, not {}", request.count(http::field::host)));
  }
  if (request.count(http::field::transfer_encoding) > 0 && !parser_->chunked()) {
    return Problem(501, Unimplemented("chunked is the only transfer encoding here"));
  }
  if (request.count(http::field::content_length) > 1 ||
      (parser_->chunked() && request.count(http::field::content_length) > 0)) {
    return Problem(InvalidArgument("the length of the body is given twice"));
  }
  if (match->route == nullptr) return std::nullopt;
  const std::size_t limit = std::min(match->route->max_body_bytes, host_->limits().max_body_bytes);
  const std::size_t bytes =
      parser_->chunked() ? std::max<std::size_t>(limit, 1) : parser_->content_length().value_or(0);
  if (bytes > limit) {
    return Problem(
        413, InvalidArgument("the body has {} bytes, this takes at most {}",
                             parser_->chunked() ? "any number of" : std::to_string(bytes), limit));
  }
  parser_->body_limit(limit);
  if (!host_->TakeBodyBytes(bytes)) {
    return Problem(ResourceExhausted("requests with {} bytes are being read, the most there may be",
                                     host_->limits().max_bodies_bytes));
  }
  body_bytes_taken_ = bytes;
  return std::nullopt;
}

void BeastSession::ReadBody(bool wants_continue) {
  stream_.expires_after(host_->limits().body_timeout);
  if (wants_continue) {
    return asio::async_write(stream_, asio::buffer(kContinue, sizeof(kContinue) - 1),
                             Then([this](Error error, std::size_t) {
                               if (error) return Close();
                               ReadBody(false);
                             }));
  }
  http::async_read(stream_, buffer_, *parser_, Then([this](Error error, std::size_t) {
                     const bool ours =
                         error.category() == make_error_code(http::error::body_limit).category();
                     if (!error) return Dispatch();
                     if (ours && error != http::error::partial_message) {
                       return Refuse(HeaderProblem(error, host_->limits()));
                     }
                     Close();
                   }));
}

void BeastSession::Dispatch() {
  auto& message = parser_->get();
  HttpRequest request;
  request.parameter = std::move(match_.parameter);
  request.query = std::move(match_.query);
  request.accept = View(message[http::field::accept]);
  if (message.count(kCrcHeader) > 0) request.crc32c = std::string(View(message[kCrcHeader]));
  request.body = std::move(message.body());
  // The node may answer when this session, and even this server, is gone.
  Reply reply = [poster = host_->poster(), weak = weak_from_this()](HttpResponse response) {
    auto shared = std::make_shared<HttpResponse>(std::move(response));
    poster->Post([weak, shared] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      asio::dispatch(self->stream_.get_executor(),
                     [self, shared] { self->Respond(std::move(*shared)); });
    });
  };
  match_.route->handler(host_->context(), std::move(request), std::move(reply));
}

// Answers a request that was not read to its end: nothing after it can be understood.
void BeastSession::Refuse(HttpResponse response) {
  keep_alive_ = false;
  Respond(std::move(response));
}

void BeastSession::Respond(HttpResponse response) {
  if (closed_) return;
  host_->GiveBodyBytes(std::exchange(body_bytes_taken_, 0));
  response_ = std::move(response);
  if (host_->draining()) keep_alive_ = false;
  if (response_.stream) return Pull();
  WriteHead();
}

// Asks the stream for the next piece. The head is written with the first, so that what fails
// before it is told properly.
void BeastSession::Pull() {
  OnPiece(response_.stream->Next([poster = host_->poster(), weak = weak_from_this()] {
    poster->Post([weak] {
      if (const auto self = weak.lock()) self->Wake();
    });
  }));
}

void BeastSession::Wake() {
  asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
    if (!self->closed_ && self->response_.stream) self->Pull();
  });
}

void BeastSession::OnPiece(BodyStream::Piece piece) {
  using Kind = BodyStream::Piece::Kind;
  if (piece.kind == Kind::kLater) return;
  if (!head_written_) {
    if (piece.kind == Kind::kFailed) return Respond(Problem(piece.status));
    if (piece.kind == Kind::kEnd) response_.stream.reset();
    first_piece_ = std::move(piece.bytes);
    return WriteHead();
  }
  if (piece.kind == Kind::kBytes) return WriteBody(std::move(piece.bytes), 0);
  if (piece.kind == Kind::kFailed) {
    // Without its last chunk the client sees that the body is not whole.
    LogError("http: a body of {} ends early: {}", match_.route->name, ToString(piece.status));
    response_.code = piece.status.code();
    keep_alive_ = false;
    return Close();
  }
  stream_.expires_after(host_->limits().write_timeout);
  asio::async_write(stream_, http::make_chunk_last(), Then([this](Error error, std::size_t) {
                      if (error) return Close();
                      Finish();
                    }));
}

void BeastSession::WriteHead() {
  head_.emplace(static_cast<http::status>(response_.status), 11);
  head_->set(http::field::content_type, response_.content_type);
  head_->set("X-Content-Type-Options", "nosniff");
  head_->set(http::field::cache_control, "no-store");
  for (const auto& [name, value] : response_.headers) head_->set(name, value);
  if (response_.stream) {
    head_->chunked(true);
  } else {
    head_->content_length(response_.body.size());
  }
  head_->keep_alive(keep_alive_);
  serializer_.emplace(*head_);
  serializer_->split(true);
  head_written_ = true;
  stream_.expires_after(host_->limits().write_timeout);
  http::async_write_header(stream_, *serializer_, Then([this](Error error, std::size_t) {
                             if (error) return Close();
                             if (head_only_) return Finish();
                             if (response_.stream)
                               return WriteBody(std::exchange(first_piece_, {}), 0);
                             WriteBody(response_.body, 0);
                           }));
}

// Writes `bytes` from an offset, as chunks when the body is a stream.
void BeastSession::WriteBody(SharedBytes bytes, std::size_t from) {
  if (from == bytes.size()) return response_.stream ? Pull() : Finish();
  const std::size_t size = std::min(kWriteBytes, bytes.size() - from);
  const asio::const_buffer part(bytes.view().data() + from, size);
  stream_.expires_after(host_->limits().write_timeout);
  auto next = Then([this, bytes, until = from + size](Error error, std::size_t) {
    if (error) return Close();
    WriteBody(bytes, until);
  });
  if (response_.stream) {
    asio::async_write(stream_, http::make_chunk(part), std::move(next));
  } else {
    asio::async_write(stream_, part, std::move(next));
  }
}

void BeastSession::Finish() {
  host_->metrics()->ObserveRequest("http", match_.route ? match_.route->name : "none",
                                   response_.code, SystemClock().Now() - began_);
  began_ = {};
  response_ = {};
  if (!keep_alive_) return Linger();
  Await(false);
}

void BeastSession::Linger() {
  Error ignored;  // the other side may be gone already
  stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  stream_.expires_after(kLingerTimeout);
  OnLingered({}, 0);
}

void BeastSession::OnLingered(Error error, std::size_t bytes) {
  lingered_bytes_ += bytes;
  if (error || lingered_bytes_ > kMaxLingerBytes) return Close();
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kReadBytes),
                          Then([this](Error next, std::size_t more) { OnLingered(next, more); }));
}

void BeastSession::Close() {
  if (std::exchange(closed_, true)) return;
  if (head_written_ && began_ != Instant()) {
    const StatusCode code =
        response_.code == StatusCode::kOk ? StatusCode::kCancelled : response_.code;
    host_->metrics()->ObserveRequest("http", match_.route ? match_.route->name : "none", code,
                                     SystemClock().Now() - began_);
  }
  response_ = {};
  stream_.close();
  host_->Remove(this);
}

}  // namespace

std::shared_ptr<HttpSession> HttpSession::New(asio::ip::tcp::socket socket, SessionHost* host) {
  return std::make_shared<BeastSession>(std::move(socket), host);
}

}  // namespace carillon
