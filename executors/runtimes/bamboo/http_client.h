// HTTP POSTs with streamed answers: libcurl's multi interface driven by the loop, so that hundreds in
// flight need no thread. Loop thread only; no callback comes from inside Post or Cancel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "executors/event_loop.h"

namespace odw::executors {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
};

struct HttpResponse {
  std::string network_error;    // not empty: no whole response came; curl's words
  long status = 0;              // 0 when none came
  absl::Duration retry_after = absl::ZeroDuration();
};

class HttpClient {
 public:
  using RequestId = uint64_t;
  using OnData = std::function<void(std::string_view bytes)>;
  using OnDone = std::function<void(const HttpResponse&)>;

  explicit HttpClient(EventLoop* loop);
  ~HttpClient();

  RequestId Post(HttpRequest request, OnData on_data, OnDone on_done);
  // No callback comes after it.
  void Cancel(RequestId id);

 private:
  struct Transfer;
  static int SocketChanged(void* easy, int socket, int what, void* self, void* socket_data);
  static int TimerChanged(void* multi, long timeout_ms, void* self);
  static size_t BytesCame(char* bytes, size_t size, size_t count, void* transfer);
  void Act(int socket, int events);
  void CollectDone();
  void Remove(Transfer* transfer);

  EventLoop* const loop_;
  void* multi_;
  EventLoop::TimerId timer_ = 0;
  RequestId next_id_ = 1;
  std::string no_proxy_;
  absl::flat_hash_map<int, bool> watched_;
  absl::flat_hash_map<RequestId, std::unique_ptr<Transfer>> transfers_;
};

}  // namespace odw::executors
