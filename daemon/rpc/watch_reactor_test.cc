#include "daemon/rpc/watch_reactor.h"

#include <thread>

#include "daemon/rpc/rpc_test_env.h"

namespace odw::rpc {
namespace {

class Watch : public RpcTest {
 protected:
  struct Stream {
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
    std::unique_ptr<grpc::ClientReader<v1::WatchEvent>> reader;
    v1::WatchEvent Next() {
      v1::WatchEvent event;
      EXPECT_TRUE(reader->Read(&event));
      return event;
    }
  };
  Stream Open(const std::string& run_id, uint64_t after = 0) {
    Stream stream;
    v1::WatchRequest request;
    request.set_run_id(run_id);
    request.set_after(after);
    stream.reader = control_->Watch(stream.context.get(), request);
    return stream;
  }
};

TEST_F(Watch, TellsWhatWasAndWhatComesUntilTheEnd) {
  const std::string run_id = Submit();
  core_->CommitLine(run_id, "early");
  Stream stream = Open(run_id);
  EXPECT_EQ(stream.Next().run_started().name(), "survey");
  EXPECT_EQ(stream.Next().log().text(), "early");
  core_->CommitLine(run_id, "late");
  const v1::WatchEvent late = stream.Next();
  EXPECT_EQ(late.log().text(), "late");
  EXPECT_EQ(late.number(), 3u);
  core_->CommitEnd(run_id);
  EXPECT_EQ(stream.Next().run_ended().state(), v1::COMPLETED);
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
  EXPECT_TRUE(stream.reader->Finish().ok());
}

TEST_F(Watch, ProgressIsToldOnceWithoutANumber) {
  const std::string run_id = Submit();
  Stream stream = Open(run_id);
  stream.Next();  // from here on it is known that the run is the caller's
  v1::NodeProgress progress;
  progress.set_ordinal(3);
  progress.set_note("thinking");
  core_->outbox->OnProgress(run_id, progress);
  const v1::WatchEvent event = stream.Next();
  EXPECT_EQ(event.number(), 0u);
  EXPECT_EQ(event.progress().ordinal(), 3u);
  EXPECT_EQ(event.progress().note(), "thinking");
  core_->CommitLine(run_id, "next");
  EXPECT_EQ(stream.Next().log().text(), "next");
}

TEST_F(Watch, GoesOnAfterTheLastNumberSeen) {
  const std::string run_id = Submit();
  for (int i = 0; i < 10; ++i) core_->CommitLine(run_id, std::to_string(i));
  Stream stream = Open(run_id, 6);
  EXPECT_EQ(stream.Next().number(), 7u);
}

TEST_F(Watch, AfterTheLargestNumberComesNothing) {
  const std::string run_id = Submit();
  core_->CommitEnd(run_id);
  Stream stream = Open(run_id, ~uint64_t{0});
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
  EXPECT_TRUE(stream.reader->Finish().ok());
}

TEST_F(Watch, PastTheEndOfAnEndedRunEndsAtOnce) {
  const std::string run_id = Submit();
  core_->CommitEnd(run_id);
  Stream stream = Open(run_id, 2);
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
  EXPECT_TRUE(stream.reader->Finish().ok());
}

TEST_F(Watch, MoreThanOneBatchComesInOrderWithoutGaps) {
  const std::string run_id = Submit();
  const int lines = static_cast<int>(kWatchBatchEvents) * 3 + 7;
  std::vector<v1::Event> events;
  for (int i = 0; i < lines; ++i) events.emplace_back().mutable_line()->set_text(std::to_string(i));
  core_->Commit(run_id, events);
  core_->CommitEnd(run_id);
  Stream stream = Open(run_id);
  for (int i = 0; i < lines + 2; ++i)
    ASSERT_EQ(stream.Next().number(), static_cast<uint64_t>(i + 1));
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
}

TEST_F(Watch, ManyWatchersOfARunningRunSeeEveryEventOnce) {
  const std::string run_id = Submit();
  constexpr int kLines = 300;
  std::vector<std::thread> watchers;
  for (int w = 0; w < 4; ++w) {
    watchers.emplace_back([&] {
      Stream stream = Open(run_id);
      for (uint64_t i = 1; i <= kLines + 2; ++i) ASSERT_EQ(stream.Next().number(), i);
    });
  }
  for (int i = 0; i < kLines; ++i) core_->CommitLine(run_id, "x");
  core_->CommitEnd(run_id);
  for (std::thread& watcher : watchers) watcher.join();
}

TEST_F(Watch, TheEndOfARunIsToldAtOnceHoweverLongThePace) {
  StopServer();
  watch_pace_ = absl::Hours(1);
  StartServer({"unix:" + folder_ + "/odwd.sock"});
  const std::string run_id = Submit();
  Stream stream = Open(run_id);
  stream.Next();
  core_->CommitLine(run_id, "in the rest after the first read");
  core_->CommitEnd(run_id);
  EXPECT_TRUE(stream.Next().has_log());
  EXPECT_TRUE(stream.Next().has_run_ended());
}

TEST_F(Watch, AWatcherThatGoesAwayFreesEverything) {
  const std::string run_id = Submit();
  {
    Stream stream = Open(run_id);
    stream.Next();
    stream.context->TryCancel();
  }
  while (server_->activity().active_calls > 0) std::this_thread::yield();
  core_->CommitLine(run_id, "nobody listens");
}

TEST_F(Watch, ASlowWatcherHoldsNobodyUp) {
  const std::string run_id = Submit();
  Stream slow = Open(run_id);
  slow.Next();
  const std::string wide(30000, 'w');
  for (int i = 0; i < 300; ++i) core_->CommitLine(run_id, wide);
  core_->CommitEnd(run_id);
  Stream quick = Open(run_id);
  for (int i = 0; i < 302; ++i) quick.Next();
  for (uint64_t i = 2; i <= 302; ++i) ASSERT_EQ(slow.Next().number(), i);
}

// gRPC 1.51 does not flush a stream's first metadata when the first message has the buffer hint: on
// a quiet connection the stream hung until the next keepalive, 30 s later.
TEST_F(Watch, TheFirstEventOfAHistoryComesAtOnceOnAQuietConnection) {
  const std::string run_id = Submit();
  core_->CommitLine(run_id, "x");
  core_->CommitEnd(run_id);
  for (int i = 0; i < 200; ++i) {
    Stream stream;
    stream.context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::WatchRequest request;
    request.set_run_id(run_id);
    stream.reader = control_->Watch(stream.context.get(), request);
    ASSERT_EQ(stream.Next().number(), 1u) << i;
  }
}

TEST_F(Watch, AFailedJournalEndsTheWatch) {
  Stream stream = Open(Submit());
  stream.Next();
  server_->outbox()->FailAll(absl::ResourceExhaustedError("No space left on device"));
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
  EXPECT_EQ(stream.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(Watch, ShutdownEndsTheWatch) {
  Stream stream = Open(Submit());
  stream.Next();
  std::thread stopper([&] { server_->Shutdown(absl::Seconds(5)); });
  v1::WatchEvent none;
  EXPECT_FALSE(stream.reader->Read(&none));
  EXPECT_EQ(stream.reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  stopper.join();
  server_.reset();
}

}  // namespace
}  // namespace odw::rpc
