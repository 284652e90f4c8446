#include "executors/spool.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "daemon/base/fd.h"

namespace odw::executors {
namespace {

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    char folder[] = "/tmp/odw-spool-XXXXXX";
    folder_ = mkdtemp(folder);
    path_ = folder_ + "/results.log";
  }
  ~SpoolTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Spool> Open(uint64_t bytes_max = 1 << 30) {
    auto spool = Spool::Open(folder_, bytes_max);
    EXPECT_TRUE(spool.ok()) << spool.status();
    return *std::move(spool);
  }
  // Three entries in a closed file; returns its bytes.
  std::string Three() {
    EXPECT_TRUE(Open()->Append({{"a", "first"}, {"b", "second"}, {"c", "third"}}).ok());
    return *ReadFile(path_, 1 << 20);
  }
  void Put(const std::string& bytes) { ASSERT_TRUE(WriteFileAtomically(path_, bytes).ok()); }
  using Tokens = std::vector<std::string>;

  std::string folder_, path_;
};

TEST_F(SpoolTest, KeepsEntriesInOrderAcrossRestarts) {
  Three();
  const auto spool = Open();
  EXPECT_EQ(spool->Tokens(), (Tokens{"a", "b", "c"}));
  EXPECT_EQ(*spool->Read("b"), "second");
  EXPECT_EQ(spool->damaged_regions(), 0u);
}

TEST_F(SpoolTest, DroppedEntriesStayDropped) {
  Three();
  Open()->Drop({"b", "unknown"});
  EXPECT_EQ(Open()->Tokens(), (Tokens{"a", "c"}));
  EXPECT_TRUE(absl::IsNotFound(Open()->Read("b").status()));
}

TEST_F(SpoolTest, ATornTailLosesTheLastEntryOnly) {
  const std::string whole = Three();
  for (size_t cut = 1; cut < 24 + 6; ++cut) {
    Put(whole.substr(0, whole.size() - cut));
    const auto spool = Open();
    EXPECT_EQ(spool->Tokens(), (Tokens{"a", "b"})) << cut;
    EXPECT_EQ(spool->damaged_regions(), 1u) << cut;
  }
}

TEST_F(SpoolTest, AFlippedByteAnywhereLosesOneEntry) {
  const std::string whole = Three();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x20;
    Put(damaged);
    const auto spool = Open();
    EXPECT_EQ(spool->Tokens().size(), 2u) << at;
    for (const std::string& token : spool->Tokens()) EXPECT_TRUE(spool->Read(token).ok());
  }
}

TEST_F(SpoolTest, GarbageZerosAndHugeLengthsAreSkipped) {
  const std::string whole = Three();
  std::string huge = whole.substr(0, 24);
  huge[12] = huge[13] = huge[14] = huge[15] = '\xff';
  for (const std::string& garbage : {std::string(5000, '\0'), std::string("ODS1ODS1ODS1"), huge}) {
    Put(garbage + whole);
    EXPECT_EQ(Open()->Tokens(), (Tokens{"a", "b", "c"}));
    Put(whole + garbage);
    EXPECT_EQ(Open()->Tokens(), (Tokens{"a", "b", "c"}));
  }
}

TEST_F(SpoolTest, AnAppendAfterDamageIsFoundAgain) {
  const std::string whole = Three();
  Put(whole.substr(0, whole.size() - 3));
  ASSERT_TRUE(Open()->Append({{"d", "fourth"}}).ok());
  const auto spool = Open();
  EXPECT_EQ(spool->Tokens(), (Tokens{"a", "b", "d"}));
  EXPECT_EQ(spool->damaged_regions(), 0u);
}

TEST_F(SpoolTest, ADamagedTombstoneOffersOnceMore) {
  Three();
  Open()->Drop({"c"});
  std::string bytes = *ReadFile(path_, 1 << 20);
  bytes.back() ^= 1;
  Put(bytes);
  EXPECT_EQ(Open()->Tokens(), (Tokens{"a", "b", "c"}));
}

TEST_F(SpoolTest, AnEmptyFileAndALeftoverCompactionAreFine) {
  Put("");
  ASSERT_TRUE(WriteFileAtomically(path_ + ".tmp", "half").ok());
  EXPECT_TRUE(Open()->Tokens().empty());
  EXPECT_NE(access((path_ + ".tmp").c_str(), F_OK), 0);
}

TEST_F(SpoolTest, TheFileStaysShortWhileResultsPass) {
  const auto spool = Open();
  for (int i = 0; i < 2000; ++i) {
    const std::string token = "t" + std::to_string(i);
    ASSERT_TRUE(spool->Append({{token, std::string(10'000, 'x')}}).ok());
    spool->Drop({token});
  }
  EXPECT_LT(spool->file_bytes(), 200'000u);
}

TEST_F(SpoolTest, AnUnacknowledgedEntrySurvivesCompaction) {
  const auto spool = Open();
  ASSERT_TRUE(spool->Append({{"old", "kept"}}).ok());
  for (int i = 0; i < 2000; ++i) {
    const std::string token = "t" + std::to_string(i);
    ASSERT_TRUE(spool->Append({{token, std::string(10'000, 'x')}}).ok());
    spool->Drop({token});
  }
  EXPECT_LT(spool->file_bytes(), 8u << 20);
  EXPECT_EQ(*spool->Read("old"), "kept");
  EXPECT_EQ(Open()->Tokens(), Tokens{"old"});
}

TEST_F(SpoolTest, FullUntilSomethingIsDropped) {
  const auto spool = Open(1000);
  EXPECT_FALSE(spool->Full());
  ASSERT_TRUE(spool->Append({{"a", std::string(2000, 'x')}}).ok());
  EXPECT_TRUE(spool->Full());
  spool->Drop({"a"});
  EXPECT_FALSE(spool->Full());
}

TEST_F(SpoolTest, AFailedWriteAddsNothing) {
  const auto spool = Open();
  ASSERT_TRUE(spool->Append({{"a", "first"}}).ok());
  rlimit old_limit;
  getrlimit(RLIMIT_FSIZE, &old_limit);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{.rlim_cur = spool->file_bytes() + 100, .rlim_max = old_limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_FALSE(spool->Append({{"b", std::string(5000, 'x')}}).ok());
  setrlimit(RLIMIT_FSIZE, &old_limit);
  EXPECT_FALSE(spool->Holds("b"));
  ASSERT_TRUE(spool->Append({{"c", "third"}}).ok());
  EXPECT_EQ(Open()->Tokens(), (Tokens{"a", "c"}));
}

}  // namespace
}  // namespace odw::executors
