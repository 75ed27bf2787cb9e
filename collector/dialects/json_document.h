#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

// JSON as it was written: one validating pass, after which every value is a piece of the text.
// Numbers stay as their digits (of any length), members in their order, also those that come twice.
namespace carillon {

// Of a whole body. What is nested deeper than kMaxEventDepth is refused by event, not by body, so
// that one bad event does not take its neighbours along.
inline constexpr std::size_t kMaxDocumentDepth = 1'000;
// Values and member names of a body: 16 bytes of memory each.
inline constexpr std::size_t kMaxDocumentNodes = std::size_t{4} << 20;

enum class JsonType : std::uint8_t { kNone, kNull, kBool, kNumber, kString, kArray, kObject };

class JsonDocument;
class JsonMembers;
class JsonItems;

// One value of a document, or none. As cheap as a pointer; valid as long as the document is not
// parsed anew, and its text is there.
class JsonValue {
 public:
  JsonValue() = default;
  JsonValue(const JsonDocument* document, std::uint32_t at) : document_(document), at_(at) {}

  bool exists() const { return document_ != nullptr; }
  JsonType type() const;
  bool IsObject() const { return type() == JsonType::kObject; }
  bool IsArray() const { return type() == JsonType::kArray; }
  bool IsString() const { return type() == JsonType::kString; }

  // The piece of the text, quotes and all; empty: none.
  std::string_view raw() const;
  // Levels of nesting: 0 a scalar, 1 {}, 2 {"a":[]}.
  std::size_t height() const;
  // Whether a string inside has half of a surrogate pair, which is no text in any encoding.
  bool HasLoneSurrogate() const;

  // A string's text, unescaped into `scratch` when it has escapes; a number or bool as written;
  // else empty. Valid as long as the document and `scratch`.
  std::string_view Text(std::string* scratch) const;
  std::string Text() const;
  // A number, or what stands between the quotes of a string, as it is written; else empty.
  std::string_view Written() const;

  // The member of an object; the last, when it comes twice, as in JavaScript. None: no such
  // member, or no object. Cost: O(members).
  JsonValue operator[](std::string_view name) const;
  // For iteration. Of anything else than an object (array): empty.
  JsonMembers members() const;
  JsonItems items() const;
  // How many items an array has. Cost: O(items).
  std::size_t size() const;

  // The value in one line: itself, when it has no white space outside of strings; else without
  // that, in `scratch`.
  std::string_view Line(std::string* scratch) const;
  void AppendLine(std::string* out) const;
  // Whether an object has a member of one of these names. Cost: O(members * names).
  bool HasAny(std::span<const std::string_view> names) const;
  // The members of an object, in one line, without braces and without those named in `without`.
  void AppendMembers(std::span<const std::string_view> without, std::string* out) const;

 private:
  friend class JsonMembers;
  friend class JsonItems;
  bool NameIs(std::string_view name) const;

  const JsonDocument* document_ = nullptr;
  std::uint32_t at_ = 0;
};

struct JsonMember {
  JsonValue name;  // a string
  JsonValue value;
};

class JsonDocument {
 public:
  // Takes one value with white space around it. `text` is kept as a view.
  // INVALID_ARGUMENT: no JSON, at which byte; not UTF-8; nested deeper than kMaxDocumentDepth.
  // OUT_OF_RANGE: more than kMaxDocumentNodes, or 4 GiB. The document is then empty.
  // Cost: about 1 GB/s; no allocation once it has seen the largest text.
  Status Parse(std::string_view text);
  // Takes any number of values, one behind the other, with or without white space between them:
  // the items of root(), an array.
  Status ParseSequence(std::string_view text);

  // None: nothing parsed.
  JsonValue root() const { return nodes_.empty() ? JsonValue() : JsonValue(this, 0); }

 private:
  friend class JsonValue;
  friend class JsonMembers;
  friend class JsonItems;
  friend class JsonScanner;

  enum Flag : std::uint8_t { kSpaced = 1, kEscaped = 2, kLoneSurrogate = 4 };
  struct Node {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t next = 0;  // the node after this one and all inside it
    JsonType type = JsonType::kNone;
    std::uint8_t flags = 0;
    std::uint16_t height = 0;
  };

  std::string_view text_;
  std::vector<Node> nodes_;  // in the order of the text; a member's name stands before its value
};

// for (const JsonMember member : value.members())
class JsonMembers {
 public:
  class Iterator {
   public:
    Iterator(const JsonDocument* document, std::uint32_t at) : document_(document), at_(at) {}
    JsonMember operator*() const { return {{document_, at_}, {document_, at_ + 1}}; }
    Iterator& operator++() {
      at_ = document_->nodes_[at_ + 1].next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const JsonDocument* document_;
    std::uint32_t at_;
  };
  explicit JsonMembers(JsonValue object) : object_(object) {}
  Iterator begin() const { return {object_.document_, object_.IsObject() ? object_.at_ + 1 : 0}; }
  Iterator end() const {
    return {object_.document_,
            object_.IsObject() ? object_.document_->nodes_[object_.at_].next : 0};
  }

 private:
  JsonValue object_;
};

// for (const JsonValue item : value.items())
class JsonItems {
 public:
  class Iterator {
   public:
    Iterator(const JsonDocument* document, std::uint32_t at) : document_(document), at_(at) {}
    JsonValue operator*() const { return {document_, at_}; }
    Iterator& operator++() {
      at_ = document_->nodes_[at_].next;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const JsonDocument* document_;
    std::uint32_t at_;
  };
  explicit JsonItems(JsonValue array) : array_(array) {}
  Iterator begin() const { return {array_.document_, array_.IsArray() ? array_.at_ + 1 : 0}; }
  Iterator end() const {
    return {array_.document_, array_.IsArray() ? array_.document_->nodes_[array_.at_].next : 0};
  }

 private:
  JsonValue array_;
};

// Asked many times for each event.
inline JsonType JsonValue::type() const {
  return document_ == nullptr ? JsonType::kNone : document_->nodes_[at_].type;
}

inline std::string_view JsonValue::raw() const {
  if (document_ == nullptr) return {};
  const JsonDocument::Node& node = document_->nodes_[at_];
  return {document_->text_.data() + node.begin, node.end - node.begin};
}

inline bool JsonValue::NameIs(std::string_view name) const {
  const JsonDocument::Node& node = document_->nodes_[at_];
  if ((node.flags & JsonDocument::kEscaped) != 0) return Text() == name;
  return node.end - node.begin == name.size() + 2 &&
         std::memcmp(document_->text_.data() + node.begin + 1, name.data(), name.size()) == 0;
}

}  // namespace carillon
