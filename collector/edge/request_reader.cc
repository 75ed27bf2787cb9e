#include "collector/edge/request_reader.h"

#include <algorithm>
#include <new>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>

#include "base/check.h"

namespace carillon {
namespace {

namespace http = boost::beast::http;
using boost::beast::string_view;
using Error = boost::beast::error_code;

std::string_view View(string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

// The shortest end of a chunked body: "0", two line ends.
constexpr std::size_t kLastChunkBytes = 5;

// One request: what Beast finds in it goes to the exchange.
class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  Parser(const EdgeLimits& limits, Exchange* exchange, ReadRefusal* refusal)
      : limits_(limits), exchange_(exchange), refusal_(refusal) {
    eager(true);
    header_limit(limits.max_header_bytes);
    body_limit(limits.max_body_bytes);
  }

  Exchange* exchange() const { return exchange_; }
  bool body_begun() const { return body_begun_; }
  void SetInput(std::string_view bytes) { input_ = bytes; }

 private:
  void Refuse(int status, std::string text, Error* error) {
    *refusal_ = {status, std::move(text)};
    *error = http::error::bad_field;
  }

  void on_request_impl(http::verb, string_view method, string_view target, int version,
                       Error&) override {
    exchange_->Begin(View(method), View(target), version == 11);
  }
  void on_response_impl(int, string_view, int, Error&) override {}
  void on_field_impl(http::field, string_view name, string_view value, Error& error) override {
    if (header_seen_) return;  // of a trailer: nobody asked for it
    // Beast puts a folded value together elsewhere.
    const bool folded = !value.empty() && (value.data() < input_.data() ||
                                           value.data() >= input_.data() + input_.size());
    if (folded) return Refuse(400, "a header that is folded", &error);
    if (exchange_->headers() >= limits_.max_headers) {
      return Refuse(431, fmt::format("more than {} headers", limits_.max_headers), &error);
    }
    exchange_->AddHeader(View(name), View(value));
  }
  void on_header_impl(Error& error) override {
    header_seen_ = true;
    const std::size_t lengths = exchange_->Count("Content-Length");
    const std::size_t encodings = exchange_->Count("Transfer-Encoding");
    if (lengths > 1 || (lengths > 0 && encodings > 0)) {
      return Refuse(400, "the length of the body is given twice", &error);
    }
    const std::string_view length = exchange_->Header("Content-Length");
    if (length.find_first_not_of("0123456789") != std::string_view::npos) {
      return Refuse(400, "a Content-Length that is no number", &error);  // Beast takes "2, 2"
    }
    if (encodings > 1 || (encodings == 1 && !chunked())) {
      return Refuse(501, "chunked is the only transfer encoding here", &error);
    }
    const std::size_t hosts = exchange_->Count("Host");
    if (hosts > 1 || (hosts == 0 && exchange_->http11)) {
      return Refuse(400, fmt::format("want one Host header, not {}", hosts), &error);
    }
    exchange_->keep_alive = keep_alive();
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, Error& error) override {
    if (length.has_value() && *length > limits_.max_body_bytes) error = http::error::body_limit;
  }
  std::size_t on_body_impl(string_view body, Error&) override {
    body_begun_ = true;
    exchange_->AppendBody(View(body));
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t size, string_view, Error& error) override {
    body_begun_ = true;
    const std::size_t room =
        limits_.max_body_bytes - std::min(limits_.max_body_bytes, exchange_->body_bytes());
    if (size > room) error = http::error::body_limit;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, Error&) override {
    exchange_->AppendBody(View(body));
    return body.size();
  }
  void on_finish_impl(Error&) override {}

  const EdgeLimits& limits_;
  Exchange* exchange_;
  ReadRefusal* refusal_;
  std::string_view input_;
  bool header_seen_ = false;
  bool body_begun_ = false;
};

RequestReader::RequestReader(const EdgeLimits& limits) : limits_(limits) {}
RequestReader::~RequestReader() = default;

void RequestReader::Begin(Exchange* exchange) {
  refusal_ = {};
  if (parser_ == nullptr) {
    parser_ = std::make_unique<Parser>(limits_, exchange, &refusal_);
    return;
  }
  // In the same memory: Beast's parsers are for one message each.
  std::destroy_at(parser_.get());
  std::construct_at(parser_.get(), limits_, exchange, &refusal_);
}

RequestReader::Progress RequestReader::Feed(std::string_view bytes, std::size_t* taken) {
  CHECK(parser_ != nullptr);
  *taken = 0;
  // No body ends within so few bytes, and Beast up to 1.85 asserts that it is never asked about
  // fewer of the last chunk (boostorg/beast#2861).
  if (parser_->is_header_done() && parser_->chunked() && bytes.size() < kLastChunkBytes) {
    return Progress::kMore;
  }
  parser_->SetInput(bytes);
  Error error;
  *taken = parser_->put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (!error && parser_->is_done()) {
    parser_->exchange()->Finish();
    return Progress::kWhole;
  }
  if (!error || error == http::error::need_more) {
    if (bytes.size() - *taken <= limits_.max_header_bytes) return Progress::kMore;
    error = http::error::header_limit;
  }
  if (!refusal_.text.empty()) return Progress::kBad;
  if (error == http::error::header_limit) {
    refusal_ = {431, fmt::format("the header has more than {} bytes", limits_.max_header_bytes)};
  } else if (error == http::error::body_limit) {
    refusal_ = {413, fmt::format("the body has more than {} bytes", limits_.max_body_bytes)};
  } else {
    refusal_ = {400, fmt::format("not a request of HTTP/1.1: {}", error.message())};
  }
  return Progress::kBad;
}

bool RequestReader::header_done() const {
  return parser_ != nullptr && parser_->is_header_done();
}

bool RequestReader::wants_continue() const {
  return header_done() && !parser_->body_begun() &&
         parser_->exchange()->Header("Expect") == "100-continue";
}

}  // namespace carillon
