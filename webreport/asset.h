// The page without its data, made by build_page.mjs and embedded when the binary is linked.
#pragma once

#include <string_view>

namespace odw::webreport {

// What stands before and after the data.
struct Page {
  std::string_view head;
  std::string_view tail;
};

Page EmbeddedPage();

}  // namespace odw::webreport
