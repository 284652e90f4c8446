#include "executors/runtimes/bamboo/endpoint.h"

#include <stdlib.h>

#include <algorithm>

#include "executors/runtimes/bamboo/provider.h"

namespace odw::executors {
namespace {

constexpr char kKeyEnd[] = "_API_KEY";

std::string Variable(const std::string& name) {
  const char* value = name.empty() ? nullptr : getenv(name.c_str());
  return value != nullptr ? value : "";
}

// DEEPSEEK_API_KEY -> DEEPSEEK_BASE_URL
std::string Beside(const std::string& key_variable, const std::string& end) {
  const size_t cut = key_variable.size() - (sizeof kKeyEnd - 1);
  return key_variable.substr(0, cut) + end;
}

// Fills in what the environment says of a known provider. False: it has no key there.
bool FromVariables(const Provider& known, Endpoint* endpoint, std::string* base_url) {
  for (const std::string& variable : known.key_variables) {
    endpoint->key = Variable(variable);
    if (endpoint->key.empty()) continue;
    *base_url = Variable(Beside(variable, "_BASE_URL"));
    endpoint->model = Variable(Beside(variable, "_MODEL"));
    return true;
  }
  return false;
}

void Complete(const std::string& base_url, Endpoint* endpoint) {
  endpoint->url = CompletionsUrl(endpoint->provider, base_url);
  endpoint->headers = {"Content-Type: application/json",
                       "Accept: text/event-stream, application/json",
                       "Authorization: Bearer " + endpoint->key, "Expect:"};
  if (endpoint->known == nullptr) return;
  if (endpoint->known->key_header) endpoint->headers.push_back("api-key: " + endpoint->key);
  if (endpoint->model.empty()) endpoint->model = endpoint->known->model;
}

// Of a known provider. A base URL counts beside its key; without a key it is shown all the same.
ProviderSetup SetupOf(const Provider& known) {
  ProviderSetup setup{.provider = known.name, .key_variable = known.key_variables[0]};
  std::string base_url;
  for (const std::string& variable : known.key_variables) {
    setup.key_present = !Variable(variable).empty();
    if (!setup.key_present && !base_url.empty()) continue;
    base_url = Variable(Beside(variable, "_BASE_URL"));
    setup.model = Variable(Beside(variable, "_MODEL"));
    if (setup.key_present || !base_url.empty()) setup.key_variable = variable;
    if (setup.key_present) break;
  }
  setup.base_url = base_url.empty() ? known.base_url : base_url;
  if (setup.model.empty()) setup.model = known.model;
  return setup;
}

absl::Status CheckUrl(const std::string& base_url, const std::string& from) {
  if (base_url.rfind("http://", 0) == 0 || base_url.rfind("https://", 0) == 0)
    return absl::OkStatus();
  return absl::InvalidArgumentError("the base URL in " + from +
                                    " must start with http:// or https://");
}

absl::StatusOr<Endpoint> Configured(const BambooConfig& config) {
  Endpoint endpoint{.provider = config.provider, .known = FindProvider(config.provider)};
  std::string base_url;
  if (endpoint.known != nullptr) FromVariables(*endpoint.known, &endpoint, &base_url);
  if (const std::string url = Variable(config.base_url_env); !url.empty()) base_url = url;
  if (const std::string key = Variable(config.key_env); !key.empty()) endpoint.key = key;
  if (base_url.empty() && endpoint.known != nullptr) base_url = endpoint.known->base_url;
  const auto missing = [](const char* what, const std::string& name) {
    return absl::InvalidArgumentError("the bamboo runtime needs " + std::string(what) +
                                      " in the environment variable " + name +
                                      ": set it and start again");
  };
  if (base_url.empty()) return missing("the provider's base URL", config.base_url_env);
  if (endpoint.key.empty()) {
    return missing("the provider's key",
                   endpoint.known != nullptr ? endpoint.known->key_variables[0] : config.key_env);
  }
  ODW_RETURN_IF_ERROR(CheckUrl(base_url, config.base_url_env));
  if (!config.model.empty()) endpoint.model = config.model;
  Complete(base_url, &endpoint);
  endpoint.models = config.models;
  if (endpoint.known != nullptr) endpoint.price = ListPrice(endpoint.model);
  if (!config.currency.empty()) {
    endpoint.price = {.currency = config.currency,
                      .input_micros_per_mtok = config.input_micros_per_mtok,
                      .cached_micros_per_mtok = config.cached_micros_per_mtok,
                      .output_micros_per_mtok = config.output_micros_per_mtok,
                      .context_tokens = endpoint.price.context_tokens};
  }
  if (config.context_tokens > 0) endpoint.price.context_tokens = config.context_tokens;
  return endpoint;
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> EndpointsFromEnvironment(const BambooConfig& config) {
  std::vector<Endpoint> endpoints;
  absl::StatusOr<Endpoint> configured = Configured(config);
  if (configured.ok()) endpoints.push_back(*std::move(configured));
  for (const Provider& known : KnownProviders()) {
    if (known.name == config.provider) continue;
    Endpoint endpoint{.provider = known.name, .known = &known};
    std::string base_url;
    if (!FromVariables(known, &endpoint, &base_url)) continue;
    if (base_url.empty()) base_url = known.base_url;
    ODW_RETURN_IF_ERROR(CheckUrl(base_url, Beside(known.key_variables[0], "_BASE_URL")));
    Complete(base_url, &endpoint);
    endpoint.price = ListPrice(endpoint.model);
    endpoints.push_back(std::move(endpoint));
  }
  // Without the config's own provider any other will do, unless the config asked for it by name.
  const bool asked = config.provider != BambooConfig().provider;
  if (!configured.ok() && (asked || endpoints.empty())) return configured.status();
  return endpoints;
}

std::vector<ProviderSetup> ProviderSetups(const BambooConfig& config) {
  std::vector<ProviderSetup> setups;
  ProviderSetup own{.provider = config.provider, .key_variable = config.key_env};
  if (const Provider* known = FindProvider(config.provider)) own = SetupOf(*known);
  const std::string own_url = Variable(config.base_url_env);
  if (!own_url.empty()) own.base_url = own_url;
  if (!Variable(config.key_env).empty()) {
    own.key_variable = config.key_env;
    own.key_present = true;
  }
  if (!config.model.empty()) own.model = config.model;
  const bool named = config.provider != BambooConfig().provider;
  if (named || own.key_present || !own_url.empty()) setups.push_back(std::move(own));
  for (const Provider& known : KnownProviders()) {
    if (known.name == config.provider) continue;
    ProviderSetup setup = SetupOf(known);
    if (setup.key_present || setup.base_url != known.base_url) setups.push_back(std::move(setup));
  }
  return setups;
}

Price PriceFor(const Endpoint& endpoint, const std::string& model) {
  if (model == endpoint.model) return endpoint.price;
  Price price = endpoint.known != nullptr ? ListPrice(model) : Price();
  if (price.context_tokens == 0) price.context_tokens = endpoint.price.context_tokens;
  return price;
}

const Endpoint* ChooseEndpoint(const std::vector<Endpoint>& endpoints, const std::string& provider,
                               const std::string& model) {
  for (const Endpoint& endpoint : endpoints) {
    const bool offers =
        std::find(endpoint.models.begin(), endpoint.models.end(), model) != endpoint.models.end() ||
        endpoint.model == model;
    if (provider.empty() ? offers && !model.empty() : endpoint.provider == provider)
      return &endpoint;
  }
  return provider.empty() ? &endpoints.front() : nullptr;
}

}  // namespace odw::executors
