#include <algorithm>
#include <string>

#include <simdjson.h>

#include "crunch/chunk_codec.h"
#include "tools/carillon/input/record_reader.h"

namespace carillon {
namespace {

static_assert(kTextPadding >= simdjson::SIMDJSON_PADDING);

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Finds where a value ends by its brackets and strings alone.
//
//   start --{ [--> nested --the last bracket--> ended
//     \--anything else--> scalar --a delimiter--> ended (the delimiter is not part of it)
class ValueScanner {
 public:
  // Looks at `text` from *at on, which ends behind what was looked at. True: the value ends there.
  bool FindEnd(std::string_view text, std::size_t* at) {
    for (; *at < text.size(); ++*at) {
      const char c = text[*at];
      if (in_string_) {
        HandleStringByte(c);
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if (depth_ == 0) {
        if (c == ',' || c == ']' || c == '}' || IsSpace(c)) return EndScalar(c, at);
      } else if ((c == '}' || c == ']') && --depth_ == 0) {
        ++*at;
        return true;
      }
      started_ = true;
    }
    return false;
  }
  // At the end of the input: a scalar may end there, nothing else.
  bool MayEndHere() const { return depth_ == 0 && !in_string_; }

 private:
  void HandleStringByte(char c) {
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      in_string_ = false;
    }
  }
  bool EndScalar(char delimiter, std::size_t* at) const {
    if (!started_ || delimiter == '}') ++*at;  // a stray bracket is a (bad) value of its own
    return true;
  }

  std::size_t depth_ = 0;
  bool started_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

class JsonValueReader final : public RecordReader {
 public:
  explicit JsonValueReader(std::unique_ptr<StreamBuffer> buffer) : buffer_(std::move(buffer)) {}

  StatusOr<std::optional<Record>> Next() override {
    ASSIGN_OR_RETURN(const bool found, SkipToValue());
    if (!found) return End();
    ValueScanner scanner;
    const std::uint64_t line = line_;
    std::size_t size = 0;
    while (!scanner.FindEnd(buffer_->view(), &size)) {
      if (size > kMaxEventBytes) return SkipTooLarge(scanner, line);
      ASSIGN_OR_RETURN(const bool more, buffer_->Fill());
      if (!more) return AtEndOfInput(scanner, line);
    }
    return Take(size, line);
  }

  std::uint64_t position() const override { return buffer_->position(); }

 private:
  void Consume(std::size_t bytes) {
    const std::string_view view = buffer_->view();
    line_ += static_cast<std::uint64_t>(std::count(view.begin(), view.begin() + bytes, '\n'));
    buffer_->Consume(bytes);
  }

  // Over white space, commas, and the brackets of top-level arrays. False at the end.
  StatusOr<bool> SkipToValue() {
    while (true) {
      const std::string_view view = buffer_->view();
      std::size_t skipped = 0;
      while (skipped < view.size() && Passes(view[skipped])) ++skipped;
      Consume(skipped);
      if (skipped < view.size()) return true;
      ASSIGN_OR_RETURN(const bool more, buffer_->Fill());
      if (!more) return false;
    }
  }

  bool Passes(char c) {
    if (IsSpace(c) || c == ',') return true;
    if (c == '[' && !in_array_) return in_array_ = true;
    if (c != ']' || !in_array_) return false;
    in_array_ = false;
    return true;
  }

  std::optional<Record> End() {
    if (!std::exchange(in_array_, false)) return std::nullopt;
    return Record{{}, {}, line_, InvalidArgument("the input ends inside a JSON array")};
  }

  Record AtEndOfInput(const ValueScanner& scanner, std::uint64_t line) {
    if (scanner.MayEndHere()) return Take(buffer_->view().size(), line);
    in_array_ = false;
    const std::string_view text = buffer_->view();
    Consume(text.size());
    return {text, text, line, InvalidArgument("the input ends inside a JSON value")};
  }

  // Requires: size <= view().size(). The bytes stay where they are until the next Fill.
  Record Take(std::size_t size, std::uint64_t line) {
    const std::string_view source = buffer_->view().substr(0, size);
    Consume(size);
    if (size > kMaxEventBytes) return TooLarge(source, line);
    minified_.resize(size + kTextPadding);
    std::size_t minified_size = 0;
    const auto error =
        simdjson::minify(source.data(), source.size(), minified_.data(), minified_size);
    if (error != simdjson::SUCCESS) {
      return {source, source, line, InvalidArgument("{}", simdjson::error_message(error))};
    }
    return {{minified_.data(), minified_size}, source, line, OkStatus()};
  }

  static Record TooLarge(std::string_view beginning, std::uint64_t line) {
    beginning = beginning.substr(0, kMaxEventBytes);
    return {beginning, beginning, line,
            InvalidArgument("a JSON value of more than {} bytes", kMaxEventBytes)};
  }

  // Reads on to the end of the value with only its beginning kept.
  StatusOr<std::optional<Record>> SkipTooLarge(ValueScanner scanner, std::uint64_t line) {
    minified_ = buffer_->view().substr(0, kMaxEventBytes);
    Consume(buffer_->view().size());
    bool ended = false;
    while (!ended) {
      ASSIGN_OR_RETURN(const bool more, buffer_->Fill());
      if (!more) break;
      std::size_t looked_at = 0;
      ended = scanner.FindEnd(buffer_->view(), &looked_at);
      Consume(looked_at);
    }
    return TooLarge(minified_, line);
  }

  std::unique_ptr<StreamBuffer> buffer_;
  std::string minified_;
  std::uint64_t line_ = 1;
  bool in_array_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> ReadJsonValues(std::unique_ptr<StreamBuffer> buffer) {
  return std::make_unique<JsonValueReader>(std::move(buffer));
}

}  // namespace carillon
