// One zygote and one host for all tests of a suite, and scripts as strings. For scripts that end by
// themselves or by settlements in the order of their calls.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "daemon/script/test_host.h"

namespace odw::script {

using Strings = std::vector<std::string>;

class HostedTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    zygote_ = new TestZygote;
    host_ = new TestHost(zygote_);
  }
  static void TearDownTestSuite() {
    delete host_;
    delete zygote_;
  }

  // The result's JSON, or "threw NAME: MESSAGE", of a body that needs no settlement.
  static std::string Eval(const std::string& body, pb::Start options = {}) {
    return host_->Evaluate(body, std::move(options));
  }
  // The same with every agent call settled with its prompt ("!x" rejects with Error x), every timer
  // fired when its turn comes.
  static std::string Drive(const std::string& body, pb::Start options = {}) {
    WholeTurn turn = host_->Start(body, std::move(options));
    std::vector<pb::Call> waiting;
    lines_.clear();
    for (size_t next = 0;; ++next) {
      for (const pb::Line& line : turn.turn.lines()) lines_.push_back(line.text());
      for (const pb::Call& call : turn.turn.calls()) waiting.push_back(call);
      if (turn.turn.end_case() != pb::Turn::END_NOT_SET || next == waiting.size()) break;
      turn = Settle(waiting[next]);
    }
    host_->End();
    if (turn.returned()) return turn.result();
    if (!turn.turn.has_thrown()) return "waits for ever";
    return "threw " + turn.turn.thrown().name() + ": " + turn.turn.thrown().message();
  }

  static inline TestZygote* zygote_ = nullptr;
  static inline TestHost* host_ = nullptr;
  static inline Strings lines_;  // of the last Drive

 private:
  static WholeTurn Settle(const pb::Call& call) {
    if (call.kind() != pb::AGENT) return host_->SettleUndefined(call.ordinal());
    const std::string prompt = RequestOf(call).prompt();
    if (prompt[0] == '!') return host_->SettleError(call.ordinal(), prompt.substr(1));
    return host_->SettleText(call.ordinal(), prompt);
  }
};

}  // namespace odw::script
