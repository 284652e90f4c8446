// The providers that this process can reach: an address, a key and what is known of each. The key
// is sent as a header and appears nowhere else. Read once at start; thread-safe after.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "executors/config.h"
#include "executors/runtimes/bamboo/provider_table.h"
#include "executors/usage.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct Endpoint {
  std::string provider;
  const Provider* known = nullptr;  // null: not in the table
  std::string url;                  // of completions
  std::string key;
  std::string model;                 // for requests that name none; may be empty
  std::vector<std::string> models;   // further ones that are offered
  Price price;                       // of `model`
  std::vector<std::string> headers;  // of a request, the key's too
};

// The config's provider, which comes first, and every known one whose key stands in the
// environment. InvalidArgument, naming the variables, when the config's has no address or no key.
absl::StatusOr<std::vector<Endpoint>> EndpointsFromEnvironment(const BambooConfig& config);

// What the environment and the config say of a provider, complete or not. Holds no key.
struct ProviderSetup {
  std::string provider;
  std::string base_url;      // as it stands in the environment or the table; may hold user info
  std::string key_variable;  // that holds the key, or that would
  bool key_present = false;
  std::string model;
};

// The config's provider where it is named or anything of it is set, then each known one whose key
// or base URL stands in the environment.
std::vector<ProviderSetup> ProviderSetups(const BambooConfig& config);

// Of any model there: unpriced where neither the config nor the list of prices has it. Its context
// is taken to be the endpoint's own model's where it is not known.
Price PriceFor(const Endpoint& endpoint, const std::string& model);

// The one that a request means: its provider, else the first that offers its model by name, else
// the first. Null when it names a provider that is not served here.
const Endpoint* ChooseEndpoint(const std::vector<Endpoint>& endpoints, const std::string& provider,
                               const std::string& model);

}  // namespace odw::executors
