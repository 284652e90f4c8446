// odwd's HTTP face on loopback: /metrics and /healthz. Nothing runs unless Start is called.
//
// Threads: Start and destruction by one thread; `healthy` is called on civetweb's.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/status.h"

namespace odw::metrics {
class Metrics;
}

namespace odw::http {

struct HttpOptions {
  std::string listen;  // "127.0.0.1:9700"; port 0 lets the system choose
  const metrics::Metrics* metrics = nullptr;
  // /healthz answers 200 "ok", or 503 with the message.
  std::function<absl::Status()> healthy;
};

class HttpServer {
 public:
  // Unavailable when the address is taken.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(HttpOptions options);
  // Waits for requests under way.
  ~HttpServer();

  // As bound, e.g. "127.0.0.1:9700".
  const std::string& address() const { return address_; }

 private:
  HttpServer() = default;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::string address_;
};

}  // namespace odw::http
