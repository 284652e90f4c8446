// odwctl: flags, one verb, its exit code.
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/exit_codes.h"
#include "client/session.h"
#include "daemon/base/version.h"

namespace odw::client {
namespace {

constexpr size_t kVerbCharsMax = 40;

void AddGlobalFlags(CLI::App& app, Session& session, bool* json) {
  app.add_flag("--json", *json, "Output for programs: JSON on stdout, errors included");
  app.add_option("--state", session.flags().state,
                 "Folder of the private daemon (default: ~/.local/state/odw)")
      ->envname("ODW_STATE");
  app.add_option("--daemon", session.flags().daemon,
                 "Use this daemon, unix:PATH or a loopback IP:PORT, instead of the private one")
      ->envname("ODW_DAEMON");
  app.add_option("--token-file", session.flags().token_file,
                 "The daemon's token, for a daemon on TCP")
      ->envname("ODW_TOKEN_FILE");
}

// A first word that is no verb is most often a slip.
void FailUnknownVerb(const CLI::App& app, const std::string& word, const Console& console) {
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(verb->get_name());
  const std::string nearest = word.size() > kVerbCharsMax ? "" : NearestWord(word, verbs);
  console.Fail({ExitCode::kUsage, "usage", "there is no verb '" + word + "'",
                nearest.empty() ? "See odwctl --help" : "Did you mean odwctl " + nearest + "?"});
}

// `odwctl`, or `odwctl workflows`, alone.
void FailNoVerb(const CLI::App& group, const std::string& words, const Console& console) {
  std::string verbs;
  for (const CLI::App* verb : group.get_subcommands({})) {
    verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  }
  console.Fail({ExitCode::kUsage, "usage", "no verb was given; there are: " + verbs,
                "See odwctl " + words + "--help"});
}

// What CLI11 found wrong with the command line, or the help that was asked for.
ExitCode OnParseError(const CLI::App& app, const CLI::ParseError& error,
                      const std::string& first_word, const Console& console) {
  if (error.get_exit_code() == 0) {  // --help, --version
    app.exit(error);
    return ExitCode::kOk;
  }
  std::string verb;
  const CLI::App* chosen = &app;
  while (!chosen->get_subcommands().empty()) {
    chosen = chosen->get_subcommands().front();
    verb += chosen->get_name() + " ";
  }
  if (verb.empty() && !first_word.empty()) {
    FailUnknownVerb(app, first_word, console);
  } else if (error.get_name() == "RequiredError" && chosen->get_require_subcommand_min() > 0) {
    FailNoVerb(*chosen, verb, console);
  } else {
    console.Fail({ExitCode::kUsage, "usage", error.what(), "See odwctl " + verb + "--help"});
  }
  return ExitCode::kUsage;
}

using AddVerb = void (*)(CLI::App&, Session&, absl::Status*);
struct Verb {
  const char* name;
  AddVerb add;
};
constexpr Verb kVerbs[] = {{"exec", AddExec},       {"submit", AddSubmit},
                           {"check", AddCheck},     {"plan", AddPlan},
                           {"list", AddList},       {"status", AddStatus},
                           {"watch", AddWatch},     {"result", AddResult},
                           {"report", AddReport},   {"pause", AddPause},
                           {"unpause", AddUnpause}, {"stop", AddStop},
                           {"cancel", AddStop},     {"skip", AddSkip},
                           {"restart", AddRestart}, {"resume", AddResume},
                           {"rerun", AddRerun},     {"explain", AddExplain},
                           {"diff", AddDiff},       {"apply", AddApply},
                           {"merge", AddMerge},     {"workflows", AddWorkflows},
                           {"delete", AddDelete},   {"runs", AddRuns},
                           {"guide", AddTexts},     {"spec", AddTexts},
                           {"contract", AddTexts},  {"capabilities", AddCapabilities},
                           {"doctor", AddDoctor},   {"version", AddVersion}};

// Those that the command line has a word of; all, where it has none (help, a slip) or asks what
// there is. Building every verb's flags would cost each start half a millisecond.
void AddVerbs(CLI::App& app, Session& session, absl::Status* outcome,
              const std::vector<std::string>& words) {
  const auto has = [&](const char* name) {
    return std::find(words.begin() + 1, words.end(), name) != words.end();
  };
  const bool all =
      has("capabilities") || std::none_of(std::begin(kVerbs), std::end(kVerbs),
                                          [&](const Verb& verb) { return has(verb.name); });
  AddVerb last = nullptr;  // a verb's other names follow it
  for (const Verb& verb : kVerbs) {
    if ((!all && !has(verb.name)) || verb.add == last) continue;
    verb.add(app, session, outcome);
    last = verb.add;
  }
}

// `odw` is a link to odwctl: the original's name, with its defaults (commands/README.md).
bool CalledAsOdw(const std::string& program) {
  return program.substr(program.rfind('/') + 1) == "odw";
}

ExitCode Run(int argc, char** argv) {
  Session session;
  absl::Status outcome;
  bool json = false;
  const std::string name = CalledAsOdw(argv[0]) ? "odw" : "odwctl";
  session.set_as_odw(name == "odw");
  CLI::App app(name + " runs agent workflows through odwd.", name);
  app.set_version_flag("--version", std::string("odwctl ") + kVersion);
  app.footer(std::string("\n") + kExitCodeHelp +
             "\nEvery error says what happened, why, and what to do next. Each verb has its own "
             "--help.");
  app.fallthrough();  // global flags may follow the verb
  app.require_subcommand(1);
  AddGlobalFlags(app, session, &json);
  // Before any verb's callback runs.
  app.parse_complete_callback(
      [&] { session.console().set_form(json ? OutputForm::kJson : OutputForm::kText); });
  AddVerbs(app, session, &outcome, {argv, argv + argc});
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wants_json = std::any_of(
        argv, argv + argc, [](const char* argument) { return strcmp(argument, "--json") == 0; });
    if (wants_json) session.console().set_form(OutputForm::kJson);
    const bool is_word = argc > 1 && argv[1][0] != '-';
    return OnParseError(app, error, is_word ? argv[1] : "", session.console());
  }
  if (outcome.ok()) return ExitCode::kOk;
  const Failure failure = FailureOf(outcome);
  session.console().Fail(failure);
  return failure.exit_code;
}

}  // namespace
}  // namespace odw::client

int main(int argc, char** argv) {
  setlocale(LC_CTYPE, "C.UTF-8");  // for wcwidth: columns of text that is shown
  signal(SIGPIPE, SIG_IGN);        // a reader that went away is an error of a write
  const odw::client::ExitCode code = odw::client::Run(argc, argv);
  fflush(nullptr);
  // Tearing gRPC's threads down would cost as much as the call itself.
  _exit(static_cast<int>(code));
}
