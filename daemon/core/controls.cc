#include "daemon/core/controls.h"

namespace odw::core {

void Controls::OnPause(const PauseRun& pause) {
  world_->Do(Reply{.request = pause.request, .status = absl::UnimplementedError("pause")});
}

void Controls::OnUnpause(const UnpauseRun& unpause) {
  world_->Do(Reply{.request = unpause.request, .status = absl::UnimplementedError("unpause")});
}

void Controls::OnSkip(const SkipNode& skip) {
  world_->Do(Reply{.request = skip.request, .status = absl::UnimplementedError("skip")});
}

void Controls::OnRestart(const RestartNode& restart) {
  world_->Do(Reply{.request = restart.request, .status = absl::UnimplementedError("restart")});
}

}  // namespace odw::core
