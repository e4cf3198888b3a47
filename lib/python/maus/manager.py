"""A manager: requests workers and calls functions on them.

    with maus.Manager("tcp://127.0.0.1:8500") as manager:
        workers = manager.get_workers(2, type="common")
        workers.call("add", 1, 2)                       # waits, and returns 3
        future = workers.submit("add", 1, 2)            # a concurrent.futures.Future
        await workers.acall("add", 1, 2)                # in a coroutine
        for item in workers.stream("count", 10): ...    # also: async for
        workers.map("add", [1, 2], [3, 4])

Every call completes exactly once: with the value or the exception of one complete execution, or with a named error.
"""

import asyncio
import collections
import concurrent.futures
import contextvars
import itertools
import logging
import socket
import threading

from .core.calls import Call, Options
from .core.manager import ManagerMachine
from .core.session import Settings
from .errors import Errc, Error, Unfit, error
from .limits import Limits
from .shell.calling import WRONG_BYTES, _current
from .shell.io import now
from .shell.router import RouterThread
from .stream import Stream
from .wire import signature
from .wire.codecs import Reference

_in_callable = contextvars.ContextVar("maus_in_callable", default=None)
CALLABLE_THREADS = 64
_log = logging.getLogger("maus")


class _Raw:
    """A result that nobody has read yet."""

    __slots__ = ("function", "payload", "into")

    def __init__(self, function, payload, into):
        self.function, self.payload, self.into = function, payload, into


class Future(concurrent.futures.Future):
    """The outcome of a call. cancel() cancels the call; callbacks run on the manager's thread and must be quick."""

    def __init__(self, io):
        super().__init__()
        self._io, self._call, self._progress = io, None, None

    def cancel(self):
        if self.done():
            return self.cancelled()
        self._io.post(lambda: self._io.machine.cancel(self._call, now()))
        return True

    def result(self, timeout=None):
        value = super().result(timeout)
        return self._read(value) if type(value) is _Raw else value

    def _read(self, raw):
        try:
            value = raw.into(raw.function, raw.payload)
        except WRONG_BYTES as wrong:
            failed = error(Errc.bad_result, f"{wrong}, of {raw.function.signature}", function=raw.function.name)
            self._result, self._exception = None, failed
            raise failed from None
        self._result = value
        return value

    def exception(self, timeout=None):
        failed = super().exception(timeout)
        if failed is None and type(self._result) is _Raw:
            try:
                self._read(self._result)
            except Error as wrong:
                return wrong
        return failed

    def on_progress(self, told):
        """Has told(fraction, text) called, on the manager's thread, whenever the function tells how far it is."""
        self._progress = told
        return self


def _decode(function, payload):
    return function.decode_result(payload)


def _decode_numpy(function, payload):
    from .wire.containers import List, Numbers
    result = function.result
    if isinstance(result, List) and result.of.letter and result.fixed is None:
        return signature.decode_one(Numbers(result.of), payload)
    import numpy
    return numpy.asarray(function.decode_result(payload))


class _ManagerThread(RouterThread):
    def __init__(self, machine, limits, binds):
        super().__init__(machine, limits, binds)
        self.callables = None
        self.callables_busy = 0
        self.groups = {}

    def do_settle(self, call, failure, function, payload):
        if call.stream is not None:
            return call.stream._ended(failure)
        future = call.future
        if failure is None:
            into = call.options_into
            if function.result is signature.VOID and len(payload) == 0:
                future.set_result(None)
            else:
                future.set_result(_Raw(function, payload, into))
        else:
            future.set_exception(failure)

    def do_item(self, call, items):
        call.stream._came(call, items)

    def do_progress(self, call, fraction, text):
        if call.future is not None and call.future._progress is not None:
            try:
                call.future._progress(fraction, text)
            except Exception:
                _log.exception("on_progress of %s", call.name)

    def do_group(self, group):
        made = self.groups.get(group.number)
        if made is not None:
            made._changed()

    def do_callback_over(self, asked):
        pass

    def do_callback(self, link, call, attempt, number, callable_, payload, asked):
        if self.callables is None:
            self.callables = concurrent.futures.ThreadPoolExecutor(CALLABLE_THREADS, "maus-callable")
        if self.callables_busy >= CALLABLE_THREADS:
            return self.machine.callback_answered(link, call, attempt, number,
                                                  (Errc.overloaded, "", "no thread is left"), None, now())
        self.callables_busy += 1
        self.callables.submit(self.run_callable, link, call, attempt, number, callable_, payload)

    def run_callable(self, link, call, attempt, number, callable_, payload):
        codec, function = callable_
        failure, result = None, b""
        try:
            arguments, at = [], 0
            for each in codec.parameters:
                value, at = each.decode(payload, at)
                arguments.append(value)
            if at != len(payload):
                raise Unfit("bytes are left over")
        except Exception as wrong:
            failure = Errc.bad_arguments, "", str(wrong)
        if failure is None:
            _in_callable.set(call)
            try:
                value = function(*arguments)
                if asyncio.iscoroutine(value):
                    value = asyncio.run(value)
                result = signature.encode_one(codec.result, None if codec.result is signature.VOID else value)
            except Error as thrown:
                failure = Errc.remote_exception, f"maus.{type(thrown).__name__}", str(thrown)
            except BaseException as thrown:
                failure = Errc.remote_exception, type(thrown).__name__, str(thrown)
        self.post(self.callable_ended, link, call, attempt, number, failure, result)

    def callable_ended(self, *answer):
        self.callables_busy -= 1
        self.machine.callback_answered(*answer, now())

    def ended(self):
        for group in list(self.machine.groups.values()):
            for call in list(group.calls):
                self.machine.settle(call, error(Errc.shutdown, "the manager ended"), now())
        for effect in self.machine.take():
            if effect[0] == "settle":
                self.do_settle(*effect[1:])
        for each in list(self.groups.values()):
            each._changed()
        if self.callables is not None:
            self.callables.shutdown(wait=False)

    def leave(self):
        self.machine.stop(now())
        self.apply()
        self.finished = True

    leave_at_once = leave


def named(name):
    """A function of the worker as an argument: workers.call("apply", 3, maus.named("twice"))."""
    return Reference(name=name)


class Workers:
    """A group of workers that serve one request. Safe to use from any thread."""

    def __init__(self, manager, type_name, amount):
        self._manager, self._io, self.type, self.amount = manager, manager._io, type_name, amount
        self._ready = threading.Condition()
        self._group = None

    def _changed(self):
        with self._ready:
            self._ready.notify_all()

    def __len__(self):
        return len(self._group.links) if self._group else 0

    @property
    def ids(self):
        """The ids of its workers, 32 hexadecimal digits each."""
        return [each.worker.hex() for each in list(self._group.links)]

    def wait(self, amount=None, timeout=None):
        """Waits until so many workers are there (what was requested; at least 1); raises no_workers."""
        amount = max(1, self.amount) if amount is None else amount
        with self._ready:
            if not self._ready.wait_for(lambda: len(self) >= amount or self._io.finished, timeout):
                raise error(Errc.no_workers, f"{len(self)} of {amount} workers of type {self.type} came in time")
        if self._io.finished:
            raise error(Errc.shutdown, "the manager stopped")
        return self

    # Calls.

    def _make(self, name, arguments, options, stream=None):
        io = self._io
        timeout, deadline = options.pop("timeout", None), None
        around = _current.get()
        if timeout is not None:
            deadline = now() + int(timeout * 1e9)
        if around is not None:  # what a function calls has no later deadline, and the same trace ([P-93])
            if around._call.deadline is not None:
                deadline = min(deadline or around._call.deadline, around._call.deadline)
            options.setdefault("trace", around._call.trace or b"")
        if isinstance(options.get("trace"), str):
            options["trace"] = _trace(options["trace"])
        if _in_callable.get() is not None and stream is None:
            options["nested"] = True
        as_numpy = options.pop("numpy", False)
        try:
            made = Options(**options) if options else _plain_options
        except TypeError as wrong:
            raise error(Errc.invalid_argument, str(wrong).partition(") ")[2] or str(wrong)) from None
        if made.label and not signature.good_type_name(made.label):
            raise error(Errc.invalid_argument, f"{made.label!r} is no label")
        if made.max_crashes < 1:
            raise error(Errc.invalid_argument, "max_crashes is 1 at least")
        wanted = None
        if "(" in name:
            try:
                wanted = signature.parse(name)
            except Unfit as wrong:
                raise error(Errc.invalid_argument, str(wrong)) from None
            name = wanted.name
        if len(self._group.calls) >= io.limits.calls_max:
            raise error(Errc.overloaded, "too many calls are not settled (calls_max)")
        if io.finished:
            raise error(Errc.shutdown, "the manager stopped")
        call = _Call(name, wanted, arguments, made, deadline, None if stream is not None else Future(io), stream)
        call.options_into = _decode_numpy if as_numpy else _decode
        if call.future is not None:
            call.future._call = call
        return call

    def _begin(self, call):
        io = self._io
        io.posted.append((io.machine.call, (self._group, call, now())))
        io.wake()
        if io.finished:
            io.machine.settle(call, error(Errc.shutdown, "the manager stopped"), now())

    def submit(self, name, *arguments, **options):
        """Calls a function; returns a Future at once.

        `name` may be a whole signature, which chooses among functions of one name. Arguments must not be changed until
        the call is settled. Options: timeout (seconds), at_most_once, max_crashes, attempt_timeout, label, trace,
        worker (the id of one of `ids`: only that one), numpy (the result as an array).
        """
        call = self._make(name, arguments, options)
        self._begin(call)
        return call.future

    def call(self, name, *arguments, **options):
        """Calls a function and waits for its result."""
        if self._io.is_mine:
            raise error(Errc.invalid_argument, "a callback of a future must not wait for calls")
        return self.submit(name, *arguments, **options).result()

    async def acall(self, name, *arguments, **options):
        """The same for coroutines; to cancel the task cancels the call."""
        future = self.submit(name, *arguments, **options)
        return await asyncio.wrap_future(future)

    def stream(self, name, *arguments, items_max=None, bytes_max=None, **options):
        """Calls a stream function; what it gives is read by `for` or `async for`. Option: replayable."""
        limits = self._io.limits
        stream = Stream(self._io, items_max or limits.stream_items_max, bytes_max or limits.stream_bytes_max)
        call = self._make(name, arguments, options, stream)
        stream._call = call
        self._begin(call)
        return stream

    def map(self, name, *iterables, window=1000, **options):
        """Calls it for each tuple of arguments; yields results in order, with `window` calls at a time."""
        each = zip(*iterables)
        queue = collections.deque()
        for arguments in itertools.islice(each, window):
            queue.append(self.submit(name, *arguments, **dict(options)))
        try:
            while queue:
                value = queue.popleft().result()
                for arguments in itertools.islice(each, 1):
                    queue.append(self.submit(name, *arguments, **dict(options)))
                yield value
        finally:
            for future in queue:
                future.cancel()

    def release(self):
        """Gives the workers back. What is not settled fails with cancelled."""
        io = self._io
        if self._group is not None and not io.finished:
            done = threading.Event()

            def release():
                io.machine.release(self._group, now())
                io.groups.pop(self._group.number, None)
                done.set()
            io.post(release)
            if not io.is_mine:
                while not done.wait(0.1) and not io.finished:
                    pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()


class _Call(Call):
    __slots__ = ("options_into",)


_plain_options = Options()


def _trace(text):
    """The bytes of a W3C traceparent."""
    parts = text.split("-")
    try:
        made = bytes.fromhex(parts[1]) + bytes.fromhex(parts[2]) + bytes.fromhex(parts[3])
        if len(parts) != 4 or parts[0] != "00" or len(made) != 25:
            raise ValueError
        return made
    except (ValueError, IndexError):
        raise error(Errc.invalid_argument, f"{text!r} is no traceparent") from None


def _own_address(endpoint):
    """The address of this host by which a parkserver's host is reached."""
    host, _, port = endpoint[6:].rpartition(":")
    try:
        family, kind, _, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)
            found = probe.getsockname()[0]
            return f"[{found}]" if ":" in found else found
    except (OSError, ValueError):
        return "127.0.0.1"


class Manager:
    """Requests workers from parkservers; workers may also connect to it directly.

    bind: where workers reach it; without it, a port of the address by which the first parkserver is reached. relay:
    no address at all, its parkserver passes everything on. endpoints: what workers are told, if that is another
    address (behind a router).
    """

    def __init__(self, *parkservers, bind=None, endpoints=None, relay=False, heartbeat_ms=1000, liveness=3, limits=None):
        if not parkservers and not bind:
            parkservers = ("tcp://127.0.0.1:8500",)
        for endpoint in (*parkservers, *([bind] if bind else ())):
            if not str(endpoint).startswith(("tcp://", "ipc://")):
                raise error(Errc.invalid_argument, f"{endpoint!r} is no endpoint: it begins with tcp:// or ipc://")
        limits = limits or Limits()
        machine = ManagerMachine(Settings(heartbeat_ms, liveness, limits), (), parkservers)
        if relay:
            binds = ()
        elif bind:
            binds = (bind,)
        else:
            local = next((each for each in parkservers if each.startswith("tcp://")), None)
            binds = (f"tcp://{_own_address(local) if local else '127.0.0.1'}:*",)
        try:
            self._io = _ManagerThread(machine, limits, binds)
        except OSError as failed:  # zmq.ZMQError is none of them everywhere
            raise error(Errc.invalid_argument, f"cannot bind {binds}: {failed}") from None
        if binds:
            machine.endpoints = list(endpoints or self._io.bound)
        self._io.start()

    @property
    def endpoints(self):
        """Where workers reach it."""
        return list(self._io.machine.endpoints)

    def get_workers(self, amount=None, type="default", timeout=None, wait=True, *, min=None, max=None):
        """Requests workers and waits until they are there. amount 0: all that are free, at least one.

        With min, or with max, the request is elastic: it grows while nobody else waits, and gives workers back for
        those that do. Without any number amount is 1.
        """
        elastic = None
        if min is not None or max is not None:
            elastic = (1 if min is None else min, max or 0)
            if amount is not None or elastic[0] < 1 or elastic[1] and elastic[1] < elastic[0]:
                raise error(Errc.invalid_argument, "an elastic request has a min of 1 at least, a max that is no less, "
                                                   "and no amount")
            amount = elastic[0]
        amount = 1 if amount is None else amount
        if self._io.finished:
            raise error(Errc.shutdown, "the manager stopped")
        if not signature.good_type_name(type):
            raise error(Errc.invalid_argument, f"{type!r} is no type of a worker")
        made, done = Workers(self, type, amount), threading.Event()

        def request():
            made._group = self._io.machine.request(type, amount, elastic)
            self._io.groups[made._group.number] = made
            done.set()
        self._io.post(request)
        while not done.wait(0.1):
            if self._io.finished:
                raise error(Errc.shutdown, "the manager stopped")
        if wait:
            try:
                made.wait(timeout=timeout)
            except BaseException:
                made.release()
                raise
        return made

    async def aget_workers(self, amount=None, type="default", timeout=None, **elastic):
        """The same for coroutines."""
        return await asyncio.get_running_loop().run_in_executor(
            None, lambda: self.get_workers(amount, type, timeout, **elastic))

    @property
    def counters(self):
        return dict(self._io.machine.counters)

    def stop(self):
        """Gives all workers back, and ends. What is not settled fails with cancelled."""
        io = self._io
        if io.thread.is_alive():
            io.post(io.leave)
            if not io.is_mine:
                io.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
