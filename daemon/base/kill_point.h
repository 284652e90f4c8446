// Named places where a crash test may kill the process, compiled in with -DODW_KILL_POINTS=ON only.
//
// The test hands every process one file by ODW_KILL_PAGE (kill_page.h): it counts how often each point
// was passed, by all processes together, and holds orders "die at the n-th passage of this point from
// now on", worked off one after another. Where ODW_KILL_ROLE is set, the point's name there is
// "role/point". Dying is a SIGKILL of the process that makes that passage;
// behind the script host's system call filter, which forbids kill(), the kernel ends it just the same.
#pragma once

namespace odw {

#if defined(ODW_KILL_POINTS)
// REQUIRES: `point` is a literal, shorter than kill_page::kNameBytes; thread-safe. The first call of a
// process opens the page, so one must come before any sandbox.
void KillPoint(const char* point);
#else
inline void KillPoint(const char*) {}
#endif

}  // namespace odw
