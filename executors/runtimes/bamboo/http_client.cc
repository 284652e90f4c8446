#include "executors/runtimes/bamboo/http_client.h"

#include <curl/curl.h>
#include <stdlib.h>

#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/version.h"

namespace odw::executors {
namespace {

constexpr long kConnectTimeoutMs = 30'000;
constexpr long kIdleConnectionsMax = 256;  // kept for the next request

uint32_t ToEpoll(int what) {
  return (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
}

}  // namespace

struct HttpClient::Transfer {
  RequestId id;
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  std::string body;
  OnData on_data;
  OnDone on_done;
};

HttpClient::HttpClient(EventLoop* loop) : loop_(loop) {
  ODW_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  multi_ = curl_multi_init();
  ODW_CHECK(multi_ != nullptr);
  // The C interface takes functions of its own pointer types; ours have the same layout.
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &HttpClient::SocketChanged);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &HttpClient::TimerChanged);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, kIdleConnectionsMax);
  // A proxy in the environment is not for this machine itself.
  no_proxy_ = "127.0.0.1,localhost,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    if (const char* value = getenv(name)) no_proxy_ += std::string(",") + value;
  }
}

HttpClient::~HttpClient() {
  while (!transfers_.empty()) Remove(transfers_.begin()->second.get());
  curl_multi_cleanup(multi_);
  loop_->CancelTimer(timer_);
  for (const auto& [socket, unused] : watched_) loop_->Unwatch(socket);
}

HttpClient::RequestId HttpClient::Post(HttpRequest request, OnData on_data, OnDone on_done) {
  auto owned = std::make_unique<Transfer>();
  Transfer* const transfer = owned.get();
  transfer->id = next_id_++;
  transfer->body = std::move(request.body);
  transfer->on_data = std::move(on_data);
  transfer->on_done = std::move(on_done);
  for (const std::string& header : request.headers) {
    transfer->headers = curl_slist_append(transfer->headers, header.c_str());
  }
  CURL* const easy = transfer->easy = curl_easy_init();
  ODW_CHECK(easy != nullptr);
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer->body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpClient::BytesCame);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_NOPROXY, no_proxy_.c_str());
  curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "");
  const std::string agent = std::string("odw-executor/") + kVersion;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, agent.c_str());
  transfers_.emplace(transfer->id, std::move(owned));
  ODW_CHECK(curl_multi_add_handle(multi_, easy) == CURLM_OK);
  return transfer->id;
}

void HttpClient::Cancel(RequestId id) {
  const auto it = transfers_.find(id);
  if (it != transfers_.end()) Remove(it->second.get());
}

void HttpClient::Remove(Transfer* transfer) {
  curl_multi_remove_handle(multi_, transfer->easy);
  curl_easy_cleanup(transfer->easy);
  curl_slist_free_all(transfer->headers);
  transfers_.erase(transfer->id);
}

int HttpClient::SocketChanged(void*, int socket, int what, void* self, void*) {
  auto* const client = static_cast<HttpClient*>(self);
  if (what == CURL_POLL_REMOVE) {
    if (client->watched_.erase(socket) > 0) client->loop_->Unwatch(socket);
    return 0;
  }
  if (!client->watched_.emplace(socket, true).second) {
    client->loop_->ChangeEvents(socket, ToEpoll(what));
    return 0;
  }
  client->loop_->Watch(socket, ToEpoll(what), [client, socket](uint32_t events) {
    int action = 0;
    if ((events & EPOLLIN) != 0) action |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) action |= CURL_CSELECT_OUT;
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) action |= CURL_CSELECT_ERR;
    client->Act(socket, action);
  });
  return 0;
}

int HttpClient::TimerChanged(void*, long timeout_ms, void* self) {
  auto* const client = static_cast<HttpClient*>(self);
  client->loop_->CancelTimer(client->timer_);
  client->timer_ = 0;
  if (timeout_ms >= 0) {
    client->timer_ = client->loop_->After(absl::Milliseconds(timeout_ms), [client] {
      client->Act(CURL_SOCKET_TIMEOUT, 0);
    });
  }
  return 0;
}

size_t HttpClient::BytesCame(char* bytes, size_t size, size_t count, void* transfer) {
  static_cast<Transfer*>(transfer)->on_data(std::string_view(bytes, size * count));
  return size * count;
}

void HttpClient::Act(int socket, int events) {
  int running;
  curl_multi_socket_action(multi_, socket, events, &running);
  CollectDone();
}

void HttpClient::CollectDone() {
  int left;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    HttpResponse response;
    if (message->data.result != CURLE_OK) response.network_error = curl_easy_strerror(message->data.result);
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &response.status);
    curl_off_t retry_after = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_RETRY_AFTER, &retry_after);
    response.retry_after = absl::Seconds(retry_after);
    const OnDone on_done = std::move(transfer->on_done);
    Remove(transfer);
    on_done(response);
  }
}

}  // namespace odw::executors
