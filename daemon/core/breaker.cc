#include "daemon/core/breaker.h"

#include <algorithm>

#include "daemon/core/lanes.h"
#include "daemon/model/error_table.h"

namespace odw::core {
namespace {

constexpr uint32_t kFailuresMax = 5;
constexpr absl::Duration kFirstHold = absl::Seconds(2);
constexpr absl::Duration kHoldMax = absl::Minutes(1);
constexpr size_t kMessageBytesMax = 500;

// The next call would fare no better, whatever it asks for.
bool SpeaksOfTheProvider(v1::ErrorCategory category) {
  return category == v1::AUTH || category == v1::QUOTA || category == v1::NETWORK ||
         category == v1::OVERLOADED;
}

// The provider was reached, took the key and looked at the call.
bool ProviderHasAnswered(v1::ErrorCategory category) {
  return category == v1::RATE_LIMIT || category == v1::REFUSED || category == v1::CONTEXT_LENGTH ||
         category == v1::MODEL_NOT_FOUND || category == v1::SCHEMA;
}

// Which of its keys an executor would use; null: not told.
const v1::Credential* CredentialFor(const v1::Register& executor, const std::string& provider) {
  for (const v1::Credential& credential : executor.credentials()) {
    if (credential.provider() == provider) return &credential;
  }
  const bool only_one = provider.empty() && executor.credentials_size() == 1;
  return only_one ? &executor.credentials(0) : nullptr;
}

}  // namespace

std::string Breakers::NameOf(const v1::Register& executor, const std::string& provider) {
  const v1::Credential* used = CredentialFor(executor, provider);
  const std::string lane = Lanes::NameOf(executor.runtime(), used ? used->provider() : provider);
  return lane.empty() ? "" : lane + '\0' + (used ? used->key_id() : "");
}

bool Breakers::Admits(const std::string& name, absl::Time now) const {
  const auto found = circuits_.find(name);
  if (found == circuits_.end() || !found->second.open) return true;
  return found->second.until <= now && found->second.probe.empty();
}

std::optional<Breakers::Shut> Breakers::ShutAt(const std::string& name, absl::Time now) const {
  const auto found = circuits_.find(name);
  if (found == circuits_.end()) return std::nullopt;
  const Circuit& circuit = found->second;
  if (!circuit.open || circuit.until <= now) return std::nullopt;
  Shut shut{.until = circuit.until, .error = circuit.last, .fresh = circuit.fresh};
  shut.error.set_message("not sent: the last " + std::to_string(circuit.failures) + " calls failed with " +
                         model::InfoOf(circuit.last.category()).name + ": " +
                         circuit.last.message());
  const int64_t wait = absl::ToInt64Milliseconds(circuit.until - now);
  shut.error.set_retry_after_ms(static_cast<uint32_t>(std::max<int64_t>(wait, 1)));
  return shut;
}

void Breakers::EndStep() {
  if (open_ == 0) return;
  for (auto& [name, circuit] : circuits_) circuit.fresh = false;
}

void Breakers::Start(const std::string& name, const std::string& token) {
  if (name.empty()) return;
  under_way_[token] = {.circuit = name, .serial = ++last_serial_};
  const auto found = circuits_.find(name);
  if (found != circuits_.end() && found->second.open) found->second.probe = token;
}

void Breakers::Close(Circuit* circuit) {
  if (circuit->open) --open_;
  *circuit = Circuit{.opened_at = circuit->opened_at};
}

void Breakers::Succeeded(const std::string& token) {
  const auto attempt = under_way_.find(token);
  if (attempt == under_way_.end()) return;
  const auto found = circuits_.find(attempt->second.circuit);
  if (found == circuits_.end() || attempt->second.serial <= found->second.opened_at) return;
  if (found->second.open) return Close(&found->second);
  circuits_.erase(found);
}

void Breakers::Failed(const std::string& token, const v1::Error& error, absl::Time now) {
  if (ProviderHasAnswered(error.category())) return Succeeded(token);
  const auto attempt = under_way_.find(token);
  if (!SpeaksOfTheProvider(error.category()) || attempt == under_way_.end()) return;
  const std::string& name = attempt->second.circuit;
  Circuit& circuit = circuits_[name];
  if (attempt->second.serial <= circuit.opened_at) return;
  circuit.last = error;
  circuit.last.set_message(error.message().substr(0, kMessageBytesMax));
  if (++circuit.failures < kFailuresMax) return;
  if (!circuit.open) ++open_;
  circuit.hold = circuit.open ? std::min(circuit.hold * 2, kHoldMax) : kFirstHold;
  circuit.open = circuit.fresh = true;
  circuit.until = now + circuit.hold;
  circuit.opened_at = last_serial_;
}

void Breakers::Release(const std::string& token) {
  const auto attempt = under_way_.find(token);
  if (attempt == under_way_.end()) return;
  const auto circuit = circuits_.find(attempt->second.circuit);
  if (circuit != circuits_.end() && circuit->second.probe == token) circuit->second.probe.clear();
  under_way_.erase(attempt);
}

std::string Breakers::WhyShut(const std::string& name) const {
  const auto found = circuits_.find(name);
  if (found == circuits_.end() || !found->second.open) return "";
  return std::to_string(found->second.failures) + " calls in a row failed with " +
         model::InfoOf(found->second.last.category()).name + ": " + found->second.last.message();
}

std::vector<Breakers::Open> Breakers::AllOpen(absl::Time now) const {
  std::vector<std::string> names;
  for (const auto& [name, circuit] : circuits_) {
    if (circuit.open) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  std::vector<Open> all;
  for (const std::string& name : names) {
    const Circuit& circuit = circuits_.at(name);
    const size_t provider = name.find('\0') + 1, key = name.rfind('\0') + 1;
    all.push_back({.runtime = name.substr(0, provider - 1),
                   .provider = name.substr(provider, key - 1 - provider),
                   .key_id = name.substr(key),
                   .retry_at = std::max(circuit.until, now),
                   .why = WhyShut(name)});
  }
  return all;
}

}  // namespace odw::core
