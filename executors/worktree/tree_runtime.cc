#include "executors/worktree/tree_runtime.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>

#include "daemon/base/clock.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "executors/valid_strings.h"
#include "executors/worktree/apply.h"

namespace odw::executors::worktree {
namespace {

constexpr size_t kGitThreads = 4;
constexpr char kIsolation[] = "worktree";

// A value computed on one thread and read on another after it.
template <typename T>
using Slot = std::shared_ptr<std::optional<T>>;

}  // namespace

TreeRuntime::TreeRuntime(EventLoop* loop, std::unique_ptr<Runtime> inner, std::string folder)
    : inner_(std::move(inner)), folder_(std::move(folder)), pool_(loop, kGitThreads) {
  inner_->Bind(this);
}

void TreeRuntime::Describe(odw::v1::Register* out) const {
  inner_->Describe(out);
  out->set_worktrees(true);
}

absl::StatusOr<std::vector<std::string>> TreeRuntime::Adopt(
    const std::function<bool(const std::string& token)>& stored) {
  records_ = LoadRecords(folder_);
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> adopted, inner_->Adopt(stored));
  const std::set<std::string> alive(adopted.begin(), adopted.end());
  const std::map<std::string, TreeRecord> found = records_;
  for (const auto& [token, record] : found) {
    if (alive.contains(token)) continue;
    if (!record.made() || record.saved) {
      // It died while git made the tree, with nothing in it yet; or while it was removed.
      Remove(token);
    } else {
      Sweep(record);
    }
  }
  return adopted;
}

void TreeRuntime::Sweep(const TreeRecord& record) {
  LogInfo("saving the work tree that " + record.token + " left at " + record.tree.path);
  leaving_.insert(record.tree.path);
  CaptureThen(record, RefOnly::kYes, [this, record](absl::StatusOr<odw::v1::Worktree> saved) {
    const bool all = saved.ok() && saved->kept_path().empty();
    if (all) Remove(record.token);
    Free(record.tree.path);
    if (all) return;
    LogError("the work tree at " + record.tree.path + " stays: " +
             (saved.ok() ? saved->notes(saved->notes_size() - 1) : MessageOf(saved.status())));
  });
}

void TreeRuntime::Start(Task task) {
  if (task.request.isolation() != kIsolation) return inner_->Start(std::move(task));
  opening_[task.token] = "";
  const std::string path = PathOf(task);
  if (!leaving_.contains(path)) return Make(std::move(task));
  waiting_.emplace(path, std::move(task));
}

void TreeRuntime::Free(const std::string& path) {
  leaving_.erase(leaving_.find(path));
  if (leaving_.contains(path)) return;
  const auto [begin, end] = waiting_.equal_range(path);
  std::vector<Task> tasks;
  for (auto it = begin; it != end; ++it) tasks.push_back(std::move(it->second));
  waiting_.erase(begin, end);
  for (Task& task : tasks) Make(std::move(task));
}

void TreeRuntime::Make(Task task) {
  const std::string token = task.token;
  std::error_code failed;
  std::filesystem::create_directories(folder_, failed);
  TreeRecord record{.token = token,
                    .run_id = task.run_id,
                    .node = task.node,
                    .attempt = task.attempt,
                    .label = task.request.label(),
                    .folder = task.request.cwd()};
  for (const std::string& path : task.request.keep_ignored()) record.keep_ignored.push_back(path);
  record.tree.repository = task.request.cwd();
  record.tree.path = FreePathFor(task);
  record.tree.name = token;
  // Paths of the other tree stand in the session: it would work there.
  if (record.tree.path != PathOf(task)) task.resume_session.clear();
  records_[token] = record;
  if (const absl::Status saved = SaveRecord(folder_, record); !saved.ok()) {
    records_.erase(token);
    return Fail(token, odw::v1::INTERNAL, MessageOf(saved));
  }
  KillPoint("executor.tree_recorded");
  TreeRequest request{.folder = task.request.cwd(),
                      .base_commit = task.request.base_commit(),
                      .start_refs = task.resume_token.empty() ? std::vector<std::string>()
                                                              : EarlierRefsOf(record),
                      .path = record.tree.path,
                      .name = token,
                      .dirty = task.request.include_dirty() ? TreeRequest::Dirty::kInclude
                                                            : TreeRequest::Dirty::kLeave};
  const Slot<absl::StatusOr<LinkedTreeInfo>> made =
      std::make_shared<std::optional<absl::StatusOr<LinkedTreeInfo>>>();
  pool_.Run([made, request] { *made = MakeTree(request); },
            [this, made, task = std::move(task)]() mutable {
              OnMade(std::move(task), std::move(**made));
            });
}

std::string TreeRuntime::PathOf(const Task& task) const {
  return folder_ + "/" + task.run_id + "-n" + std::to_string(task.node);
}

std::string TreeRuntime::FreePathFor(const Task& task) const {
  const std::string path = PathOf(task);
  std::error_code failed;
  bool taken = std::filesystem::exists(path, failed);
  for (const auto& [token, record] : records_) taken |= record.tree.path == path;
  return taken ? folder_ + "/" + task.token : path;
}

void TreeRuntime::OnMade(Task task, absl::StatusOr<LinkedTreeInfo> made) {
  const std::string token = task.token;
  if (!made.ok()) {
    DropRecord(folder_, token);
    records_.erase(token);
    return Fail(token,
                absl::IsFailedPrecondition(made.status()) ? odw::v1::UNSUPPORTED
                                                          : odw::v1::INTERNAL,
                "isolation 'worktree': " + MessageOf(made.status()));
  }
  TreeRecord& record = records_[token];
  record.tree = *std::move(made);
  if (const absl::Status saved = SaveRecord(folder_, record); !saved.ok()) {
    return Fail(token, odw::v1::INTERNAL, MessageOf(saved));
  }
  KillPoint("executor.tree_made");
  const std::string cancelled = opening_[token];
  if (!cancelled.empty()) return Fail(token, odw::v1::CANCELLED, "cancelled: " + cancelled);
  opening_.erase(token);
  task.request.set_cwd(record.tree.cwd);
  inner_->Start(std::move(task));
}

void TreeRuntime::Fail(const std::string& token, odw::v1::ErrorCategory category,
                       const std::string& message) {
  opening_.erase(token);
  odw::v1::Result result;
  result.set_token(token);
  result.mutable_error()->set_category(category);
  result.mutable_error()->set_message(message);
  const int64_t now = UnixMillis(absl::Now());
  result.set_started_unix_ms(now);
  result.set_ended_unix_ms(now);
  sink_->Finished(std::move(result));
}

void TreeRuntime::Cancel(const std::string& token, const std::string& reason) {
  const auto opening = opening_.find(token);
  if (opening == opening_.end()) return inner_->Cancel(token, reason);
  opening->second = reason.empty() ? "on request" : reason;
}

void TreeRuntime::Finished(odw::v1::Result result) {
  const auto record = records_.find(result.token());
  if (record == records_.end()) return sink_->Finished(std::move(result));
  KillPoint("executor.before_capture");
  const RefOnly ref_only = result.ok() ? RefOnly::kNo : RefOnly::kYes;
  CaptureThen(record->second, ref_only, [this, result = std::move(result)](
                                            absl::StatusOr<odw::v1::Worktree> captured) mutable {
    KillPoint("executor.after_capture");
    if (captured.ok()) {
      *result.mutable_worktree() = *std::move(captured);
    } else {
      const TreeRecord& kept = records_.at(result.token());
      result.mutable_worktree()->set_repository(kept.tree.repository);
      result.mutable_worktree()->set_kept_path(kept.tree.path);
      result.mutable_worktree()->add_notes("not captured, so the folder is kept: " +
                                           MessageOf(captured.status()));
    }
    if (!result.worktree().kept_path().empty()) kept_.insert(result.token());
    sink_->Finished(std::move(result));
  });
}

void TreeRuntime::Lost(odw::v1::Lost lost) {
  const auto record = records_.find(lost.token());
  if (record == records_.end()) return sink_->Lost(std::move(lost));
  CaptureThen(record->second, RefOnly::kYes,
              [this, lost = std::move(lost)](absl::StatusOr<odw::v1::Worktree> saved) mutable {
                if (saved.ok() && saved->kept_path().empty()) {
                  Remove(lost.token());
                } else {
                  kept_.insert(lost.token());
                }
                sink_->Lost(std::move(lost));
              });
}

void TreeRuntime::CaptureThen(const TreeRecord& record, RefOnly ref_only,
                              std::function<void(absl::StatusOr<odw::v1::Worktree>)> then) {
  CaptureRequest request{.tree = record.tree,
                         .ref = RefOf(record),
                         .result_ref = ref_only == RefOnly::kYes ? "" : ResultRefOf(record),
                         .message = "odw: " + (record.label.empty() ? "n" + std::to_string(record.node)
                                                                    : record.label),
                         .keep_ignored = record.keep_ignored};
  const Slot<absl::StatusOr<odw::v1::Worktree>> captured =
      std::make_shared<std::optional<absl::StatusOr<odw::v1::Worktree>>>();
  pool_.Run([captured, request] { *captured = Capture(request); },
            [captured, then = std::move(then)] { then(std::move(**captured)); });
}

void TreeRuntime::Stored(const std::string& token) {
  inner_->Stored(token);
  if (records_.contains(token) && !kept_.contains(token)) Remove(token);
}

// The record goes last: a tree without one would never be swept. It says first that nothing is left
// to save, lest a half-removed tree be saved as the node's work.
void TreeRuntime::Remove(const std::string& token) {
  const auto found = records_.find(token);
  if (found == records_.end()) return;
  TreeRecord record = std::move(found->second);
  records_.erase(found);
  record.saved = true;
  leaving_.insert(record.tree.path);
  pool_.Run(
      [record, folder = folder_, token] {
        absl::Status removed = SaveRecord(folder, record);
        KillPoint("executor.tree_saved");
        if (removed.ok()) removed = RemoveTree(record.tree);
        if (!removed.ok()) return LogWarning("a work tree stays: " + MessageOf(removed));
        DropRecord(folder, token);
      },
      [this, path = record.tree.path] { Free(path); });
}

void TreeRuntime::CarryOut(odw::v1::RepositoryCommand command,
                           std::function<void(odw::v1::RepositoryReply)> done) {
  const auto reply = std::make_shared<odw::v1::RepositoryReply>();
  pool_.Run([reply, command = std::move(command)] { *reply = Carry(command); },
            [reply, done = std::move(done)] {
              MakeStringsValid(reply.get());
              done(std::move(*reply));
            });
}

}  // namespace odw::executors::worktree
