#include "client/second_writer.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/chunk_decoder.h"
#include "crunch/chunk_codec.h"
#include "crunch/dictionary_trainer.h"
#include "tests/client/map_server.h"

namespace carillon {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

class SecondWriterTest : public ::testing::Test {
 protected:
  void Open(SecondWriterOptions options) {
    writer_ = SecondWriter::Create(client_.get(), std::move(options));
  }
  Status Add(std::uint64_t epoch, std::string_view event) {
    return writer_->Add(Epoch(epoch), "WEB", "app", event);
  }
  // Every event of the range, sorted.
  std::vector<std::string> Stored() {
    std::vector<std::string> events;
    const auto stream = client_->ReadRange({.range = {Epoch(0), Epoch(1'000'000)}});
    for (auto item = stream->Next(); item.ok() && *item; item = stream->Next()) {
      if (!(*item)->chunk) continue;
      const auto raw = DecodeChunkValue((*item)->value);
      EXPECT_TRUE(raw.ok());
      const std::size_t count = ForEachEvent(*raw, [&](std::string_view event) {
        events.emplace_back(event);
        return true;
      });
      EXPECT_EQ(count, (*item)->chunk->events);
      EXPECT_EQ(raw->size(), (*item)->chunk->raw_bytes);
    }
    std::sort(events.begin(), events.end());
    return events;
  }

  MapServer server_;
  std::unique_ptr<Client> client_ =
      *Client::Connect({.endpoints = {server_.endpoint()},
                        .retry = {.max_attempts = 5, .first_delay = std::chrono::milliseconds(1)}});
  std::unique_ptr<SecondWriter> writer_ = SecondWriter::Create(client_.get(), {.writer = 7});
};

TEST_F(SecondWriterTest, StoresEveryEventOnceAndCommitsEverySecond) {
  std::vector<std::string> sent;
  Open({.max_chunk_bytes = 2000, .max_open_seconds = 5, .max_in_flight = 4});
  for (int i = 0; i < 5000; ++i) {
    sent.push_back(fmt::format(R"({{"id":{},"hash":{}}})", i, i * 2654435761u));
    ASSERT_TRUE(Add(100 + static_cast<std::uint64_t>(i * 7 % 20), sent.back()).ok());
  }
  ASSERT_TRUE(writer_->Finish().ok());
  std::sort(sent.begin(), sent.end());
  EXPECT_TRUE(Stored() == sent);
  EXPECT_EQ(writer_->stats().events, 5000u);
  EXPECT_EQ(writer_->stats().chunks, server_.values().size());
  EXPECT_EQ(writer_->stats().seconds, server_.commits().size());
  for (const auto& [key, value] : server_.values()) EXPECT_LE(value.size(), 2000u);
}

TEST_F(SecondWriterTest, PutsADictionaryBeforeTheChunksThatNeedIt) {
  std::vector<std::string> sent;
  std::uint64_t epoch = 1000;
  // Until one is in use, and for some seconds more.
  for (std::uint64_t after = 0; after < 20; ++epoch) {
    after += writer_->stats().dictionaries;
    for (int i = 0; i < 20; ++i) {
      sent.push_back(
          fmt::format(R"({{"type":"WEB","hash":{},"page":"/index.html","agent":"Mozilla/5.0"}})",
                      (epoch * 20 + static_cast<std::uint64_t>(i)) * 2654435761u));
      ASSERT_TRUE(Add(epoch, sent.back()).ok());
    }
    ASSERT_TRUE(writer_->CommitSecond(Epoch(epoch), false).ok());
  }
  ASSERT_TRUE(writer_->Finish().ok());
  const auto values = server_.values();
  ChunkDecoder decoder(client_.get(), "events");
  std::vector<std::string> read;
  std::size_t with = 0;
  for (const auto& [text, value] : values) {
    const ChunkKey key = *ParseChunkKey(text);
    if (key.epoch == Epoch(0)) continue;
    with += DictionaryIdOf(value) != 0;
    const auto lines = decoder.Decode(key, value);
    ASSERT_TRUE(lines.ok()) << lines.status();
    ForEachEvent(*lines, [&](std::string_view event) {
      read.emplace_back(event);
      return true;
    });
  }
  EXPECT_GE(with, 19u);
  std::sort(sent.begin(), sent.end());
  std::sort(read.begin(), read.end());
  EXPECT_TRUE(read == sent);
}

TEST_F(SecondWriterTest, NamesADictionaryThatIsNotThere) {
  DictionaryTrainer trainer;
  for (int i = 0; !trainer.IsReady(); ++i) {
    trainer.Add(fmt::format(R"({{"page":"/index.html","agent":"Mozilla/5.0","n":{}}})", i) + '\n');
  }
  const auto dictionary = *Dictionary::Load(trainer.Train().value());
  const ChunkKey key{Epoch(100), "1", "cell0", "WEB", "app", 7};
  const Status status = ChunkDecoder(client_.get(), "events")
                            .Decode(key, EncodeChunkValue("{}\n", dictionary.get()))
                            .status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(std::string(Message(status)),
              HasSubstr(fmt::format("0:1:cell0:WEB:events:chunk{}", dictionary->id())));
}

TEST_F(SecondWriterTest, StoresNothingBeforeASecondIsClosed) {
  ASSERT_TRUE(Add(100, "{}").ok());
  writer_.reset();
  EXPECT_THAT(server_.values(), IsEmpty());
  EXPECT_THAT(server_.commits(), IsEmpty());
}

TEST_F(SecondWriterTest, NumbersItsChunksWithItsWriter) {
  ASSERT_TRUE(Add(100, "{}").ok());
  ASSERT_TRUE(writer_->Finish().ok());
  EXPECT_EQ(server_.values().begin()->first, "100:1:cell0:WEB:app:chunk30064771072");
}

TEST_F(SecondWriterTest, SealsASecondAfterTheOnesBeforeIt) {
  ASSERT_TRUE(Add(99, "{}").ok());
  ASSERT_TRUE(Add(100, "{}").ok());
  ASSERT_TRUE(writer_->CommitSecond(Epoch(100), true).ok());
  ASSERT_TRUE(writer_->Finish().ok());
  const auto commits = server_.commits();
  ASSERT_THAT(commits, SizeIs(2));
  EXPECT_EQ(commits[0].epoch(), 99u);
  EXPECT_FALSE(commits[0].has_seal());
  EXPECT_EQ(commits[1].seal().epoch(), 100u);
  EXPECT_EQ(commits[1].seal().writer(), 7u);
  EXPECT_EQ(Add(100, "{}").code(), StatusCode::kFailedPrecondition);
}

TEST_F(SecondWriterTest, GoesOnAfterFailuresThatPass) {
  server_.FailNext({kAway, kAway, kAway});
  ASSERT_TRUE(Add(100, "{}").ok());
  EXPECT_TRUE(writer_->Finish().ok());
  EXPECT_THAT(Stored(), SizeIs(1));
}

TEST_F(SecondWriterTest, TakesAnotherWriterWhenItsOwnIsSomebodyElses) {
  for (std::uint64_t i = 0; i < 20; ++i) {
    server_.Preload({Epoch(100), "1", "cell0", "WEB", "app", (std::uint64_t{7} << 32) + i},
                    "other bytes");
  }
  ASSERT_TRUE(Add(100, "{}").ok());
  ASSERT_TRUE(writer_->Finish().ok());
  EXPECT_THAT(server_.values(), SizeIs(21));
  EXPECT_EQ(server_.values().at("100:1:cell0:WEB:app:chunk30064771072"), "other bytes");
  EXPECT_THAT(Stored(), SizeIs(1));
}

TEST_F(SecondWriterTest, GivesUpWhenEveryNumberIsSomebodyElses) {
  server_.FailNext(
      std::vector<grpc::Status>(100, {grpc::StatusCode::ALREADY_EXISTS, "somebody else's"}));
  ASSERT_TRUE(Add(100, "{}").ok());
  EXPECT_EQ(writer_->Finish().code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(server_.calls(), 5);
}

TEST_F(SecondWriterTest, IsBrokenAfterTheFirstFailure) {
  server_.FailNext({{grpc::StatusCode::OUT_OF_RANGE, "too old"}});
  ASSERT_TRUE(Add(100, "{}").ok());
  const Status failure = writer_->Finish();
  EXPECT_EQ(failure.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(ToString(failure), HasSubstr("put 100:1:cell0:WEB:app:chunk"));
  EXPECT_EQ(Add(101, "{}"), failure);
  EXPECT_EQ(writer_->Finish(), failure);
  EXPECT_THAT(server_.commits(), IsEmpty());
}

TEST_F(SecondWriterTest, RefusesABadEventAndGoesOn) {
  EXPECT_EQ(Add(100, "a\nb").code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Add(100, "{}").ok());
  EXPECT_TRUE(writer_->Finish().ok());
  EXPECT_EQ(writer_->stats().events, 1u);
}

TEST_F(SecondWriterTest, CanBeUsedOnAfterFinish) {
  for (const char* event : {"1", "2", "3"}) {
    ASSERT_TRUE(Add(100, event).ok());
    ASSERT_TRUE(writer_->Finish().ok());
  }
  EXPECT_THAT(Stored(), SizeIs(3));
  EXPECT_THAT(server_.commits(), SizeIs(3));
}

}  // namespace
}  // namespace carillon
