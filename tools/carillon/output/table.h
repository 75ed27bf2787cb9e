#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carillon {

// Rows in aligned columns, two spaces apart: numbers to the right, texts to the left.
//
//   epoch       dc  chunks
//   1428415043  1       12
//
// Widths are counted in code points. A long table may be rendered in parts: the widths never
// shrink from one to the next. Pure.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns);

  // Requires: a cell a column.
  void Add(std::vector<std::string> cells);
  // A line under what comes before, and a last row.
  void AddTotal(std::vector<std::string> cells);
  std::size_t rows() const { return rows_.size(); }

  // All rows since the last call, with the titles the first time; forgets the rows.
  std::string Render();

 private:
  void AppendRow(const std::vector<std::string>& cells, std::string* out) const;
  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;  // an empty one is a line
  bool titles_shown_ = false;
};

}  // namespace carillon
