#include "executors/permission.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

odw::v1::AgentRequest Asking(const std::string& permission, const std::string& network,
                             const std::vector<std::string>& tools) {
  odw::v1::AgentRequest request;
  request.set_permission(permission);
  request.set_network(network);
  request.mutable_tools()->Assign(tools.begin(), tools.end());
  return request;
}

std::vector<std::string> Tools(const odw::v1::AgentRequest& request) {
  return {request.tools().begin(), request.tools().end()};
}

TEST(Permission, ThePoolsLimitHoldsAgainstAWiderWish) {
  const PoolLimits limits = {.permission_max = "workspace-write", .network = "no", .tools = {}};
  auto request = Asking("full", "yes", {});
  ASSERT_TRUE(Restrict(limits, &request).ok());
  EXPECT_EQ(request.permission(), "workspace-write");
  EXPECT_EQ(request.network(), "no");
  request = Asking("", "", {});
  ASSERT_TRUE(Restrict(limits, &request).ok());
  EXPECT_EQ(request.network(), "no");
}

TEST(Permission, ANarrowerWishStays) {
  auto request = Asking("read-only", "no", {"Read"});
  ASSERT_TRUE(Restrict({.permission_max = "full", .network = "yes", .tools = {}}, &request).ok());
  EXPECT_EQ(request.permission(), "read-only");
  EXPECT_EQ(request.network(), "no");
  EXPECT_EQ(Tools(request), std::vector<std::string>({"Read"}));
}

TEST(Permission, ToolsAreThoseThatBothAllow) {
  const PoolLimits limits = {.permission_max = "", .network = "", .tools = {"Read", "Bash"}};
  auto request = Asking("", "", {});
  ASSERT_TRUE(Restrict(limits, &request).ok());
  EXPECT_EQ(Tools(request), limits.tools);
  request = Asking("", "", {"Bash(git status:*)", "Write"});
  ASSERT_TRUE(Restrict(limits, &request).ok());
  EXPECT_EQ(Tools(request), std::vector<std::string>({"Bash(git status:*)"}));
  request = Asking("", "", {"Write"});  // an empty list would offer all
  ASSERT_TRUE(Restrict(limits, &request).ok());
  EXPECT_EQ(Tools(request), std::vector<std::string>({kNoTool}));
}

TEST(Permission, AWordThatIsNoneIsRefused) {
  auto request = Asking("everything", "", {});
  EXPECT_FALSE(Restrict({}, &request).ok());
  request = Asking("", "maybe", {});
  EXPECT_FALSE(Restrict({}, &request).ok());
  request = Asking("", "", {});
  EXPECT_FALSE(Restrict({.permission_max = "some", .network = "", .tools = {}}, &request).ok());
}

}  // namespace
}  // namespace odw::executors
