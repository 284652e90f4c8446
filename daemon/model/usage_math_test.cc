#include "daemon/model/usage_math.h"

#include <gtest/gtest.h>

namespace odw::model {
namespace {

v1::Usage Paid(const std::string& currency, int64_t micros) {
  v1::Usage usage;
  usage.set_currency(currency);
  usage.set_cost_micros(micros);
  return usage;
}

ExchangeRates Rates() {
  ExchangeRates rates;
  v1::ExchangeRate* rate = rates.Add();
  rate->set_currency("CNY");
  rate->set_per_usd(8);
  return rates;
}

TEST(UsageMath, ATotalOfTotalsKeepsEachCurrency) {
  v1::Usage one, two;
  AddUsage(Paid("USD", 1), &one);
  AddUsage(Paid("CNY", 2), &one);
  AddUsage(Paid("CNY", 4), &two);
  AddUsage(Paid("USD", 8), &two);
  AddUsage(one, &two);
  EXPECT_EQ(two.currency(), "CNY");
  EXPECT_EQ(two.cost_micros(), 6);
  ASSERT_EQ(two.other_costs_size(), 1);
  EXPECT_EQ(two.other_costs(0).micros(), 9);
}

TEST(UsageMath, ATotalHasSoManyCurrenciesAtMost) {
  v1::Usage total;
  for (char c = 'A'; c <= 'Z'; ++c) AddUsage(Paid(std::string("XX") + c, 1), &total);
  EXPECT_EQ(total.other_costs_size(), kCurrenciesMax - 1);
}

TEST(UsageMath, MoneyIsConvertedByWhatADollarBuys) {
  EXPECT_EQ(Convert(16, "CNY", "USD", Rates()), 2);
  EXPECT_EQ(Convert(2, "USD", "CNY", Rates()), 16);
  EXPECT_EQ(Convert(5, "GBP", "GBP", Rates()), 5);
  EXPECT_EQ(Convert(5, "GBP", "USD", Rates()), std::nullopt);
  EXPECT_EQ(Convert(0, "", "USD", Rates()), 0);
}

TEST(UsageMath, WhatHasNoRateIsNamed) {
  v1::Usage usage = Paid("USD", 1);
  AddUsage(Paid("CNY", 8), &usage);
  EXPECT_EQ(CostIn("USD", usage, Rates()).micros, 2);
  AddUsage(Paid("GBP", 1), &usage);
  EXPECT_EQ(CostIn("USD", usage, Rates()).without_rate, "GBP");
}

TEST(UsageMath, AmountsAreShortToRead) {
  EXPECT_EQ(FormatMicros(20'000'000), "20");
  EXPECT_EQ(FormatMicros(20'014'000), "20.01");
  EXPECT_EQ(FormatMicros(350'000), "0.35");
  EXPECT_EQ(FormatMicros(0), "0");
}

}  // namespace
}  // namespace odw::model
