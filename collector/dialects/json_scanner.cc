#include "collector/dialects/json_scanner.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "collector/dialects/json_text.h"

namespace carillon {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101;
constexpr std::uint64_t kHighs = 0x8080808080808080;

// A high bit for the first byte of `word` that ends a run of plain characters: '"', '\\', or a
// control character. Bits above the first may be wrong ("Bit Twiddling Hacks", zero in a word).
std::uint64_t FirstSpecial(std::uint64_t word) {
  const std::uint64_t quote = word ^ (kOnes * '"');
  const std::uint64_t slash = word ^ (kOnes * '\\');
  return (((quote - kOnes) & ~quote) | ((slash - kOnes) & ~slash) |
          ((word - kOnes * 0x20) & ~word)) &
         kHighs;
}

bool IsSpecial(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// The place of the first special character at or behind `at`; text.size(): none.
std::size_t SkipPlain(std::string_view text, std::size_t at) {
  while (at + sizeof(std::uint64_t) <= text.size()) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof word);
    const std::uint64_t special = FirstSpecial(word);
    if (special != 0) return at + static_cast<std::size_t>(std::countr_zero(special)) / 8;
    at += sizeof word;
  }
  while (at < text.size() && !IsSpecial(text[at])) ++at;
  return at;
}

}  // namespace

JsonScanner::JsonScanner(JsonDocument* document)
    : text_(document->text_), nodes_(document->nodes_) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = 3;
}

Status JsonScanner::Wrong(std::string_view what) const {
  if (at_ >= text_.size()) return InvalidArgument("JSON ends too early, at byte {}", text_.size());
  return InvalidArgument("JSON: {} at byte {}", what, at_);
}

void JsonScanner::SkipSpace() {
  const std::size_t from = at_;
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
  if (at_ != from && open_ != kNoParent) nodes_[open_].flags |= JsonDocument::kSpaced;
}

Status JsonScanner::ScanOne() {
  want_ = Want::kValue;
  SkipSpace();
  RETURN_IF_ERROR(Scan());
  SkipSpace();
  if (at_ != text_.size()) return Wrong("something behind the value");
  return OkStatus();
}

// The sequence is an array without brackets: the root is opened and closed by hand.
Status JsonScanner::ScanSequence() {
  RETURN_IF_ERROR(Push(JsonType::kArray, 0, 0));
  for (SkipSpace(); at_ < text_.size(); SkipSpace()) {
    const std::size_t child = nodes_.size();
    open_ = kNoParent;
    want_ = Want::kValue;
    RETURN_IF_ERROR(Scan());
    open_ = 0;
    Within(nodes_[child]);
    open_ = kNoParent;
  }
  nodes_[0].end = static_cast<std::uint32_t>(text_.size());
  nodes_[0].next = static_cast<std::uint32_t>(nodes_.size());
  return OkStatus();
}

// One value and all inside it.
Status JsonScanner::Scan() {
  while (want_ != Want::kNothing) {
    if (at_ >= text_.size()) return Wrong("");
    const char c = text_[at_];
    switch (want_) {
      case Want::kValue:
        RETURN_IF_ERROR(TakeValue(c));
        break;
      case Want::kValueOrEnd:
        RETURN_IF_ERROR(c == ']' ? Close(c) : TakeValue(c));
        break;
      case Want::kName:
        RETURN_IF_ERROR(TakeName(c));
        break;
      case Want::kNameOrEnd:
        RETURN_IF_ERROR(c == '}' ? Close(c) : TakeName(c));
        break;
      case Want::kCommaOrEnd:
        if (c == ',') {
          ++at_;
          want_ = nodes_[open_].type == JsonType::kObject ? Want::kName : Want::kValue;
        } else {
          RETURN_IF_ERROR(Close(c));
        }
        break;
      case Want::kNothing:
        break;
    }
    if (want_ != Want::kNothing) SkipSpace();
  }
  return OkStatus();
}

Status JsonScanner::TakeValue(char c) {
  switch (c) {
    case '{':
      return Open(JsonType::kObject);
    case '[':
      return Open(JsonType::kArray);
    case '"':
      return TakeString(false);
    case 't':
      return TakeWord("true", JsonType::kBool);
    case 'f':
      return TakeWord("false", JsonType::kBool);
    case 'n':
      return TakeWord("null", JsonType::kNull);
    default:
      return TakeNumber();
  }
}

Status JsonScanner::TakeName(char c) {
  if (c != '"') return Wrong("want the name of a member");
  RETURN_IF_ERROR(TakeString(true));
  SkipSpace();
  if (at_ >= text_.size() || text_[at_] != ':') return Wrong("want a colon");
  ++at_;
  want_ = Want::kValue;
  return OkStatus();
}

Status JsonScanner::TakeString(bool is_name) {
  const std::size_t begin = at_++;
  std::uint8_t flags = 0;
  while (true) {
    at_ = SkipPlain(text_, at_);
    if (at_ >= text_.size()) return Wrong("");
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\') return Wrong("a control character in a string");
    RETURN_IF_ERROR(TakeEscape(&flags));
  }
  ++at_;
  RETURN_IF_ERROR(Push(JsonType::kString, begin, flags));
  if (is_name) {
    nodes_[open_].flags |= flags & JsonDocument::kLoneSurrogate;
  } else {
    Within(nodes_.back());
    ValueDone();
  }
  return OkStatus();
}

std::uint32_t JsonScanner::HexAt(std::size_t at) const {
  return at + 4 <= text_.size() ? HexOf(text_.substr(at, 4)) : kNoHex;
}

Status JsonScanner::TakeEscape(std::uint8_t* flags) {
  *flags |= JsonDocument::kEscaped;
  const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  if (c != 'u') {
    if (c == '\0' || std::strchr("\"\\/bfnrt", c) == nullptr) return Wrong("a bad escape");
    at_ += 2;
    return OkStatus();
  }
  const std::uint32_t unit = HexAt(at_ + 2);
  if (unit == kNoHex) return Wrong("a bad escape");
  at_ += 6;
  if (unit < 0xd800 || unit > 0xdfff) return OkStatus();
  const bool low_follows = text_.substr(at_, 2) == "\\u";
  const std::uint32_t low = unit < 0xdc00 && low_follows ? HexAt(at_ + 2) : kNoHex;
  if (low >= 0xdc00 && low <= 0xdfff) {
    at_ += 6;
  } else {
    *flags |= JsonDocument::kLoneSurrogate;
  }
  return OkStatus();
}

std::size_t JsonScanner::DigitsFrom(std::size_t at) const {
  while (at < text_.size() && IsDigit(text_[at])) ++at;
  return at;
}

Status JsonScanner::TakeNumber() {
  const std::size_t begin = at_;
  std::size_t at = at_ + (text_[at_] == '-' ? 1 : 0);
  const auto digit_at = [this](std::size_t i) { return i < text_.size() && IsDigit(text_[i]); };
  if (!digit_at(at)) return Wrong("want a value");
  const std::size_t whole = at;
  at = DigitsFrom(at);
  if (text_[whole] == '0' && at - whole > 1) return Wrong("a number with a leading zero");
  if (at < text_.size() && text_[at] == '.') {
    if (!digit_at(at + 1)) return Wrong("a number without digits behind its point");
    at = DigitsFrom(at + 1);
  }
  if (at < text_.size() && (text_[at] == 'e' || text_[at] == 'E')) {
    const std::size_t sign = at + 1;
    const bool has_sign = sign < text_.size() && (text_[sign] == '+' || text_[sign] == '-');
    at = sign + (has_sign ? 1 : 0);
    if (!digit_at(at)) return Wrong("a number without digits in its exponent");
    at = DigitsFrom(at);
  }
  at_ = at;
  RETURN_IF_ERROR(Push(JsonType::kNumber, begin, 0));
  Within(nodes_.back());
  ValueDone();
  return OkStatus();
}

Status JsonScanner::TakeWord(std::string_view word, JsonType type) {
  if (text_.substr(at_, word.size()) != word) return Wrong("want a value");
  const std::size_t begin = at_;
  at_ += word.size();
  RETURN_IF_ERROR(Push(type, begin, 0));
  ValueDone();
  return OkStatus();
}

Status JsonScanner::Open(JsonType type) {
  if (depth_ == kMaxDocumentDepth) {
    return InvalidArgument("JSON is nested deeper than {} levels at byte {}", kMaxDocumentDepth,
                           at_);
  }
  const std::size_t begin = at_++;
  RETURN_IF_ERROR(Push(type, begin, 0));
  nodes_.back().next = open_;
  nodes_.back().height = 1;
  open_ = static_cast<std::uint32_t>(nodes_.size() - 1);
  ++depth_;
  want_ = type == JsonType::kObject ? Want::kNameOrEnd : Want::kValueOrEnd;
  return OkStatus();
}

Status JsonScanner::Close(char c) {
  JsonDocument::Node& node = nodes_[open_];
  if (c != (node.type == JsonType::kObject ? '}' : ']')) return Wrong("want ',' or the end");
  ++at_;
  node.end = static_cast<std::uint32_t>(at_);
  open_ = node.next;
  node.next = static_cast<std::uint32_t>(nodes_.size());
  --depth_;
  Within(node);
  ValueDone();
  return OkStatus();
}

Status JsonScanner::Push(JsonType type, std::size_t begin, std::uint8_t flags) {
  if (nodes_.size() == kMaxDocumentNodes) {
    return OutOfRange("JSON has more than {} values and names", kMaxDocumentNodes);
  }
  nodes_.push_back({.begin = static_cast<std::uint32_t>(begin),
                    .end = static_cast<std::uint32_t>(at_),
                    .next = static_cast<std::uint32_t>(nodes_.size() + 1),
                    .type = type,
                    .flags = flags});
  return OkStatus();
}

// Tells the open container what is inside it.
void JsonScanner::Within(const JsonDocument::Node& child) {
  if (open_ == kNoParent) return;
  JsonDocument::Node& parent = nodes_[open_];
  parent.flags |= child.flags & (JsonDocument::kSpaced | JsonDocument::kLoneSurrogate);
  const bool nested = child.type == JsonType::kObject || child.type == JsonType::kArray;
  if (nested) {
    parent.height =
        std::max<std::uint16_t>(parent.height, static_cast<std::uint16_t>(child.height + 1));
  }
}

void JsonScanner::ValueDone() {
  want_ = depth_ == 0 ? Want::kNothing : Want::kCommaOrEnd;
}

}  // namespace carillon
