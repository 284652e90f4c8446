"""The page that the suite shares with the processes it kills: daemon/base/kill_page.h, from this side."""
import mmap
import os
import struct
from collections import namedtuple

MAGIC = b"ODWKILL1"
NAME_BYTES, ORDERS_MAX, POINTS_MAX = 48, 64, 128
HEADER = struct.Struct("<8sII48x")
ORDER = struct.Struct(f"<{NAME_BYTES}sqqii")
PASSAGES = struct.Struct(f"<{NAME_BYTES}sqI4x")
SIZE = HEADER.size + ORDERS_MAX * ORDER.size + POINTS_MAX * PASSAGES.size
POINTS_AT = HEADER.size + ORDERS_MAX * ORDER.size

# An order that was carried out. `left` is 0 then.
Order = namedtuple("Order", "point left unix_us pid")


def _name(raw):
    return raw.split(b"\0", 1)[0].decode()


class KillPage:
    """Made before the first process starts; the orders are carried out one by one."""

    def __init__(self, path, orders):
        assert len(orders) <= ORDERS_MAX
        self.path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.ftruncate(fd, SIZE)
            self._map = mmap.mmap(fd, SIZE)
        finally:
            os.close(fd)
        self.order(orders)

    def order(self, orders):
        """Other orders, (point, passage, microseconds to hold), instead of those that are left."""
        HEADER.pack_into(self._map, 0, MAGIC, 0, 0)  # none is in force while they are written
        for i, (point, passage, hold_us) in enumerate(orders):
            ORDER.pack_into(self._map, HEADER.size + i * ORDER.size, point.encode(), passage, 0, 0, hold_us)
        HEADER.pack_into(self._map, 0, MAGIC, 0, len(orders))

    def carried_out(self):
        """The orders that killed somebody, in order."""
        current = HEADER.unpack_from(self._map, 0)[1]
        found = []
        for i in range(min(current, ORDERS_MAX)):
            name, left, unix_us, pid, _ = ORDER.unpack_from(self._map, HEADER.size + i * ORDER.size)
            found.append(Order(_name(name), left, unix_us, pid))
        return found

    def passages(self):
        """point -> how often it was passed, by all processes."""
        found = {}
        for i in range(POINTS_MAX):
            name, count, state = PASSAGES.unpack_from(self._map, POINTS_AT + i * PASSAGES.size)
            if state == 2:
                found[_name(name)] = count
        return found
