#include "collector/edge/exchange.h"

#include <algorithm>

namespace carillon {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool SameName(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

void ClearText(std::string* text) {
  text->clear();
  if (text->capacity() > Exchange::kKeptBytes) text->shrink_to_fit();
}

}  // namespace

std::string_view Exchange::Header(std::string_view name) const {
  for (const HeaderSpan& header : headers_) {
    if (SameName(View(header.name, header.name_size), name)) {
      return View(header.value, header.value_size);
    }
  }
  return {};
}

std::size_t Exchange::Count(std::string_view name) const {
  const auto count = std::count_if(headers_.begin(), headers_.end(), [&](const HeaderSpan& header) {
    return SameName(View(header.name, header.name_size), name);
  });
  return static_cast<std::size_t>(count);
}

void Exchange::Begin(std::string_view method_text, std::string_view target, bool is_http11) {
  head_.assign(method_text);
  head_ += target;
  method_size_ = method_text.size();
  target_size_ = target.size();
  http11 = is_http11;
}

void Exchange::AddHeader(std::string_view name, std::string_view value) {
  HeaderSpan header{.name = static_cast<std::uint32_t>(head_.size()),
                    .name_size = static_cast<std::uint32_t>(name.size())};
  head_ += name;
  header.value = static_cast<std::uint32_t>(head_.size());
  header.value_size = static_cast<std::uint32_t>(value.size());
  head_ += value;
  headers_.push_back(header);
}

void Exchange::Finish() {
  method = View(0, method_size_);
  const std::string_view target = View(method_size_, target_size_);
  const std::size_t mark = std::min(target.find('?'), target.size());
  path = target.substr(0, mark);
  query = target.substr(std::min(mark + 1, target.size()));
  const std::size_t size = body_.size();
  body_.resize(size + kBodyPadding);
  body = std::string_view(body_).substr(0, size);
}

void Exchange::UseUnpacked() {
  const std::size_t size = unpacked_.size();
  unpacked_.resize(size + kBodyPadding);
  body = std::string_view(unpacked_).substr(0, size);
}

void Exchange::Clear() {
  connection.reset();
  http11 = keep_alive = true;
  answered = origin_refused = false;
  mirror_per_million = 0;
  taken_bytes = 0;
  dialect = nullptr;
  if (events.json_bytes() > kKeptBytes) {
    events = EventBatch();
  } else {
    events.Clear();
  }
  outcome = EdgeOutcome{};
  copy_reply.reset();
  ClearText(&answer);
  head_.clear();
  headers_.clear();
  ClearText(&body_);
  ClearText(&unpacked_);
  method = path = query = body = {};
  received_us = 0;
}

}  // namespace carillon
