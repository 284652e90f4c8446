// The file that crash tests share with the processes they kill: mapped by all, so that what one counted
// or noted outlives it. tests/crash/kill_page.py writes and reads the same layout.
#pragma once

#include <atomic>
#include <cstdint>

namespace odw::kill_page {

inline constexpr char kMagic[8] = {'O', 'D', 'W', 'K', 'I', 'L', 'L', '1'};
inline constexpr uint32_t kNameBytes = 48;
inline constexpr uint32_t kOrdersMax = 64;
inline constexpr uint32_t kPointsMax = 128;

// Die at the `left`-th passage of `point` since the order before this one was carried out, `hold_us` after
// it: meanwhile that thread stands there (as at a slow disk) and the others go on.
struct Order {
  char point[kNameBytes];
  std::atomic<int64_t> left;
  int64_t unix_us;  // when it was carried out; 0: not yet
  int32_t pid;      // who died
  int32_t hold_us;
};

struct Passages {
  char point[kNameBytes];
  std::atomic<int64_t> count;
  std::atomic<uint32_t> state;  // 0: free, 1: being named, 2: in use
  uint32_t unused;
};

struct Page {
  char magic[8];
  std::atomic<uint32_t> current;      // the order in force
  std::atomic<uint32_t> order_count;  // current == order_count: none is
  char unused[48];
  Order orders[kOrdersMax];
  Passages points[kPointsMax];
};

static_assert(sizeof(Order) == 72 && sizeof(Passages) == 64);
static_assert(sizeof(Page) == 64 + kOrdersMax * 72 + kPointsMax * 64);
static_assert(std::atomic<int64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

}  // namespace odw::kill_page
