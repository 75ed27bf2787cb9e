#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "tools/carillon/input/input_reader.h"

namespace carillon {

// A text that comes in pieces of at most `step` bytes.
class TextSource final : public ByteSource {
 public:
  TextSource(std::string text, std::size_t step) : text_(std::move(text)), step_(step) {}

  StatusOr<std::size_t> Read(char* to, std::size_t size) override {
    const std::size_t count = std::min({size, step_, text_.size() - position_});
    text_.copy(to, count, position_);
    position_ += count;
    return count;
  }
  std::uint64_t position() const override { return position_; }

 private:
  const std::string text_;
  const std::size_t step_;
  std::size_t position_ = 0;
};

inline std::unique_ptr<ByteSource> FromText(std::string text, std::size_t step = 1 << 20) {
  return std::make_unique<TextSource>(std::move(text), step);
}

// A record or event with its own copies of the texts.
struct Kept {
  std::string text;
  std::string source;
  std::uint64_t line = 0;
  std::uint64_t epoch = 0;
  std::string type;
  std::string subtype;
  std::string problem;  // empty: fine
};

inline std::vector<Kept> ReadRecords(RecordReader* reader) {
  std::vector<Kept> all;
  while (true) {
    const auto record = reader->Next();
    CHECK(record.ok());
    if (!record->has_value()) return all;
    all.push_back({std::string((*record)->text), std::string((*record)->source), (*record)->line, 0,
                   "", "", std::string(Message((*record)->problem))});
  }
}

inline std::vector<Kept> ReadEvents(std::unique_ptr<ByteSource> source, InputFormat format,
                                    const FieldChoices& choices) {
  auto reader = InputReader::Open(std::move(source), format, choices);
  CHECK(reader.ok());
  std::vector<Kept> all;
  while (true) {
    const auto event = (*reader)->Next();
    CHECK(event.ok());
    if (!event->has_value()) return all;
    Kept kept;
    kept.source = (*event)->source;
    kept.line = (*event)->line;
    kept.problem = Message((*event)->problem);
    if (kept.problem.empty()) {
      kept.text = (*event)->text;
      kept.epoch = (*event)->place.epoch.value();
      kept.type = (*event)->place.type;
      kept.subtype = (*event)->place.subtype;
    }
    all.push_back(std::move(kept));
  }
}

inline std::vector<std::string> Texts(const std::vector<Kept>& all) {
  std::vector<std::string> texts;
  for (const Kept& kept : all) texts.push_back(kept.text);
  return texts;
}

}  // namespace carillon
