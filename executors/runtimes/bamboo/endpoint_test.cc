#include "executors/runtimes/bamboo/endpoint.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace odw::executors {
namespace {

// An environment without any provider, with what a test sets.
class Setups : public testing::Test {
 protected:
  Setups() {
    for (const Provider& known : KnownProviders()) {
      for (const std::string& variable : known.key_variables) {
        const std::string stem = variable.substr(0, variable.rfind("_API_KEY"));
        for (const char* end : {"_API_KEY", "_BASE_URL", "_MODEL"}) {
          unsetenv((stem + end).c_str());
        }
      }
    }
    unsetenv("ODW_BAMBOO_API_KEY");
    unsetenv("ODW_BAMBOO_BASE_URL");
  }
  ~Setups() override {
    for (const std::string& name : set_) unsetenv(name.c_str());
  }
  void Set(const std::string& name, const std::string& value) {
    setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }

 private:
  std::vector<std::string> set_;
};

TEST_F(Setups, AreNoneWithoutAnyVariable) { EXPECT_TRUE(ProviderSetups({}).empty()); }

TEST_F(Setups, TellTheVariableThatHoldsTheKey) {
  Set("MOONSHOT_API_KEY", "sk-x");
  Set("MOONSHOT_BASE_URL", "http://h/v1");
  const std::vector<ProviderSetup> setups = ProviderSetups({});
  ASSERT_EQ(setups.size(), 1u);
  EXPECT_EQ(setups[0].provider, "kimi");
  EXPECT_EQ(setups[0].key_variable, "MOONSHOT_API_KEY");
  EXPECT_TRUE(setups[0].key_present);
  EXPECT_EQ(setups[0].base_url, "http://h/v1");
  EXPECT_EQ(setups[0].model, FindProvider("kimi")->model);
}

TEST_F(Setups, ARequestWithoutAProviderGoesWhereItsModelIsOffered) {
  Set("DEEPSEEK_API_KEY", "sk-x");
  Set("ZHIPU_API_KEY", "sk-y");
  const auto endpoints = EndpointsFromEnvironment({});
  ASSERT_TRUE(endpoints.ok());
  EXPECT_EQ(ChooseEndpoint(*endpoints, "", "")->provider, "deepseek");
  EXPECT_EQ(ChooseEndpoint(*endpoints, "", "glm-5.1")->provider, "zhipu");
  EXPECT_EQ(ChooseEndpoint(*endpoints, "", "unheard-of")->provider, "deepseek");
  EXPECT_EQ(ChooseEndpoint(*endpoints, "zhipu", "deepseek-v4-pro")->provider, "zhipu");
  EXPECT_EQ(ChooseEndpoint(*endpoints, "nobody", ""), nullptr);
}

TEST_F(Setups, AnotherModelIsNotAtTheUsualOnesPrice) {
  Set("ZHIPU_API_KEY", "sk-y");
  const auto endpoints = EndpointsFromEnvironment({});
  ASSERT_TRUE(endpoints.ok());
  EXPECT_EQ(PriceFor(endpoints->front(), "glm-5.1").currency, "CNY");
  EXPECT_EQ(PriceFor(endpoints->front(), "glm-6").currency, "");
  EXPECT_EQ(PriceFor(endpoints->front(), "glm-6").context_tokens, 200'000u);
}

TEST_F(Setups, ShowABaseUrlWhoseKeyIsMissing) {
  Set("DEEPSEEK_BASE_URL", "http://h");
  const std::vector<ProviderSetup> setups = ProviderSetups({});
  ASSERT_EQ(setups.size(), 1u);
  EXPECT_FALSE(setups[0].key_present);
  EXPECT_EQ(setups[0].key_variable, "DEEPSEEK_API_KEY");
  EXPECT_EQ(setups[0].base_url, "http://h");
}

TEST_F(Setups, BeginWithTheProviderThatTheConfigNames) {
  Set("DEEPSEEK_API_KEY", "sk-x");
  BambooConfig config;
  config.provider = "zhipu";
  const std::vector<ProviderSetup> setups = ProviderSetups(config);
  ASSERT_EQ(setups.size(), 2u);
  EXPECT_EQ(setups[0].provider, "zhipu");
  EXPECT_FALSE(setups[0].key_present);
  EXPECT_EQ(setups[0].base_url, FindProvider("zhipu")->base_url);
  EXPECT_EQ(setups[1].provider, "deepseek");
}

TEST_F(Setups, AgreeWithTheEndpoints) {
  Set("ODW_BAMBOO_BASE_URL", "http://own/v1");
  Set("ODW_BAMBOO_API_KEY", "sk-x");
  Set("QWEN_API_KEY", "sk-y");
  const std::vector<ProviderSetup> setups = ProviderSetups({});
  const auto endpoints = EndpointsFromEnvironment({});
  ASSERT_TRUE(endpoints.ok());
  ASSERT_EQ(setups.size(), endpoints->size());
  for (size_t i = 0; i < setups.size(); ++i) {
    EXPECT_EQ(setups[i].provider, (*endpoints)[i].provider);
    EXPECT_EQ(setups[i].model, (*endpoints)[i].model);
    EXPECT_TRUE(setups[i].key_present);
  }
}

}  // namespace
}  // namespace odw::executors
