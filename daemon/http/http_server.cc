#include "daemon/http/http_server.h"

#include <civetweb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "daemon/base/fd.h"
#include "daemon/metrics/metrics.h"

namespace odw::http {
namespace {

constexpr char kThreads[] = "2";
constexpr char kRequestTimeoutMs[] = "5000";
constexpr char kText[] = "text/plain; charset=utf-8";
constexpr char kExposition[] = "text/plain; version=0.0.4; charset=utf-8";

int Answer(mg_connection* connection, int code, const char* reason, const char* type,
           const std::string& body) {
  mg_printf(
      connection,
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
      code, reason, type, body.size());
  mg_write(connection, body.data(), body.size());
  return code;
}

// Null when the method is one that only reads.
const char* RefusedMethod(mg_connection* connection) {
  const char* method = mg_get_request_info(connection)->request_method;
  return std::string(method) == "GET" || std::string(method) == "HEAD" ? nullptr : method;
}

int OnMetrics(mg_connection* connection, void* data) {
  const auto* options = static_cast<const HttpOptions*>(data);
  if (RefusedMethod(connection) != nullptr) {
    return Answer(connection, 405, "Method Not Allowed", kText, "GET only\n");
  }
  return Answer(connection, 200, "OK", kExposition, options->metrics->Render());
}

int OnHealth(mg_connection* connection, void* data) {
  const auto* options = static_cast<const HttpOptions*>(data);
  const absl::Status health = options->healthy ? options->healthy() : absl::OkStatus();
  if (health.ok()) return Answer(connection, 200, "OK", kText, "ok\n");
  return Answer(connection, 503, "Service Unavailable", kText, MessageOf(health) + "\n");
}

int OnOther(mg_connection* connection, void*) {
  return Answer(connection, 404, "Not Found", kText, "there is /metrics and /healthz\n");
}

int BoundPort(mg_context* context) {
  mg_server_port port{};
  return mg_get_server_ports(context, 1, &port) == 1 ? port.port : 0;
}

void Poke(int port) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  // Only wakes the listener; whether anybody accepts does not matter.
  (void)!connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

// civetweb's listener looks at its stop flag every two seconds or when somebody connects: so
// connect.
void StopPromptly(mg_context* context, int port) {
  std::atomic<bool> stopped{false};
  std::thread stopper([&] {
    mg_stop(context);
    stopped = true;
  });
  while (!stopped) {
    Poke(port);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stopper.join();
}

}  // namespace

struct HttpServer::Impl {
  ~Impl() {
    if (context != nullptr) StopPromptly(context, port);
    mg_exit_library();
  }
  HttpOptions options;
  mg_context* context = nullptr;
  int port = 0;
};

HttpServer::~HttpServer() = default;

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(HttpOptions options) {
  mg_init_library(0);
  auto impl = std::make_unique<Impl>();
  impl->options = std::move(options);
  // No document_root: nothing is served from files.
  const char* settings[] = {"listening_ports",
                            impl->options.listen.c_str(),
                            "num_threads",
                            kThreads,
                            "request_timeout_ms",
                            kRequestTimeoutMs,
                            "enable_directory_listing",
                            "no",
                            nullptr};
  const mg_callbacks callbacks{};
  impl->context = mg_start(&callbacks, nullptr, settings);
  if (impl->context == nullptr) {
    return absl::UnavailableError("cannot serve HTTP on " + impl->options.listen +
                                  ": is the address in use? Choose another with --http");
  }
  mg_set_request_handler(impl->context, "/metrics$", OnMetrics, &impl->options);
  mg_set_request_handler(impl->context, "/healthz$", OnHealth, &impl->options);
  mg_set_request_handler(impl->context, "/", OnOther, nullptr);
  std::unique_ptr<HttpServer> server(new HttpServer());
  impl->port = BoundPort(impl->context);
  const std::string& asked = impl->options.listen;
  server->address_ = asked.substr(0, asked.rfind(':') + 1) + std::to_string(impl->port);
  server->impl_ = std::move(impl);
  return server;
}

}  // namespace odw::http
