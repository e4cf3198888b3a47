"""Large payloads, cut so that little is on its way at a time (PROTOCOL.md, 6.1).

Without the feature `transfer` an Outlet hands everything on as it comes.
"""

import collections

from ..errors import Errc
from ..wire import messages
from ..wire.messages import APART, LAST_PART, UNTAKEN, Violation, bad
from .session import MS

WINDOW_FIRST, WINDOW_LEAST, WINDOW_MOST = 256 << 10, 64 << 10, 32 << 20
SOON, LATE = 60 * MS, 250 * MS  # how long what was sent may be on its way before less is sent at a time


class _Waiting:
    __slots__ = ("key", "raw", "payload", "offset", "call")

    def __init__(self, key, raw, payload, call):
        self.key, self.raw, self.payload, self.offset, self.call = key, raw, payload, 0, call


class Outlet:
    """What is said over one link. Records of one call keep their order; others pass what is large."""

    __slots__ = ("batch", "part", "is_on", "queue", "keys", "waiting_bytes", "sent", "taken", "window", "marks", "moved_at")

    def __init__(self, batch, part):
        self.batch, self.part, self.is_on = batch, part, False
        self.queue, self.keys = collections.deque(), collections.Counter()
        self.waiting_bytes = self.sent = self.taken = 0
        self.window, self.marks, self.moved_at = WINDOW_FIRST, collections.deque(), 0

    def add(self, key, raw, payload=None, call=None):
        """`call.sending` is kept while its payload is not all sent."""
        if not self.queue and payload is None or not self.is_on:
            return self.batch.add(raw, payload)
        if payload is None:
            if key not in self.keys:
                return self.batch.add(raw)
        else:
            self.waiting_bytes += len(payload)
            if call is not None:
                call.sending = True
        self.queue.append(_Waiting(key, raw, payload, call))
        self.keys[key] += 1
        return None

    def pump(self, now):
        """Sends as much of what waits as may be on its way."""
        queue = self.queue
        while queue:
            first = queue[0]
            if first.payload is None:
                self.batch.add(first.raw)
            else:
                on_its_way = self.sent - self.taken
                left, room = len(first.payload) - first.offset, self.window - on_its_way
                size = min(left, max(self.window // 2, 1))
                if on_its_way and size > room:
                    return
                if not on_its_way:
                    self.moved_at = now
                view = memoryview(first.payload)
                self.sent += size
                self.waiting_bytes -= size
                self.marks.append((self.sent, now))
                if size < left:
                    self.batch.add(self.part_record(first.offset), view[first.offset:first.offset + size])
                    first.offset += size
                    continue
                raw = first.raw
                if first.offset:
                    raw = bytearray(raw)
                    raw[5] |= LAST_PART
                    raw = bytes(raw)
                self.batch.add(raw, view[first.offset:] if first.offset else first.payload)
                if first.call is not None:
                    first.call.sending = False
            self.pop()

    def pop(self):
        first = self.queue.popleft()
        self.keys[first.key] -= 1
        if not self.keys[first.key]:
            del self.keys[first.key]

    def part_record(self, offset):
        raw = bytearray(messages.record(self.part, offset=offset))
        raw[5] |= APART
        return bytes(raw)

    def give_up(self, key):
        """What waits of a call is not sent any more."""
        if key not in self.keys:
            return
        first = self.queue[0]
        if first.key == key and first.offset:
            self.batch.add(self.part_record(0), b"")
        for each in self.queue:
            if each.key == key and each.payload is not None:
                self.waiting_bytes -= len(each.payload) - each.offset
                if each.call is not None:
                    each.call.sending = False
        self.queue = collections.deque(each for each in self.queue if each.key != key)
        del self.keys[key]

    def was_taken(self, count, now):
        """`taken` came ([P-84])."""
        if not self.is_on:
            raise bad("without the feature transfer")
        if not self.taken <= count <= self.sent:
            raise bad("more was taken than was sent, or less than before")
        self.taken, self.moved_at = count, now
        since = None
        while self.marks and self.marks[0][0] <= count:
            since = now - self.marks.popleft()[1]
        if since is not None and since < SOON:
            self.window = min(WINDOW_MOST, self.window * 2)
        elif since is not None and since > LATE:
            self.window = max(WINDOW_LEAST, self.window // 2)

    def is_stuck(self, now, timeout):
        """Whether something is to be taken and nothing was for the heartbeat timeout ([P-86])."""
        return self.sent > self.taken and now >= self.moved_at + timeout


class Arrivals:
    """Further frames that come over one link: parts, and how many bytes were taken."""

    __slots__ = ("is_on", "pieces", "size", "taken", "tell")

    def __init__(self):
        self.is_on, self.pieces, self.size, self.taken, self.tell = False, None, 0, 0, False

    def frame(self, number, flags, body, apart, most):
        """Of a record with a further frame: the payload's frame, all of it; None for a part."""
        if not self.is_on:
            if number in (10, 40):
                raise bad("without the feature transfer")
            return apart
        self.taken += len(apart)
        self.tell |= not flags & UNTAKEN
        if number in (10, 40):
            self.part(messages.read_record(number, body)[0]["offset"], apart, most)
            return None
        if flags & LAST_PART and number in messages.PAYLOADS:
            if self.pieces is None:
                raise bad("the last part of nothing")
            self.keep(apart, most)
            made, self.pieces = b"".join(self.pieces), None
            return made
        return apart

    def part(self, offset, apart, most):
        if offset == 0:
            self.pieces, self.size = [], 0
        elif self.pieces is None or offset != self.size:
            raise bad("a part does not begin where the last one ended")
        self.keep(apart, most)

    def keep(self, apart, most):
        self.size += len(apart)
        if self.size > most:
            raise Violation(Errc.too_large, "a payload is larger than message_bytes_max")
        self.pieces.append(bytes(apart))

    def answer(self, name):
        """The record `taken`, if somebody has to be told; else None."""
        if not self.tell:
            return None
        self.tell = False
        return messages.record(name, bytes=self.taken)
