#include "client/documents/documents.h"

// ODW_CLIENT_FOLDER is client/. The assembler copies the files as they are.
#define ODW_EMBED(name, file)                                                                    \
  __asm__(".section .rodata\n.global odw_text_" name "\n.global odw_text_" name                  \
          "_end\nodw_text_" name ":\n.incbin \"" ODW_CLIENT_FOLDER "/" file "\"\nodw_text_" name \
          "_end:\n.byte 0\n.previous\n")

ODW_EMBED("guide", "documents/guide.md");
ODW_EMBED("contract", "documents/contract.md");
ODW_EMBED("types", "types/odw.d.ts");

extern "C" {
extern const char odw_text_guide[], odw_text_guide_end[];
extern const char odw_text_contract[], odw_text_contract_end[];
extern const char odw_text_types[], odw_text_types_end[];
}

namespace odw::client {
namespace {

std::string_view Between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

std::string_view GuideText() { return Between(odw_text_guide, odw_text_guide_end); }
std::string_view ContractText() { return Between(odw_text_contract, odw_text_contract_end); }
std::string_view TypesText() { return Between(odw_text_types, odw_text_types_end); }

}  // namespace odw::client
