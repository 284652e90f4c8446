#include "daemon/script/rejections.h"

#include <utility>

namespace odw::script {
namespace {

constexpr size_t kKeptMax = 1000;  // a run; more are counted

}  // namespace

Rejections::Rejections(Engine* engine) : engine_(engine) {
  engine->set_user(this);
  engine->isolate()->SetPromiseRejectCallback(OnReject);
}

Rejections::~Rejections() {
  engine_->isolate()->SetPromiseRejectCallback(nullptr);
  engine_->set_user(nullptr);
}

void Rejections::OnReject(v8::PromiseRejectMessage message) {
  v8::Local<v8::Promise> promise = message.GetPromise();
  v8::Isolate* isolate = promise->GetIsolate();
  auto* self = static_cast<Rejections*>(Engine::Of(isolate)->user());
  if (self == nullptr) return;
  if (message.GetEvent() == v8::kPromiseRejectWithNoHandler) {
    if (self->unhandled_.size() >= kKeptMax) {
      ++self->more_;
      return;
    }
    v8::Local<v8::Value> reason = message.GetValue();
    if (reason.IsEmpty()) reason = v8::Undefined(isolate);
    self->unhandled_.push_back(
        {v8::Global<v8::Promise>(isolate, promise), v8::Global<v8::Value>(isolate, reason)});
  } else if (message.GetEvent() == v8::kPromiseHandlerAddedAfterReject) {
    // Newest first: a handler mostly comes soon after.
    for (size_t i = self->unhandled_.size(); i-- > 0;) {
      if (self->unhandled_[i].promise != promise) continue;
      self->unhandled_.erase(self->unhandled_.begin() + static_cast<ptrdiff_t>(i));
      return;
    }
  }
}

Rejections::Batch Rejections::Take(v8::Local<v8::Promise> except) {
  Batch batch;
  v8::Isolate* isolate = engine_->isolate();
  for (const Entry& entry : unhandled_) {
    if (entry.promise == except) continue;
    batch.reasons.push_back(entry.reason.Get(isolate));
  }
  batch.more = std::exchange(more_, 0);
  unhandled_.clear();
  return batch;
}

}  // namespace odw::script
