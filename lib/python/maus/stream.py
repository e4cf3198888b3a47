"""Items of a stream function, as they are read."""

import asyncio
import collections
import threading

from .errors import Errc, error
from .shell.calling import WRONG_BYTES
from .shell.io import now
from .wire.signature import decode_one

class Stream:
    """Read by `for`, or by `async for`; the function waits while what it gave is not read. close() cancels it."""

    def __init__(self, io, items_max, bytes_max):
        self._io, self._call = io, None
        self._items_max, self._bytes_max = max(1, items_max), max(1, bytes_max)
        self._items = collections.deque()  # (codec, bytes)
        self._there = threading.Condition()
        self._wakers = []
        self._failure, self._is_over = None, False
        self._unread_bytes = 0
        self._read_items = self._read_bytes = 0
        self.delivered = 0  #: items that were read

    # The manager's thread.

    def room(self):
        """The credit of a new attempt: what may wait, less what waits."""
        with self._there:
            self._read_items = self._read_bytes = 0
            return (max(0, self._items_max - len(self._items)), max(0, self._bytes_max - self._unread_bytes))

    def _came(self, call, items):
        codec = call.function.items
        with self._there:
            self._items.extend([(codec, raw) for raw in items])
            self._unread_bytes += sum(map(len, items))
            self._tell()

    def _ended(self, failure):
        with self._there:
            self._failure, self._is_over = failure, True
            self._tell()

    def _tell(self):
        self._there.notify_all()
        for loop, future in self._wakers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda made=future: made.done() or made.set_result(None))
        self._wakers.clear()

    # Whoever reads.

    def _take(self):
        """The next item as (codec, bytes); None if there is none yet. With the lock held."""
        if self._items:
            codec, raw = self._items.popleft()
            self._unread_bytes -= len(raw)
            self._read_items += 1
            self._read_bytes += len(raw)
            if self._read_items * 2 >= self._items_max or self._read_bytes * 2 >= self._bytes_max:
                self._io.post(self._give_credit)
            return codec, raw
        if self._is_over:
            if self._failure is not None:
                self._failure.delivered = self.delivered
                raise self._failure
            raise StopIteration
        return None

    def _give_credit(self):
        with self._there:
            items, count = self._read_items, self._read_bytes
            self._read_items = self._read_bytes = 0
        if (items or count) and self._call.state == "sent":
            self._io.machine.give_credit(self._call, items, count)

    def _made(self, taken):
        codec, raw = taken
        try:
            value = decode_one(codec, raw)
        except WRONG_BYTES as wrong:
            self.close()
            raise error(Errc.bad_result, f"{wrong}, an item of {self._call.name}") from None
        self.delivered += 1
        return value

    def __iter__(self):
        return self

    def __next__(self):
        with self._there:
            while True:
                taken = self._take()
                if taken is not None:
                    break
                if self._io.finished and not self._is_over:
                    raise error(Errc.shutdown, "the manager stopped")
                self._there.wait(1)
        return self._made(taken)

    def __aiter__(self):
        return self

    async def __anext__(self):
        loop = asyncio.get_running_loop()
        while True:
            with self._there:
                try:
                    taken = self._take()
                except StopIteration:
                    raise StopAsyncIteration from None
                if taken is None:
                    future = loop.create_future()
                    self._wakers.append((loop, future))
            if taken is not None:
                return self._made(taken)
            await future

    def close(self):
        """Cancels the function, if it still runs."""
        if not self._is_over and not self._io.finished:
            self._io.post(lambda: self._io.machine.cancel(self._call, now()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
