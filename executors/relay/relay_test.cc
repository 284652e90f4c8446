#include "executors/relay/relay.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(Relay, ReadsWhereAnApiListens) {
  const auto https = ParseApiAddress("https://api.example.com");
  ASSERT_TRUE(https.ok());
  EXPECT_TRUE(https->tls);
  EXPECT_EQ(https->host + " " + https->port + " " + https->path, "api.example.com 443 ");
  const auto http = ParseApiAddress("http://user:pass@gate.local:4000/a/b?c");
  ASSERT_TRUE(http.ok());
  EXPECT_FALSE(http->tls);
  EXPECT_EQ(http->host + " " + http->port + " " + http->path, "gate.local 4000 /a/b?c");
  const auto v6 = ParseApiAddress("http://[::1]:8080/v1");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->host + " " + v6->port + " " + v6->path, "::1 8080 /v1");
  EXPECT_EQ(ParseApiAddress("https://[::1]")->port, "443");
}

TEST(Relay, RefusesWhatIsNoAddress) {
  for (const char* url : {"", "api.example.com", "ftp://x", "http://", "http://:80", "https:///x",
                          "http://h:port", "http://h:", "http://]"}) {
    EXPECT_FALSE(ParseApiAddress(url).ok()) << url;
  }
}

TEST(Relay, ATunnelsTargetIsItsFirstLine) {
  EXPECT_EQ(ConnectTarget("CONNECT api.example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n"),
            "api.example.com:443");
  for (const char* head : {"", "CONNECT", "CONNECT x", "GET http://x/ HTTP/1.1\r\n\r\n",
                           "connect x:1 HTTP/1.1\r\n\r\n"}) {
    EXPECT_EQ(ConnectTarget(head), "") << head;
  }
}

TEST(Relay, ItsCommandLineIsKnownAgain) {
  std::vector<std::string> words =
      RelayWords({.variable = "V", .otherwise = "https://h"}, {"bwrap"});
  words.push_back("cli");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  EXPECT_TRUE(IsRelay(static_cast<int>(argv.size()), argv.data()));
  // What the outer half starts: bubblewrap, then the inner half, then the CLI.
  EXPECT_EQ(words[5], "bwrap");
  EXPECT_TRUE(IsRelay(static_cast<int>(argv.size()) - 6, argv.data() + 6));
  EXPECT_EQ(words.back(), "cli");
  EXPECT_FALSE(IsRelay(5, argv.data()));
}

}  // namespace
}  // namespace odw::executors
