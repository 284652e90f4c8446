#include "daemon/http/http_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/metrics/metrics.h"

namespace odw::http {
namespace {

// One request on its own connection; the whole answer.
std::string Request(const std::string& address, const std::string& method,
                    const std::string& path) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  const std::string request =
      method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  EXPECT_TRUE(WriteAll(fd.get(), request.data(), request.size()).ok());
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = read(fd.get(), buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<size_t>(got));
  }
  return answer;
}

class HttpTest : public testing::Test {
 protected:
  void SetUp() override {
    metrics_.Enable();
    metrics_.RunSubmitted();
    auto server = HttpServer::Start(
        {.listen = "127.0.0.1:0", .metrics = &metrics_, .healthy = [this] { return health_; }});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  metrics::Metrics metrics_;
  absl::Status health_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpTest, ServesMetrics) {
  const std::string answer = Request(server_->address(), "GET", "/metrics");
  EXPECT_EQ(answer.rfind("HTTP/1.1 200", 0), 0u) << answer;
  EXPECT_NE(answer.find("odw_runs_submitted_total 1"), std::string::npos);
}

TEST_F(HttpTest, HealthTellsWhatIsWrong) {
  EXPECT_NE(Request(server_->address(), "GET", "/healthz").find("\r\n\r\nok"), std::string::npos);
  health_ = absl::UnavailableError("the disk is full");
  const std::string answer = Request(server_->address(), "GET", "/healthz");
  EXPECT_EQ(answer.rfind("HTTP/1.1 503", 0), 0u);
  EXPECT_NE(answer.find("the disk is full"), std::string::npos);
}

TEST_F(HttpTest, OtherPathsAndMethodsAreRefused) {
  EXPECT_EQ(Request(server_->address(), "GET", "/etc/passwd").rfind("HTTP/1.1 404", 0), 0u);
  EXPECT_EQ(Request(server_->address(), "POST", "/metrics").rfind("HTTP/1.1 405", 0), 0u);
}

TEST_F(HttpTest, ATakenAddressIsNamed) {
  const auto second = HttpServer::Start({.listen = server_->address(), .metrics = &metrics_});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(MessageOf(second.status()).find(server_->address()), std::string::npos);
}

}  // namespace
}  // namespace odw::http
