#include "frames/frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"
#include "base/coding.h"

namespace carillon {
namespace {

constexpr std::size_t kCheckedHeadBytes = kFrameHeadBytes - sizeof(std::uint32_t);
// The mark, the version, and a word that is zero in this version.
constexpr char kPreamble[kPreambleBytes + 1] = "CARILLON\1\0\0\0\0\0\0\0";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kMaxRefusalText = 1024;

}  // namespace

ByteSpan FramePreamble() {
  return {kPreamble, kPreambleBytes};
}

FrameHeadBytes EncodeFrameHead(const FrameHead& head) {
  FrameHeadBytes bytes;
  const auto kind = static_cast<std::uint32_t>(head.kind);
  std::memcpy(bytes.data(), &head.body_bytes, 4);
  std::memcpy(bytes.data() + 4, &kind, 4);
  std::memcpy(bytes.data() + 8, &head.id, 8);
  const std::uint32_t crc = Crc32c({bytes.data(), kCheckedHeadBytes});
  std::memcpy(bytes.data() + kCheckedHeadBytes, &crc, 4);
  return bytes;
}

StatusOr<FrameHead> DecodeFrameHead(ByteSpan bytes) {
  CHECK(bytes.size() == kFrameHeadBytes);
  if (LoadFixed<std::uint32_t>(bytes.data() + kCheckedHeadBytes) !=
      Crc32c(bytes.substr(0, kCheckedHeadBytes))) {
    return DataLoss("the head of a frame is damaged");
  }
  const auto kind = LoadFixed<std::uint32_t>(bytes.data() + 4);
  if (kind < static_cast<std::uint32_t>(FrameKind::kRequest) ||
      kind > static_cast<std::uint32_t>(FrameKind::kCall)) {
    return DataLoss("a frame of kind {}", kind);
  }
  return FrameHead{.kind = static_cast<FrameKind>(kind),
                   .id = LoadFixed<std::uint64_t>(bytes.data() + 8),
                   .body_bytes = LoadFixed<std::uint32_t>(bytes.data())};
}

Bytes EncodeRefusal(const Status& status) {
  Bytes body;
  PutVarint(&body, static_cast<std::uint64_t>(status.code()));
  PutString(&body, Message(status).substr(0, kMaxRefusalText));
  return body;
}

Status DecodeRefusal(ByteSpan body) {
  Decoder decoder(body);
  const std::uint64_t code = decoder.Varint();
  const std::string text(decoder.String());
  constexpr auto kLast = static_cast<std::uint64_t>(StatusCode::kUnauthenticated);
  if (!decoder.Done() || code == 0 || code > kLast) return DataLoss("a malformed refusal");
  return MakeStatus(static_cast<StatusCode>(code), text);
}

FrameReader::FrameReader(std::size_t max_body_bytes)
    : max_body_bytes_(max_body_bytes), lookahead_(kLookaheadBytes) {}

std::array<FrameReader::Space, 2> FrameReader::Prepare() {
  if (begin_ > 0) {
    std::memmove(lookahead_.data(), lookahead_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
  }
  std::array<Space, 2> spaces;
  if (in_body_) spaces[0] = {body_.get() + body_filled_, head_.body_bytes - body_filled_};
  spaces[1] = {lookahead_.data() + end_, lookahead_.size() - end_};
  return spaces;
}

Status FrameReader::Take(std::size_t bytes, std::vector<Frame>* frames) {
  if (in_body_) {
    const std::size_t into_body = std::min(bytes, head_.body_bytes - body_filled_);
    body_filled_ += into_body;
    bytes -= into_body;
    if (body_filled_ == head_.body_bytes) EndBody(frames);
  }
  end_ += bytes;
  CHECK(end_ <= lookahead_.size());
  return Parse(frames);
}

Status FrameReader::Parse(std::vector<Frame>* frames) {
  if (!greeted_) {
    if (end_ - begin_ < kPreambleBytes) return OkStatus();
    RETURN_IF_ERROR(CheckPreamble());
  }
  while (!in_body_ && end_ - begin_ >= kFrameHeadBytes) {
    ASSIGN_OR_RETURN(const FrameHead head,
                     DecodeFrameHead({lookahead_.data() + begin_, kFrameHeadBytes}));
    if (head.body_bytes > max_body_bytes_) {
      return OutOfRange("a frame of {} bytes, at most {}", head.body_bytes, max_body_bytes_);
    }
    begin_ += kFrameHeadBytes;
    BeginBody(head);
    if (body_filled_ == head_.body_bytes) EndBody(frames);
  }
  return OkStatus();
}

Status FrameReader::CheckPreamble() {
  const ByteSpan said(lookahead_.data() + begin_, kPreambleBytes);
  if (said.substr(0, kPreambleMarkBytes) != FramePreamble().substr(0, kPreambleMarkBytes)) {
    return Unimplemented("the other end does not speak frames");
  }
  const auto version = LoadFixed<std::uint32_t>(said.data() + kPreambleMarkBytes);
  if (version != kVersion) {
    return Unimplemented("the other end speaks version {} of the frames, this one {}", version,
                         kVersion);
  }
  greeted_ = true;
  begin_ += kPreambleBytes;
  return OkStatus();
}

// Takes from the lookahead what is there of the body.
void FrameReader::BeginBody(const FrameHead& head) {
  head_ = head;
  in_body_ = true;
  body_ = std::make_shared_for_overwrite<char[]>(head.body_bytes);
  body_filled_ = std::min<std::size_t>(head.body_bytes, end_ - begin_);
  std::memcpy(body_.get(), lookahead_.data() + begin_, body_filled_);
  begin_ += body_filled_;
}

void FrameReader::EndBody(std::vector<Frame>* frames) {
  const ByteSpan view(body_.get(), head_.body_bytes);
  frames->push_back(
      {.kind = head_.kind, .id = head_.id, .body = SharedBytes(std::move(body_), view)});
  in_body_ = false;
}

}  // namespace carillon
