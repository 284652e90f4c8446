// CHECK for a programmer's error: prints the condition and its place, then aborts. Never for input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define ODW_CHECK(cond)                                                                  \
  do {                                                                                   \
    if (!(cond)) {                                                                       \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #cond);      \
      std::abort();                                                                      \
    }                                                                                    \
  } while (0)
