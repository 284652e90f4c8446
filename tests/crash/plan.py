"""What a seed means: which points are killed at, in which order, at which passage."""
import random
from dataclasses import dataclass

# At these an event is appended and not yet durable, whatever else happens.
UNCOMMITTED = {"loop.before_cut", "journal.before_enqueue", "journal.before_sync"}

DAEMON = ["loop.before_cut", "loop.after_commit", "loop.before_assign", "loop.before_ack", "loop.before_settle",
          "loop.before_reply", "journal.before_enqueue", "journal.before_sync", "journal.after_sync", "hosts.turn"]
HOST = ["script.before_turn", "script.before_settlement", "script.after_settlement", "script.before_flush",
        "script.after_flush", "script.before_sandbox"]
SCRIPT_ZYGOTE = ["script_zygote.before_fork", "script_zygote.after_fork"]
EXECUTOR = ["executor.assigned", "executor.before_spool", "executor.after_spool", "executor.before_offer",
            "executor.after_ack", "executor.before_drop"]
MOCK = ["mock/" + point for point in EXECUTOR]
COMMAND = ["command/" + point for point in EXECUTOR + ["executor.task_created", "executor.task_given"]]
SUPERVISOR = ["command/supervisor." + p for p in ("before_spawn", "after_spawn", "before_result", "after_result")]
TASK_ZYGOTE = ["command/zygote.before_fork", "command/zygote.after_fork"]

GROUPS = {"odwd": DAEMON, "host": HOST, "script zygote": SCRIPT_ZYGOTE, "mock": MOCK, "command": COMMAND,
          "supervisor": SUPERVISOR, "task zygote": TASK_ZYGOTE}
# A second kill on the heels of the first, while something recovers or is about to be told.
FOLLOW_UPS = {"odwd": ["loop.before_replay", "loop.adopted"],
              "command": ["command/executor.adopted", "loop.adopted"],
              "supervisor": ["journal.before_sync", "loop.after_commit", "command/executor.before_offer"]}
# Where the whole machine may stop: a service that the suite watches makes the passage.
EVERYTHING = DAEMON + MOCK + COMMAND

KILLS_A_CASE = 6
HOLD_SHARE = 0.5       # of kills in odwd and the executors: what left too early has time to arrive
HOLD_US_MAX = 20000
RECOVERY_SHARE = 0.25  # of those kills that can be followed by one during the recovery


@dataclass(frozen=True)
class Planned:
    """One order. `everything`: whoever dies there takes all others along. `hold_us`: the thread stands at the
    point for so long before the kill, while the rest of its process goes on."""
    point: str
    passage: int
    everything: bool = False
    hold_us: int = 0


def holds(point):
    return not point.startswith("script.")  # its sandbox lets nobody sleep


def make(seed, passages, only=None):
    """The orders of a case. `passages`: of an undisturbed run; `only`: names of groups."""
    rng = random.Random(f"plan {seed}")
    groups = [g for g in list(GROUPS) + ["all"] if not only or g in only]
    orders = []
    while len(orders) < KILLS_A_CASE:
        group = groups[(seed + len(orders)) % len(groups)]
        points = EVERYTHING if group == "all" else GROUPS[group]
        points = [p for p in points if passages.get(p, 0) > 0]
        if not points:
            groups.remove(group)
            continue
        point = rng.choice(points)
        share = max(1, passages[point] // (KILLS_A_CASE + 1))
        hold_us = rng.randint(100, HOLD_US_MAX) if holds(point) and rng.random() < HOLD_SHARE else 0
        orders.append(Planned(point, rng.randint(1, share), group == "all", hold_us))
        if group in FOLLOW_UPS and rng.random() < RECOVERY_SHARE:
            orders.append(Planned(rng.choice(FOLLOW_UPS[group]), 1))
    return orders


def name_of(order, planned):
    return ("all at once: " if planned.everything else "") + order.point


def explained(orders, slots):
    """What these kills can account for: executions beyond the first at most, attempts counted as re-executed
    at least and at most. A command's supervisor leaves a trace of what it began, so that number is exact; what
    a mock executor had begun nobody knows after its death."""
    repeats = exact = lost = 0
    for order in orders:
        if order.everything:
            repeats += 2 * slots
            lost += 2 * slots
        elif order.point.startswith("mock/"):
            repeats += slots
            lost += slots
        elif order.point in ("command/supervisor.after_spawn", "command/supervisor.before_result"):
            repeats += 1
            exact += 1
        elif order.point == "command/supervisor.before_spawn":
            exact += 1
    return repeats, exact, exact + lost
