#include "collector/edge/request_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace carillon {
namespace {

constexpr std::string_view kChunked =
    "POST /v1/events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

// As a connection does it: what is not taken comes again with more behind it. "whole BODY", the
// status that refuses it, or "more".
std::string Read(std::string_view bytes, std::size_t piece) {
  RequestReader reader((EdgeLimits()));
  Exchange exchange;
  reader.Begin(&exchange);
  std::string waiting;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    waiting += bytes.substr(at, piece);
    std::size_t taken = 0;
    const auto progress = reader.Feed(waiting, &taken);
    waiting.erase(0, taken);
    if (progress == RequestReader::Progress::kBad) return std::to_string(reader.refusal().status);
    if (progress == RequestReader::Progress::kWhole) {
      EXPECT_EQ(waiting.size() + at + piece, std::max(bytes.size(), at + piece));
      return "whole " + std::string(exchange.sent_body());
    }
  }
  return "more";
}

TEST(RequestReaderTest, ReadsAChunkedBodyHoweverItIsCut) {
  const std::string request = std::string(kChunked) + "3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n";
  for (std::size_t piece = 1; piece <= request.size(); ++piece) {
    EXPECT_EQ(Read(request, piece), "whole {\"a\":1}") << piece;
  }
}

// Found by edge_fuzz: Beast ended the process when less than five bytes of the last chunk had come.
TEST(RequestReaderTest, ReadsALastChunkHoweverItIsCut) {
  for (std::size_t piece = 1; piece <= kChunked.size() + 5; ++piece) {
    EXPECT_EQ(Read(std::string(kChunked) + "0\r\n\r\n", piece), "whole ") << piece;
    EXPECT_EQ(Read(std::string(kChunked) + "0\r\nA: b\r\n\r\n", piece), "whole ") << piece;
    EXPECT_EQ(Read(std::string(kChunked) + "0\r\n\r", piece), "more") << piece;
    EXPECT_EQ(Read(std::string(kChunked) + "0\r\nab", piece), "more") << piece;
  }
}

}  // namespace
}  // namespace carillon
