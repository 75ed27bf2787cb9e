#include <cstring>

#include "crunch/chunk_codec.h"
#include "tools/carillon/input/record_reader.h"

namespace carillon {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

class LineReader final : public RecordReader {
 public:
  explicit LineReader(std::unique_ptr<StreamBuffer> buffer) : buffer_(std::move(buffer)) {}

  StatusOr<std::optional<Record>> Next() override {
    while (true) {
      ASSIGN_OR_RETURN(const std::optional<Line> line, NextLine());
      if (!line.has_value()) return std::nullopt;
      const std::string_view text = Trim(line->text);
      if (line->too_long) {
        const std::string_view beginning = text.substr(0, kMaxEventBytes);
        return Record{beginning, beginning, line_,
                      InvalidArgument("a line of more than {} bytes", kMaxEventBytes)};
      }
      if (!text.empty()) return Record{text, text, line_, OkStatus()};
    }
  }

  std::uint64_t position() const override { return buffer_->position(); }

 private:
  struct Line {
    std::string_view text;
    bool too_long = false;
  };

  // Consumes the line before: its bytes stay where they are until the next Fill.
  StatusOr<std::optional<Line>> NextLine() {
    buffer_->Consume(std::exchange(used_, 0));
    std::size_t scanned = 0;
    while (true) {
      const std::string_view view = buffer_->view();
      const auto* newline =
          static_cast<const char*>(std::memchr(view.data() + scanned, '\n', view.size() - scanned));
      if (newline != nullptr) {
        const auto size = static_cast<std::size_t>(newline - view.data());
        used_ = size + 1;
        if (std::exchange(skipping_, false)) {
          return NextLine();
        }
        ++line_;
        return Line{view.substr(0, size), size > kMaxEventBytes};
      }
      if (skipping_) {
        buffer_->Consume(view.size());
      } else if (view.size() > kMaxEventBytes) {
        skipping_ = true;
        ++line_;
        used_ = view.size();
        return Line{view.substr(0, kMaxEventBytes), true};
      }
      scanned = buffer_->view().size();
      ASSIGN_OR_RETURN(const bool more, buffer_->Fill());
      if (!more) return LastLine();
    }
  }

  std::optional<Line> LastLine() {
    const std::string_view view = buffer_->view();
    if (view.empty()) return std::nullopt;
    used_ = view.size();
    ++line_;
    return Line{view, view.size() > kMaxEventBytes};
  }

  std::unique_ptr<StreamBuffer> buffer_;
  std::size_t used_ = 0;  // bytes of the line that was returned last
  std::uint64_t line_ = 0;
  bool skipping_ = false;  // inside the rest of a line that was too long
};

}  // namespace

std::unique_ptr<RecordReader> ReadLines(std::unique_ptr<StreamBuffer> buffer) {
  return std::make_unique<LineReader>(std::move(buffer));
}

}  // namespace carillon
