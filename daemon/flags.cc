#include "daemon/flags.h"

#include <cstdlib>
#include <functional>
#include <map>

namespace odw {

const char kUsage[] =
    "odwd: a self-hosted daemon for agent workflows\n\n"
    "  odwd --data DIR [--config FILE] [--listen ADDR]... [--http 127.0.0.1:PORT]\n\n"
    "  --config FILE               settings (deploy/odwd.example.toml explains every key)\n"
    "  --data DIR                  journal, socket and token; made if missing\n"
    "  --listen ADDR               unix:PATH or loopback IP:PORT; may be given several times\n"
    "                              (default: unix:DATA/odwd.sock)\n"
    "  --http 127.0.0.1:PORT       /metrics and /healthz\n"
    "  --script-hosts N            script hosts that serve runs at the same time\n"
    "  --private                   end when no run is open and no client has called for a while\n"
    "  --private-linger-seconds N  that while (default 60)\n"
    "  --log-level LEVEL           debug, info, warning or error\n"
    "  --version, --help\n";

namespace {

#ifdef ODW_TEST_CLOCK
constexpr bool kTestClock = true;
#else
constexpr bool kTestClock = false;
#endif

absl::StatusOr<uint32_t> Number(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  const unsigned long value = strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value > 1000000) {
    return absl::InvalidArgumentError(flag + " takes a number from 0 to 1000000, not '" + text + "'");
  }
  return static_cast<uint32_t>(value);
}

absl::StatusOr<bool> IsManual(const std::string& clock) {
  if (kTestClock && clock == "manual") return true;
  if (clock == "system") return false;
  return absl::InvalidArgumentError("--clock takes system" +
                                    std::string(kTestClock ? " or manual" : "") + ", not '" + clock +
                                    "'");
}

using Setter = std::function<absl::Status(const std::string&)>;

std::map<std::string, Setter> Setters(config::Config* config, bool* listen_given) {
  return {
      {"--data", [=](const std::string& v) { config->data_dir = v; return absl::OkStatus(); }},
      {"--http", [=](const std::string& v) { config->http_listen = v; return absl::OkStatus(); }},
      {"--log-level", [=](const std::string& v) { config->log_level = v; return absl::OkStatus(); }},
      {"--listen",
       [=](const std::string& v) {
         if (!*listen_given) config->listen.clear();  // flags replace the file's list
         *listen_given = true;
         config->listen.push_back(v);
         return absl::OkStatus();
       }},
      {"--script-hosts",
       [=](const std::string& v) {
         ODW_ASSIGN_OR_RETURN(config->script_hosts_max, Number("--script-hosts", v));
         return absl::OkStatus();
       }},
      {"--private-linger-seconds",
       [=](const std::string& v) {
         ODW_ASSIGN_OR_RETURN(const uint32_t seconds, Number("--private-linger-seconds", v));
         config->private_linger = absl::Seconds(seconds);
         return absl::OkStatus();
       }},
  };
}

}  // namespace

absl::StatusOr<Flags> ParseFlags(int argc, char** argv) {
  std::vector<std::pair<std::string, std::string>> given;
  Flags flags;
  bool private_mode = false;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i], value;
    if (flag == "--version") { flags.show_version = true; continue; }
    if (flag == "--help" || flag == "-h") { flags.show_help = true; continue; }
    if (flag == "--private") { private_mode = true; continue; }
    if (const size_t equals = flag.find('='); equals != std::string::npos) {
      value = flag.substr(equals + 1);
      flag.resize(equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return absl::InvalidArgumentError("'" + flag + "' is unknown or lacks its value; see odwd --help");
    }
    if (flag == "--config") {
      ODW_ASSIGN_OR_RETURN(flags.config, config::LoadConfig(value));
    } else if (flag == "--clock") {
      ODW_ASSIGN_OR_RETURN(flags.manual_clock, IsManual(value));
    } else {
      given.emplace_back(flag, value);
    }
  }
  bool listen_given = false;
  const auto setters = Setters(&flags.config, &listen_given);
  for (const auto& [flag, value] : given) {
    const auto setter = setters.find(flag);
    if (setter == setters.end()) {
      return absl::InvalidArgumentError("unknown flag '" + flag + "'; see odwd --help");
    }
    ODW_RETURN_IF_ERROR(setter->second(value));
  }
  flags.config.private_mode |= private_mode;
  return flags;
}

}  // namespace odw
