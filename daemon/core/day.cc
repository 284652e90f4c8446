#include "daemon/core/day.h"

#include <algorithm>
#include <cmath>

#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

constexpr int64_t kDayMs = 24 * 3600 * 1000;
// Scripts name models: past this many, one that is new is estimated as a first call is.
constexpr size_t kEstimatesMax = 1000;

Affordance PauseUntilEnd(uint32_t day, const std::string& spent, const std::string& advice) {
  return {.kind = Affordance::Kind::kPauses,
          .why = "day ceiling: " + spent + "; goes on at 00:00 UTC, or " + advice + " and unpause",
          .until_unix_ms = EndOfDayMs(day)};
}

}  // namespace

uint32_t DayOf(int64_t unix_ms) { return static_cast<uint32_t>(std::max<int64_t>(unix_ms, 0) / kDayMs); }

int64_t EndOfDayMs(uint32_t day) { return (static_cast<int64_t>(day) + 1) * kDayMs; }

void DayBook::Charge(uint32_t day, const v1::Usage& usage) {
  if (day < day_) return;
  if (day > day_) usage_.Clear();
  day_ = day;
  model::AddUsage(usage, &usage_);
}

// The newest weighs a quarter.
void DayBook::Learn(const std::string& key, const v1::Usage& usage) {
  const double tokens = model::AllTokens(usage);
  if (!ceilings_.any() || tokens == 0) return;
  const double micros = model::CostIn(ceilings_.cost_currency, usage, ceilings_.exchange).micros;
  if (estimates_.size() >= kEstimatesMax && !estimates_.contains(key)) return;
  const auto [found, first] = estimates_.try_emplace(key, DayHold{.tokens = tokens, .micros = micros});
  if (first) return;
  found->second.tokens += (tokens - found->second.tokens) / 4;
  found->second.micros += (micros - found->second.micros) / 4;
}

DayHold DayBook::Need(const std::string& key, const v1::Model* price) const {
  const auto known = estimates_.find(key);
  if (known != estimates_.end()) return known->second;
  return {.tokens = kFirstTokens,
          .micros = FirstMicros(price, ceilings_.cost_currency, ceilings_.exchange).value_or(0)};
}

void DayBook::Afford(int64_t now_ms, const Node& node, const v1::Model* price,
                     Affordance* afford) const {
  if (!ceilings_.any() || afford->kind != Affordance::Kind::kFits) return;
  if (PlantedBug(Bug::kDayForgotten)) return;
  const std::string& currency = ceilings_.cost_currency;
  if (ceilings_.cost_micros_max > 0 && !FirstMicros(price, currency, ceilings_.exchange)) {
    *afford = {.kind = Affordance::Kind::kRefused,
               .why = NoRateText("the model " + price->name() + " is priced in " + price->currency(),
                                 "the daemon's ceiling for a day is in " + currency,
                                 price->currency())};
    return;
  }
  const uint32_t day = std::max(day_, DayOf(now_ms));
  const v1::Usage used = UsageOn(day);
  const model::Cost cost = model::CostIn(currency, used, ceilings_.exchange);
  afford->day = Need(EstimateKey(node.details->request), price);
  const double tokens_used = model::AllTokens(used);
  const double tokens_max = static_cast<double>(ceilings_.tokens_max);
  const double cost_max = static_cast<double>(ceilings_.cost_micros_max);
  const DayHold held = PlantedBug(Bug::kDayHoldForgotten) ? DayHold() : held_;
  const double tokens_left = tokens_max - tokens_used - held.tokens;
  const double micros_left = cost_max - cost.micros - held.micros;
  const bool counted = cost_max == 0 || cost.without_rate.empty();
  const bool money_fits =
      cost_max == 0 || (counted && micros_left > 0 && afford->day.micros <= micros_left);
  const bool tokens_fit = tokens_max == 0 || afford->day.tokens <= tokens_left;
  if (money_fits && tokens_fit) return;
  if (!holds_.empty()) {
    *afford = {.kind = Affordance::Kind::kWaitsForDay};
  } else if (!counted) {
    *afford = PauseUntilEnd(
        day, cost.without_rate + " was spent today (UTC) and has no rate in " + currency,
        "set budget.exchange." + cost.without_rate + " of odwd");
  } else if (!money_fits) {
    *afford = PauseUntilEnd(
        day,
        model::FormatMicros(cost.micros) + " of " + model::FormatMicros(cost_max) + " " + currency +
            " spent today (UTC) and the next call needs about " +
            model::FormatMicros(afford->day.micros),
        "raise budget.day_cost_max of odwd");
  } else if (tokens_left >= LeastOf(node)) {
    const auto most = static_cast<uint64_t>(tokens_left);
    afford->day.tokens = tokens_left;
    afford->output_tokens_max =
        afford->output_tokens_max > 0 ? std::min(afford->output_tokens_max, most) : most;
  } else {
    *afford = PauseUntilEnd(day,
                                 std::to_string(static_cast<int64_t>(tokens_used)) + " of " +
                                     std::to_string(ceilings_.tokens_max) +
                                     " tokens used today (UTC)",
                                 "raise budget.day_tokens_max of odwd");
  }
}

std::string DayBook::PassedBy(int64_t now_ms, const v1::Usage& in_flight) const {
  if (!ceilings_.any()) return "";
  v1::Usage all = UsageOn(std::max(day_, DayOf(now_ms)));
  model::AddUsage(in_flight, &all);
  const double micros = model::CostIn(ceilings_.cost_currency, all, ceilings_.exchange).micros;
  const bool tokens = ceilings_.tokens_max > 0 &&
                      model::AllTokens(all) > static_cast<double>(ceilings_.tokens_max);
  const bool money =
      ceilings_.cost_micros_max > 0 && micros > static_cast<double>(ceilings_.cost_micros_max);
  return tokens || money ? "the day's (UTC) is used up" : "";
}

void DayBook::Hold(const std::string& token, const DayHold& hold) {
  if (!ceilings_.any() || !holds_.emplace(token, hold).second) return;
  held_.tokens += hold.tokens;
  held_.micros += hold.micros;
}

void DayBook::Release(const std::string& token) {
  const auto found = holds_.find(token);
  if (found == holds_.end()) return;
  held_.tokens -= found->second.tokens;
  held_.micros -= found->second.micros;
  holds_.erase(found);
  if (holds_.empty()) held_ = {};  // sums of doubles drift
}

}  // namespace odw::core
