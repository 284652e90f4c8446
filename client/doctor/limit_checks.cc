#include "client/doctor/limit_checks.h"

#include <algorithm>

#include "client/output/text.h"

namespace odw::client {
namespace {

constexpr int64_t kDayMillis = 86'400'000;

Check ProviderCheck(const v1::ProviderState& state, int64_t now_unix_ms) {
  Check check{"provider " + OneLine(state.runtime()), Verdict::kNote, ""};
  if (!state.provider().empty()) check.name += " " + OneLine(state.provider());
  if (state.open()) check.finding = "not asked at present";
  if (state.concurrency() > 0) {
    check.finding += (check.finding.empty() ? "" : "; ") + std::string("at most ") +
                     std::to_string(state.concurrency()) + " at a time";
  }
  if (state.retry_unix_ms() > 0) {
    const int64_t left = std::max<int64_t>(0, state.retry_unix_ms() - now_unix_ms);
    check.finding += (check.finding.empty() ? "" : "; ") + std::string("asked again at ") +
                     FormatUnixMillis(state.retry_unix_ms()) + " (in " + FormatMillis(left) + ")";
  }
  if (!state.key_id().empty()) check.finding += "; with the key " + OneLine(state.key_id());
  if (!state.why().empty()) check.finding += ": " + OneLine(state.why());
  if (state.open()) {
    check.next_step = "Its calls fail likewise, or wait for their next try. If the cause stays, mend "
                      "its key or address.";
  }
  return check;
}

// In the ceiling's currency; other money is not held against it here.
int64_t SpentIn(const std::string& currency, const v1::Usage& usage) {
  if (usage.currency() == currency) return usage.cost_micros();
  for (const v1::Money& other : usage.other_costs()) {
    if (other.currency() == currency) return other.micros();
  }
  return 0;
}

Check TodayCheck(const v1::DayUsage& today, int64_t now_unix_ms) {
  Check check{"today", Verdict::kGood, ""};
  const uint64_t tokens = TotalTokens(today.usage());
  check.finding = FormatCount(tokens);
  if (today.tokens_max() > 0) check.finding += " of " + FormatCount(today.tokens_max());
  check.finding += " tokens";
  const std::string cost = FormatCost(today.usage());
  if (!cost.empty()) check.finding += ", " + cost;
  if (today.cost_micros_max() > 0) {
    if (cost.empty()) check.finding += ", nothing";
    check.finding += " of " + FormatMoney(today.cost_micros_max(), today.cost_currency());
  }
  check.finding += " since 00:00 UTC";
  const bool met =
      (today.tokens_max() > 0 && tokens >= today.tokens_max()) ||
      (today.cost_micros_max() > 0 &&
       SpentIn(today.cost_currency(), today.usage()) >= today.cost_micros_max());
  if (!met) return check;
  check.verdict = Verdict::kNote;
  check.finding += "; the day's ceiling is met";
  check.next_step = "Runs go on in " + FormatMillis(kDayMillis - now_unix_ms % kDayMillis) +
                    ", or raise the ceiling in odwd's settings.";
  return check;
}

}  // namespace

std::vector<Check> LimitChecks(const v1::Info& info, int64_t now_unix_ms) {
  std::vector<Check> checks;
  for (const v1::ProviderState& state : info.providers()) {
    checks.push_back(ProviderCheck(state, now_unix_ms));
  }
  const v1::DayUsage& today = info.today();
  if (info.has_today() && (today.tokens_max() > 0 || today.cost_micros_max() > 0)) {
    checks.push_back(TodayCheck(today, now_unix_ms));
  }
  return checks;
}

}  // namespace odw::client
