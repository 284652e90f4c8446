#include "executors/credential.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

TEST(Credential, OneKeyHasOneIdWhichDoesNotTellIt) {
  const std::string id = KeyId("sk-secret-1");
  EXPECT_EQ(id.size(), 12u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
  EXPECT_EQ(KeyId("sk-secret-1"), id);
  EXPECT_NE(KeyId("sk-secret-2"), id);
  // Of other hosts, and of releases to come.
  EXPECT_EQ(KeyId("sk-secret-1"), "d8e5953e2167");
}

TEST(Credential, AnUnknownKeyHasNone) {
  odw::v1::Register reg;
  AddCredential("anthropic", "", &reg);
  EXPECT_EQ(reg.credentials_size(), 0);
  AddCredential("kimi", "sk-secret-1", &reg);
  ASSERT_EQ(reg.credentials_size(), 1);
  EXPECT_EQ(reg.credentials(0).provider(), "kimi");
  EXPECT_EQ(reg.ShortDebugString().find("sk-secret-1"), std::string::npos);
}

}  // namespace
}  // namespace odw::executors
