#include "executors/doctor/reach.h"

#include <curl/curl.h>
#include <stdlib.h>

#include <memory>

#include "daemon/base/check.h"
#include "daemon/base/version.h"

namespace odw::executors {
namespace {

// A status is all that is wanted: the body's first byte ends the transfer.
size_t RefuseBody(char*, size_t, size_t, void*) { return 0; }

CURL* Begin(CURLM* multi, const std::string& url, const std::string& no_proxy, size_t index) {
  CURL* const easy = curl_easy_init();
  ODW_CHECK(easy != nullptr);
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &RefuseBody);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, reinterpret_cast<char*>(index));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(kReachMs));
  curl_easy_setopt(easy, CURLOPT_NOPROXY, no_proxy.c_str());
  const std::string agent = std::string("odw-executor/") + kVersion;
  curl_easy_setopt(easy, CURLOPT_USERAGENT, agent.c_str());
  ODW_CHECK(curl_multi_add_handle(multi, easy) == CURLM_OK);
  return easy;
}

void Collect(CURLM* multi, std::vector<Reach>* found) {
  int left;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    char* index = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &index);
    Reach& reach = (*found)[reinterpret_cast<size_t>(index)];
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &reach.http_status);
    reach.reachable = reach.http_status > 0;
    if (!reach.reachable) reach.problem = curl_easy_strerror(message->data.result);
  }
}

}  // namespace

std::string PublicUrl(const std::string& url) {
  if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0) return "";
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return "";
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                               CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(parts.get(), part, nullptr, 0);
  }
  char* text = nullptr;
  if (curl_url_get(parts.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) return "";
  std::string out = text;
  curl_free(text);
  return out;
}

std::vector<Reach> ReachAll(const std::vector<std::string>& urls) {
  ODW_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
  CURLM* const multi = curl_multi_init();
  ODW_CHECK(multi != nullptr);
  // A proxy in the environment is not for this machine itself.
  std::string no_proxy = "127.0.0.1,localhost,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    if (const char* value = getenv(name)) no_proxy += std::string(",") + value;
  }
  std::vector<Reach> found(urls.size());
  std::vector<CURL*> transfers;
  for (size_t i = 0; i < urls.size(); ++i) {
    const std::string url = PublicUrl(urls[i]);
    if (url.empty()) {
      found[i].problem = "it is no http:// or https:// URL";
    } else {
      transfers.push_back(Begin(multi, url, no_proxy, i));
    }
  }
  for (int running = 1; running > 0;) {
    ODW_CHECK(curl_multi_perform(multi, &running) == CURLM_OK);
    if (running > 0) curl_multi_poll(multi, nullptr, 0, kReachMs, nullptr);
  }
  Collect(multi, &found);
  for (CURL* easy : transfers) {
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
  }
  curl_multi_cleanup(multi);
  return found;
}

}  // namespace odw::executors
