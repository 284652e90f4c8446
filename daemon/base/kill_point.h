// Named places where a crash test may kill the process, compiled in with -DODW_KILL_POINTS=ON only.
// The environment chooses: ODW_KILL="point:n" kills -9 at the n-th passage of `point` (n from 1) by
// this process; ODW_KILL_LOG=FILE appends "point pid\n" just before the kill.
#pragma once

namespace odw {

#if defined(ODW_KILL_POINTS)
// REQUIRES: `point` is a literal; thread-safe.
void KillPoint(const char* point);
#else
inline void KillPoint(const char*) {}
#endif

}  // namespace odw
