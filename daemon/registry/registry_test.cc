#include "daemon/registry/registry.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/ids.h"
#include "daemon/registry/repository.h"

namespace odw::registry {
namespace {

// Answers as `odw-script --load` does, for sources that begin with the name, or with '!' for a wrong
// script: '!name' has a good meta and a bad body. Counts, since what is cached is not asked again.
class CountingLoader : public model::ScriptLoader {
 public:
  void Load(v1::script::LoadRequest request,
            std::function<void(absl::StatusOr<v1::script::LoadReply>)> done) override {
    ++loads;
    if (!failure.ok()) return done(failure);
    v1::script::LoadReply reply;
    reply.set_ok(request.source()[0] != '!');
    if (reply.ok()) {
      reply.set_name(request.source().substr(0, request.source().find('\n')));
      reply.set_meta_json(R"({"whenToUse":"now"})");
    } else {
      reply.set_name(request.source().substr(1, request.source().find('\n') - 1));
      v1::script::Problem* problem = reply.add_problems();
      problem->set_line(2);
      problem->set_column(7);
      problem->set_message("Unexpected token");
    }
    done(reply);
  }
  int loads = 0;
  absl::Status failure;  // of the loader itself
};

class RegistryTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("odw_registry_" + RandomHex(6));
    std::filesystem::create_directories(root_ + "/repo/.git");
    std::filesystem::create_directories(root_ + "/repo/sub/deep");
    registry_ = std::make_unique<Registry>(
        RegistryOptions{.user = {.config = root_ + "/home"}, .script_folders = {root_ + "/extra"}},
        &loader_);
  }
  void TearDown() override {
    registry_.reset();
    std::filesystem::remove_all(root_);
  }

  void Write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  absl::StatusOr<model::FoundWorkflow> Find(const model::WorkflowQuery& query) {
    Mutex mutex;
    CondVar changed;
    std::optional<absl::StatusOr<model::FoundWorkflow>> answer;
    registry_->Find(query, [&](absl::StatusOr<model::FoundWorkflow> found) {
      MutexLock lock(&mutex);
      answer = std::move(found);
      changed.NotifyAll();
    });
    MutexLock lock(&mutex);
    while (!answer) changed.Wait(&mutex);
    return *std::move(answer);
  }
  absl::StatusOr<model::FoundWorkflow> ByName(const std::string& name,
                                              v1::Dialect dialect = v1::BUILTIN) {
    return Find({.cwd = root_ + "/repo/sub/deep", .name = name, .dialect = dialect});
  }
  absl::StatusOr<model::FoundWorkflow> ByPath(const std::string& path) {
    return Find({.cwd = root_ + "/repo/sub", .script_path = path, .dialect = v1::BUILTIN});
  }
  std::vector<v1::SavedWorkflow> List() {
    Mutex mutex;
    CondVar changed;
    std::optional<v1::ListWorkflowsResponse> answer;
    registry_->List(root_ + "/repo/sub", [&](absl::StatusOr<v1::ListWorkflowsResponse> found) {
      MutexLock lock(&mutex);
      answer = *std::move(found);
      changed.NotifyAll();
    });
    MutexLock lock(&mutex);
    while (!answer) changed.Wait(&mutex);
    return {answer->workflows().begin(), answer->workflows().end()};
  }

  std::string root_;
  CountingLoader loader_;
  std::unique_ptr<Registry> registry_;
};

TEST_F(RegistryTest, Spec_M1_M2_TheNearestFolderWinsAndNamesAreTheMetas) {
  Write("repo/.claude/workflows/a.js", "survey\nouter");
  Write("repo/sub/.claude/workflows/z.js", "survey\ninner");
  Write("home/workflows/b.js", "survey\nhome");
  Write("home/workflows/c.js", "mine\n");
  Write(".claude/workflows/d.js", "outside\n");
  EXPECT_EQ(ByName("survey")->source, "survey\ninner");
  EXPECT_EQ(ByName("mine")->path, root_ + "/home/workflows/c.js");
  EXPECT_TRUE(absl::IsNotFound(ByName("outside").status()));  // above the repository's root
}

TEST_F(RegistryTest, Spec_M5_OurFolderComesAfterTheOriginals) {
  Write("repo/sub/.odw/workflows/a.js", "survey\nodw");
  EXPECT_EQ(ByName("survey")->source, "survey\nodw");
  Write("repo/.claude/workflows/a.js", "survey\nclaude");
  EXPECT_EQ(ByName("survey")->source, "survey\nclaude");
}

TEST_F(RegistryTest, Spec_H5_AnUnknownNameListsWhatThereIs) {
  EXPECT_EQ(MessageOf(ByName("nope").status()),
            "workflow('nope'): no workflow with that name. Available: none");
  Write("repo/.claude/workflows/a.js", "one\n");
  Write("repo/.claude/workflows/b.js", "two\n");
  Write("repo/.claude/workflows/c.js", "!\n");
  EXPECT_EQ(MessageOf(ByName("nope").status()),
            "workflow('nope'): no workflow with that name. Available: one, two");
  EXPECT_EQ(MessageOf(ByName("").status()),
            "workflow(''): no workflow with that name. Available: one, two");
}

TEST_F(RegistryTest, Spec_H5_H6_AScriptThatCannotRunIsNotAnUnknownName) {
  Write("repo/.claude/workflows/broken.js", "!\nconst = 1");
  const absl::Status status = ByName("broken").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(MessageOf(status).find("broken.js:2:7: Unexpected token"), std::string::npos) << status;
  EXPECT_EQ(MessageOf(status).find("no workflow with that name"), std::string::npos);
}

TEST_F(RegistryTest, Spec_M2_AFileNameIsTheLastResort) {
  Write("repo/.claude/workflows/alias.js", "proper\n");
  Write("repo/.claude/workflows/odw-old.js", "renamed\n");
  EXPECT_EQ(ByName("alias")->name, "proper");
  EXPECT_EQ(ByName("old")->name, "renamed");
  Write("repo/.claude/workflows/other.js", "alias\n");
  EXPECT_EQ(ByName("alias")->name, "alias");
  Write("repo/sub/deep/beside.js", "beside me\n");
  EXPECT_FALSE(ByName("beside").ok());
  EXPECT_EQ(ByName("beside", v1::ODW)->name, "beside me");
  EXPECT_EQ(ByName("beside.js", v1::ODW)->name, "beside me");
  EXPECT_EQ(ByName("../deep/beside.js", v1::ODW)->name, "beside me");
}

TEST_F(RegistryTest, Spec_H8_PluginsAreNamedWithTheirName) {
  Write("home/plugins/tools/workflows/a.js", "sweep\n");
  EXPECT_EQ(ByName("tools:sweep")->name, "sweep");
  EXPECT_TRUE(absl::IsNotFound(ByName("sweep").status()));
  EXPECT_TRUE(absl::IsNotFound(ByName("..:sweep").status()));
}

TEST_F(RegistryTest, Spec_H8_APathIsTakenFromTheRunsFolder) {
  Write("repo/sub/flows/a.js", "by path\n");
  EXPECT_EQ(ByPath("flows/a.js")->name, "by path");
  EXPECT_EQ(ByPath("./flows/../flows/a.js")->name, "by path");
  EXPECT_EQ(ByPath(root_ + "/repo/sub/flows/a.js")->name, "by path");
  Write("repo/top.js", "in the project\n");
  EXPECT_EQ(ByPath("../top.js")->name, "in the project");
  Write("extra/x.js", "configured\n");
  EXPECT_EQ(ByPath(root_ + "/extra/x.js")->name, "configured");
}

TEST_F(RegistryTest, Spec_A7_P37_PathsThatMayNotBeReadAreRefusedByName) {
  Write("secret.js", "outside\n");
  std::filesystem::create_symlink(root_ + "/secret.js", root_ + "/repo/sub/link.js");
  Write("repo/sub/zero.js", std::string("a\n\0b", 4));
  Write("repo/sub/latin.js", "a\n\xff");
  Write("repo/sub/long.js", std::string(524289, 'x'));
  mkfifo((root_ + "/repo/sub/pipe.js").c_str(), 0600);
  const std::pair<const char*, const char*> cases[] = {
      {"../../secret.js", "outside the project"},
      {"link.js", "outside the project"},
      {"../../../etc/passwd", "etc/passwd"},
      {"nope.js", "No such file"},
      {"deep", "is a folder"},
      {"zero.js", "zero.js:2:1: a zero byte"},
      {"latin.js", "latin.js:2:1: not UTF-8"},
      {"long.js", "524288 characters"},
      {"pipe.js", "not a regular file"},
      {"\\\\host\\share\\a.js", "another machine"},
      {"//host/share/a.js", "another machine"},
  };
  for (const auto& [path, says] : cases) {
    const absl::Status status = ByPath(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << path;
    EXPECT_NE(MessageOf(status).find(says), std::string::npos) << path << ": " << status;
    EXPECT_EQ(MessageOf(status).find("no workflow with that name"), std::string::npos);
  }
}

TEST_F(RegistryTest, AFileIsLoadedAgainOnlyWhenItChanges) {
  Write("repo/.claude/workflows/a.js", "one\n");
  ASSERT_TRUE(ByName("one").ok());
  ASSERT_TRUE(ByName("one").ok());
  EXPECT_EQ(loader_.loads, 1);
  Write("repo/.claude/workflows/a.js", "another\n");
  EXPECT_FALSE(ByName("one").ok());
  EXPECT_EQ(ByName("another")->source, "another\n");
  EXPECT_EQ(loader_.loads, 2);
}

TEST_F(RegistryTest, ALoaderThatFailedIsAskedAgain) {
  Write("repo/.claude/workflows/one.js", "one\n");
  loader_.failure = absl::UnavailableError("it died");
  EXPECT_NE(MessageOf(ByName("one").status()).find("it died"), std::string::npos);
  loader_.failure = absl::OkStatus();
  EXPECT_TRUE(ByName("one").ok());
}

TEST_F(RegistryTest, Spec_M2_M3_ListShowsShadowedAndBrokenOnes) {
  Write("repo/sub/.claude/workflows/a.js", "one\n");
  Write("repo/sub/.claude/workflows/b.js", "one\n");
  Write("repo/.claude/workflows/bad.js", "!\n");
  Write("repo/.claude/workflows/broken.js", "!half\n");
  Write("repo/.claude/workflows/notes.mjs", "no\n");
  Write("repo/.claude/workflows/deeper/x.js", "no\n");
  Write("home/plugins/tools/workflows/a.js", "sweep\n");
  const std::vector<v1::SavedWorkflow> list = List();
  ASSERT_EQ(list.size(), 5u);
  EXPECT_EQ(list[0].name(), "one");
  EXPECT_EQ(list[0].when_to_use(), "now");
  EXPECT_EQ(list[0].place(), "project");
  EXPECT_FALSE(list[0].shadowed());
  EXPECT_TRUE(list[1].shadowed());
  EXPECT_EQ(list[2].name(), "");  // its meta is bad: nothing could name it
  EXPECT_NE(list[2].problem().find("bad.js:2:7"), std::string::npos);
  EXPECT_EQ(list[3].name(), "half");  // its body is: that is told when it runs
  EXPECT_NE(list[3].problem().find("broken.js:2:7"), std::string::npos);
  EXPECT_EQ(list[4].name(), "tools:sweep");
  EXPECT_EQ(list[4].place(), "plugin:tools");
  const absl::Status run = ByName("half").status();
  EXPECT_TRUE(absl::IsInvalidArgument(run)) << run;
  EXPECT_NE(MessageOf(run).find("broken.js:2:7"), std::string::npos) << run;
}

TEST_F(RegistryTest, AFolderThatIsNotHereHasNothing) {
  EXPECT_TRUE(absl::IsNotFound(Find({.cwd = "/nowhere/at/all", .name = "x"}).status()));
  EXPECT_NE(MessageOf(Find({.cwd = "/nowhere", .script_path = "x.js"}).status()).find("not on this host"),
            std::string::npos);
  EXPECT_TRUE(registry_->Survey("/nowhere").agents.empty());
}

TEST_F(RegistryTest, AfterStopEveryQuestionIsAnsweredWithUnavailable) {
  registry_->Stop();
  EXPECT_TRUE(absl::IsUnavailable(ByName("x").status()));
}

TEST_F(RegistryTest, HeadIsReadFromLooseAndPackedRefs) {
  const std::string commit(40, 'a'), other(40, 'b');
  const std::string root = root_ + "/repo";
  EXPECT_EQ(FindRepositoryRoot(root + "/sub/deep"), root);
  EXPECT_EQ(HeadCommit(root), "");
  Write("repo/.git/HEAD", "ref: refs/heads/main\n");
  EXPECT_EQ(HeadCommit(root), "");  // no commit yet
  Write("repo/.git/packed-refs", "# pack-refs\n" + other + " refs/heads/main\n");
  EXPECT_EQ(HeadCommit(root), other);
  Write("repo/.git/refs/heads/main", commit + "\n");
  EXPECT_EQ(HeadCommit(root), commit);
  Write("repo/.git/HEAD", other + "\n");
  EXPECT_EQ(HeadCommit(root), other);
  // A worktree of git's own.
  Write("tree/.git", "gitdir: " + root + "/.git/worktrees/tree\n");
  Write("repo/.git/worktrees/tree/HEAD", "ref: refs/heads/main\n");
  Write("repo/.git/worktrees/tree/commondir", "../..\n");
  EXPECT_EQ(HeadCommit(root_ + "/tree"), commit);
  EXPECT_EQ(registry_->Survey(root + "/sub").base_commit, other);
}

}  // namespace
}  // namespace odw::registry
