// stdout and stderr of a verb: results and tables on stdout, errors on stderr, and with --json an
// error also on stdout where nothing else was printed there. A failed write to stdout is a failure
// of the verb. One thread.
#pragma once

#include <string>

#include "client/failure.h"
#include "daemon/base/status.h"

namespace odw::client {

enum class OutputForm { kText, kJson };

class Console {
 public:
  OutputForm form() const { return form_; }
  void set_form(OutputForm form) { form_ = form; }
  bool json() const { return form_ == OutputForm::kJson; }

  // To stdout at once, as it is.
  absl::Status Print(const std::string& text) const;
  // A text with strangers' words: a file gets every byte, a terminal nothing that steers it.
  absl::Status PrintText(const std::string& text) const;
  // `json` and a line end.
  absl::Status PrintJson(const std::string& json) const;
  // A run's result value: as it is with --json; else a string as its text, anything else indented.
  absl::Status PrintValue(const std::string& value_json) const;
  // One line on stderr, made safe for a terminal.
  void Say(const std::string& text) const;
  // "odwctl: what happened / next: what to do" on stderr; with --json also as JSON on stdout,
  // unless that has a value already.
  void Fail(const Failure& failure) const;

 private:
  OutputForm form_ = OutputForm::kText;
  mutable bool printed_ = false;
};

}  // namespace odw::client
