"""A worker: exposes functions, and serves managers with them.

    worker = maus.Worker("tcp://127.0.0.1:8500", type="common")

    @worker.expose
    def add(x: int, y: int) -> int:
        return x + y

    worker.run()        # until it is stopped, by worker.stop() or Ctrl-C

Functions run on threads, `concurrency` at a time. They may be generators (streams of items) and coroutines.
"""

import signal
import threading

from . import hints
from .core.session import Settings
from .core.worker import WorkerMachine
from .errors import Errc, error
from .limits import Limits
from .shell.calling import Exposed
from .shell.functions import Functions
from .shell.io import IoThread, now
from .wire import signature


class _WorkerThread(IoThread):
    def __init__(self, machine, functions, limits):
        super().__init__(machine, limits, "maus-worker")
        self.functions = functions
        functions.io = self
        self.leaving = False
        self.leave_until = 0
        self.busy_since = 0

    def sleep_for(self):
        made = super().sleep_for()
        functions = self.functions
        if functions.said:
            return 0
        if functions.active:
            moment = now()
            if not self.busy_since:
                self.busy_since = moment
            if moment - self.busy_since < 3_000_000:  # short calls: what they say is taken soon
                return min(made, 1)
        self.busy_since = 0
        self.asleep = True
        if functions.said:  # said before it could be seen that this sleeps
            self.asleep = False
            return 0
        if self.leaving:
            made = min(made, 50)
        return made

    def before_time(self):
        machine, functions = self.machine, self.functions
        if functions.take_said(machine):
            self.busy_since = 0
        if machine.draining and functions.is_idle:
            machine.drained(now())
        elif self.leaving and not machine.stopped and functions.is_idle:
            line = machine.line
            if line is None or line.state != "serving" or not line.held or now() >= self.leave_until:
                functions.take_said(machine)
                machine.flush()
                machine.finish_stop()

    def do_calls(self, calls):
        self.functions.put(calls)

    def do_forget(self):
        self.functions.forget()

    def do_more(self, call, items, count):
        self.functions.credit(call, items, count)

    def do_callback(self, call, number, answer):
        self.functions.callback_answered(call, number, answer)

    def do_cancelled(self, call):
        self.functions.cancel(call)

    def do_over(self, calls):
        self.functions.over(calls)

    def do_stopped(self):
        self.finished = True

    def leave(self, grace):
        if not self.leaving:
            self.leaving = True
            self.leave_until = now() + int(grace * 1e9)
            self.machine.stop(self.functions.forget(), now())

    def leave_at_once(self):
        self.leave(0)
        if not self.finished:
            self.machine.finish_stop()

    def ended(self):
        self.functions.end()


class Worker:
    """Exposes functions to managers. It registers with parkservers, or serves one manager directly."""

    def __init__(self, *parkservers, type="default", concurrency=1, manager=None, heartbeat_ms=1000, liveness=3,
                 limits=None):
        parkservers = parkservers or (() if manager else ("tcp://127.0.0.1:8500",))
        for endpoint in (*parkservers, *([manager] if manager else ())):
            if not str(endpoint).startswith(("tcp://", "ipc://")):
                raise error(Errc.invalid_argument, f"{endpoint!r} is no endpoint: it begins with tcp:// or ipc://")
        if parkservers and manager:
            raise error(Errc.invalid_argument, "a worker has parkservers, or one manager")
        if not signature.good_type_name(type):
            raise error(Errc.invalid_argument, f"{type!r} is no type of a worker")
        if not 1 <= concurrency <= 1024:
            raise error(Errc.invalid_argument, "concurrency is 1 to 1024")
        self._parkservers, self._manager, self._type, self._concurrency = parkservers, manager, type, concurrency
        self._limits = limits or Limits()
        self._settings = Settings(heartbeat_ms, liveness, self._limits)
        self._exposed, self._io = [], None
        self._lock = threading.Lock()

    def expose(self, function=None, *, name=None, signature=None):
        """Exposes a function: as a decorator, with or without arguments, or called with it.

        `signature` is the text of one ("add(i32,i32)->i32"); without it the function's hints are read, and without
        hints it is dynamic.
        """
        if isinstance(function, str):
            function, signature = None, function
        if function is None:
            return lambda made: self.expose(made, name=name, signature=signature)
        if self._io is not None:
            raise error(Errc.invalid_argument, "functions are exposed before the worker starts")
        wire = hints.function(function, name, signature)
        if any(each.wire.signature == wire.signature for each in self._exposed):
            raise error(Errc.invalid_argument, f"{wire.signature} is exposed already")
        self._exposed.append(Exposed(wire, function))
        return function

    @property
    def signatures(self):
        return [each.wire.signature for each in self._exposed]

    def start(self):
        """Registers, and serves on threads of its own; returns at once."""
        with self._lock:
            if self._io is None:
                functions = Functions(self._exposed, self._concurrency, self._limits)
                machine = WorkerMachine(self._settings, self._type, [each.wire for each in self._exposed],
                                        self._concurrency, self._parkservers, self._manager)
                self._io = _WorkerThread(machine, functions, self._limits)
                self._io.start()
        return self

    def run(self):
        """Serves until it is stopped: here, by Ctrl-C or (on the main thread) by SIGTERM; it leaves in order."""
        self.start()
        before = None
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            before = signal.signal(signal.SIGTERM, lambda *_: self._io.post(self._io.leave, 10.0))
        try:
            while self._io.thread.is_alive():
                self._io.thread.join(3600)
        except KeyboardInterrupt:
            self.stop()
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    def stop(self, grace=10.0):
        """Returns what was not started, answers what runs (for `grace` seconds at most) and leaves."""
        io = self._io
        if io is not None and io.thread.is_alive():
            io.post(io.leave, grace)
            if not io.is_mine:
                io.thread.join(grace + 5)

    @property
    def id(self):
        return self._io.machine.id.hex() if self._io else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
