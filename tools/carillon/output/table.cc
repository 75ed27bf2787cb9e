#include "tools/carillon/output/table.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace carillon {
namespace {

constexpr std::size_t kGap = 2;

std::size_t CodePoints(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(CodePoints(column.title));
}

void Table::Add(std::vector<std::string> cells) {
  CHECK(cells.size() == columns_.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    widths_[i] = std::max(widths_[i], CodePoints(cells[i]));
  }
  rows_.push_back(std::move(cells));
}

void Table::AddTotal(std::vector<std::string> cells) {
  rows_.emplace_back();
  Add(std::move(cells));
}

void Table::AppendRow(const std::vector<std::string>& cells, std::string* out) const {
  std::size_t owed = 0;  // spaces before the next text: none are left at the end of a line
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t blank = widths_[i] - CodePoints(cells[i]);
    if (columns_[i].align == Align::kRight) owed += blank;
    if (!cells[i].empty()) {
      out->append(owed, ' ').append(cells[i]);
      owed = 0;
    }
    if (columns_[i].align == Align::kLeft) owed += blank;
    owed += kGap;
  }
  out->push_back('\n');
}

std::string Table::Render() {
  std::string out;
  if (!titles_shown_) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    AppendRow(titles, &out);
    titles_shown_ = true;
  }
  const std::size_t width =
      std::accumulate(widths_.begin(), widths_.end(), std::size_t{0}) + kGap * (widths_.size() - 1);
  for (const std::vector<std::string>& row : rows_) {
    if (row.empty()) {
      out.append(width, '-').push_back('\n');
    } else {
      AppendRow(row, &out);
    }
  }
  rows_.clear();
  return out;
}

}  // namespace carillon
