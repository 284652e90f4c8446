#include "tests/sim/day_check.h"

#include <algorithm>

namespace odw::sim {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;
constexpr double kRounding = 1e-6;

bool IsAway(const core::World& world, const std::string& token) {
  const core::TokenRef& ref = world.tokens.at(token);
  for (const core::Attempt& attempt : ref.run->node(ref.node).attempts) {
    if (attempt.number != ref.attempt) continue;
    const auto executor = world.executors.find(attempt.executor_id);
    return executor == world.executors.end() || !executor->second->connected();
  }
  return true;
}

}  // namespace

bool Exchange(const Purse& purse, const std::string& currency, const model::ExchangeRates& rates,
              double* micros) {
  std::map<std::string, double> per_usd = {{"USD", 1}};
  for (const v1::ExchangeRate& rate : rates) per_usd[rate.currency()] = rate.per_usd();
  *micros = 0;
  bool all = true;
  for (const auto& [of, amount] : purse) {
    if (of == currency) {
      *micros += static_cast<double>(amount);
    } else if (per_usd.contains(of) && per_usd.contains(currency)) {
      *micros += static_cast<double>(amount) / per_usd[of] * per_usd[currency];
    } else {
      all = false;
    }
  }
  return all;
}

void Put(const v1::Usage& usage, Purse* purse) {
  if (usage.cost_micros() > 0) (*purse)[usage.currency()] += usage.cost_micros();
}

// The clock may be set back over midnight; days do not.
uint32_t DayCheck::Today() const {
  const auto day = static_cast<uint32_t>(absl::ToUnixMillis(context_->now) / kDayMs);
  return days_.empty() ? day : std::max(day, days_.rbegin()->first);
}

DayCheck::Used DayCheck::UsedToday() const {
  const auto found = days_.find(Today());
  return found == days_.end() ? Used() : found->second;
}

void DayCheck::OnBoot() {
  days_.clear();
  started_ = false;
}

void DayCheck::Charge(int64_t unix_ms, const v1::Usage& usage, uint32_t* run_day) {
  *run_day = std::max(*run_day, static_cast<uint32_t>(unix_ms / kDayMs));
  Used& used = days_[*run_day];
  used.tokens += static_cast<double>(usage.input_tokens() + usage.cached_input_tokens() + usage.output_tokens());
  Put(usage, &used.purse);
}

void DayCheck::OnStarted(const std::string& name) {
  if (!ceilings_.any()) return;
  started_ = true;
  const Used used = UsedToday();
  if (ceilings_.tokens_max > 0 && used.tokens >= static_cast<double>(ceilings_.tokens_max))
    Broken(name + " was started past the day's tokens");
  double micros = 0;
  if (ceilings_.cost_micros_max == 0) return;
  if (!Exchange(used.purse, ceilings_.cost_currency, ceilings_.exchange, &micros))
    Broken(name + " was started though the day has used money without a rate");
  if (micros >= static_cast<double>(ceilings_.cost_micros_max))
    Broken(name + " was started past the day's money");
}

void DayCheck::OnPaused(const std::string& name, const v1::RunPaused& paused) const {
  if (paused.until_unix_ms() == 0) return;
  if (!ceilings_.any()) Broken(name + " was paused by a day that has no ceiling");
  if (paused.until_unix_ms() != (static_cast<int64_t>(Today()) + 1) * kDayMs)
    Broken(name + " was paused until something else than midnight");
  context_->Passed("budget: the day pauses a run");
}

void DayCheck::OnUnpaused(const std::string& name, const v1::RunUnpaused& unpaused,
                          int64_t until_ms) const {
  if (until_ms == 0) return;
  const bool over = absl::ToUnixMillis(context_->now) >= until_ms;
  const bool by_itself = unpaused.by() == "the next day";
  if (by_itself && !over) Broken(name + " goes on before its day is over");
  context_->Passed(by_itself ? "budget: the next day lets it go on" : "budget: unpaused before the next day");
}

void DayCheck::After(const core::World& world) {
  if (!ceilings_.any()) return;
  size_t live = 0, away = 0;
  for (const auto& [run_id, run] : world.runs) {
    live += run->live.tokens.size();
    for (const std::string& token : run->live.tokens) away += IsAway(world, token);
  }
  // One that may be gone for ever holds nothing.
  if (world.day.holds() > live || world.day.holds() + away < live) {
    Broken(std::to_string(world.day.holds()) + " attempts hold something of the day, and " +
           std::to_string(live) + " are in flight");
  }
  if (!std::exchange(started_, false)) return;
  const Used used = UsedToday();
  const core::DayHold held = world.day.held();
  double micros = 0;
  Exchange(used.purse, ceilings_.cost_currency, ceilings_.exchange, &micros);
  const bool tokens_fit = ceilings_.tokens_max == 0 ||
                          used.tokens + held.tokens <= static_cast<double>(ceilings_.tokens_max) + kRounding;
  const bool money_fits =
      ceilings_.cost_micros_max == 0 ||
      micros + held.micros <= static_cast<double>(ceilings_.cost_micros_max) + kRounding;
  if (!tokens_fit || !money_fits) Broken("what is used and held passes the day's ceiling");
}

}  // namespace odw::sim
