#include "webreport/asset.h"

#include "daemon/base/check.h"

// ODW_REPORT_PAGE is the built page's path. The assembler copies it, which takes no time; a
// generated array of a megabyte takes the compiler seconds.
__asm__(
    ".section .rodata\n"
    ".global odw_report_page\n"
    ".global odw_report_page_end\n"
    "odw_report_page:\n"
    ".incbin \"" ODW_REPORT_PAGE
    "\"\n"
    "odw_report_page_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char odw_report_page[];
extern "C" const char odw_report_page_end[];

namespace odw::webreport {
namespace {

constexpr std::string_view kDataMark = "@@ODW_DATA@@";

}  // namespace

Page EmbeddedPage() {
  const std::string_view page(odw_report_page,
                              static_cast<size_t>(odw_report_page_end - odw_report_page));
  const size_t at = page.find(kDataMark);
  ODW_CHECK(at != std::string_view::npos);
  return {page.substr(0, at), page.substr(at + kDataMark.size())};
}

}  // namespace odw::webreport
