#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collector/dialects/dialect.h"

namespace carillon {

class EdgeConnection;
class EdgeLoop;

// One request of HTTP and what becomes of it. Used again for the next, with its memory: at steady
// state a request allocates nothing here.
//
// Threads: its loop's; while a request is with the intake, nobody touches it.
class Exchange final : public EdgeRequest {
 public:
  static constexpr std::size_t kKeptBytes = 256 * 1024;

  std::string_view Header(std::string_view name) const override;

  // For whoever reads the request.
  void Begin(std::string_view method_text, std::string_view target, bool is_http11);
  void AddHeader(std::string_view name, std::string_view value);
  std::size_t headers() const { return headers_.size(); }
  // How many headers have that name.
  std::size_t Count(std::string_view name) const;
  void AppendBody(std::string_view piece) { body_ += piece; }
  std::size_t body_bytes() const { return body_.size(); }
  // After Finish: the body as it was sent, packed or not.
  std::string_view sent_body() const {
    return std::string_view(body_).substr(0, body_.size() - std::min(body_.size(), kBodyPadding));
  }
  // Calls `visit(name, value)` for each header, in the order in which they came.
  template <typename Visit>
  void ForEachHeader(const Visit& visit) const {
    for (const HeaderSpan& header : headers_) {
      visit(View(header.name, header.name_size), View(header.value, header.value_size));
    }
  }
  // The request is whole: sets the views of EdgeRequest, with the padding behind the body.
  void Finish();
  // The body was packed: what is in unpacked() is the body from now on.
  std::string* unpacked() { return &unpacked_; }
  void UseUnpacked();

  // Empty again. Memory beyond kKeptBytes is given back.
  void Clear();

  // While it is under way: where it came from.
  std::shared_ptr<EdgeConnection> connection;
  EdgeLoop* loop = nullptr;  // whose it is
  bool http11 = true;
  bool keep_alive = true;
  bool answered = false;
  std::size_t taken_bytes = 0;  // of EdgeLimits::max_bodies_bytes

  const Dialect* dialect = nullptr;
  EventBatch events;
  EdgeOutcome outcome;
  std::optional<std::string> copy_reply;  // instead of a dialect's answer
  bool origin_refused = false;
  std::uint32_t mirror_per_million = 0;  // of requests like this
  std::string answer;                    // head and body, once answered

 private:
  struct HeaderSpan {
    std::uint32_t name = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value = 0;
    std::uint32_t value_size = 0;
  };
  std::string_view View(std::size_t at, std::size_t size) const {
    return {head_.data() + at, size};
  }

  std::string head_;  // method, target, names and values, without what is between
  std::size_t method_size_ = 0;
  std::size_t target_size_ = 0;
  std::vector<HeaderSpan> headers_;
  std::string body_;
  std::string unpacked_;
};

}  // namespace carillon
