// A run's settings, from what the caller asked for over what stands already: the daemon's defaults, or
// the settings of the run that is resumed. Pure; thread-safe.
#pragma once

#include <map>
#include <string>

#include "daemon/base/status.h"
#include "daemon/config/config.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::rpc {

inline constexpr size_t kNameBytesMax = 4096;
inline constexpr int kFallbacksMax = 16;
inline constexpr uint32_t kSchemaTriesMax = 100;

struct SubmitDefaults {
  config::Limits limits;
  std::string default_runtime;
  std::string default_model;
  std::map<std::string, double> exchange;  // config::Budget
  std::vector<std::string> fallback;       // RunSettings.fallback of a run that names none
};

// "`what` is `has` and the limit is ..., naming the setting".
absl::Status TooMuch(const std::string& what, uint64_t has, uint64_t limit,
                     const std::string& setting);

// InvalidArgument for what is wrong, ResourceExhausted for what is too much (naming the limit).
absl::Status CheckOptions(const v1::RunOptions& options);

// The daemon's own, before any option.
v1::RunSettings DefaultSettings(const SubmitDefaults& defaults);

// The daemon's rates of today, in place of those there.
void SetExchange(const SubmitDefaults& defaults, v1::RunSettings* settings);

// What the options name replaces what stands; what they leave empty stays. REQUIRES: CheckOptions.
void ApplyOptions(const v1::RunOptions& options, v1::RunSettings* settings);

// SPEC B13: a phase's model is the default of the calls that belong to it. Replaces those there.
void SetPhaseModels(const std::string& meta_json, v1::RunSettings* settings);

// SPEC O8: in the odw dialect, args.budget.total is the budget when no option is. 0: none.
double BudgetOfArgs(const std::string& args_json);

}  // namespace odw::rpc
