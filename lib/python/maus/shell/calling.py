"""What a worker's function has of its call: its context, and the callables of its caller."""

import asyncio
import contextvars
import inspect
import struct
import threading

from ..errors import Errc, Unfit, error
from ..wire import messages, signature
from .io import now

_current = contextvars.ContextVar("maus_call", default=None)
WRONG_BYTES = (Unfit, struct.error, RecursionError, OverflowError, MemoryError)


class Exposed:
    """A function with its signature, and how its arguments and its result are made."""

    __slots__ = ("wire", "function", "takes", "gives", "is_async", "is_generator", "is_async_generator")

    def __init__(self, wire, function, takes=None, gives=None):
        self.wire, self.function, self.takes, self.gives = wire, function, takes, gives
        self.is_async = inspect.iscoroutinefunction(function)
        self.is_async_generator = inspect.isasyncgenfunction(function)
        self.is_generator = wire.items is not None


class CallContext:
    """What a function can know and say of the call that it serves: `maus.current_call()`."""

    def __init__(self, functions, call):
        self._functions, self._call = functions, call
        self._progress_at = 0

    @property
    def cancelled(self):
        """Whether nobody waits for the answer any more."""
        return self._call.cancelled

    @property
    def label(self):
        return self._call.label

    @property
    def trace(self):
        """The W3C traceparent of the call, or None."""
        raw = self._call.trace
        return raw and f"00-{raw[:16].hex()}-{raw[16:24].hex()}-{raw[24]:02x}"

    @property
    def time_left(self):
        """Seconds until the call's deadline, or None."""
        deadline = self._call.deadline
        return None if deadline is None else max(0, deadline - now()) / 1e9

    @property
    def fence(self):
        """(lease epoch, lease sequence, worker, incarnation, call, attempt) ([P-43])."""
        machine, call = self._functions.io.machine, self._call
        return (*call.line.lease, machine.id.hex(), machine.incarnation, call.call, call.attempt)

    @property
    def attempt(self):
        return self._call.attempt

    def progress(self, fraction, text=""):
        """Tells the caller how far this is: a fraction from 0 to 1, or NaN. Sent every 20 ms at most."""
        moment = now()
        if moment - self._progress_at >= 20_000_000:
            self._progress_at = moment
            call = self._call
            text = messages.cut(text, call.line.limits.text_bytes_max)
            self._functions.say(call, messages.record("progress", call=call.call, attempt=call.attempt,
                                                      fraction=fraction, text=text))


def current_call():
    """The CallContext of the call that runs here, or None."""
    return _current.get()


class Callable:
    """A callable of the caller. Calling it waits for its result; `acall` is for coroutines."""

    def __init__(self, functions, call, number, codec):
        self._functions, self._call, self._number, self._codec = functions, call, number, codec

    def _ask(self, arguments, answered):
        codec, out = self._codec, bytearray()
        if len(arguments) != len(codec.parameters):
            raise error(Errc.signature_mismatch, f"{codec.name} takes {len(codec.parameters)} arguments")
        try:
            for each, value in zip(codec.parameters, arguments):
                each.encode(value, out)
        except (Unfit, struct.error) as wrong:
            raise error(Errc.bad_arguments, f"{wrong}, in a call of {codec.name}") from None
        self._functions.ask(self._call, self._number, bytes(out), answered)

    def _result(self, answer):
        failed, payload = answer
        if failed:
            raise error(failed[0], failed[2], remote_type=failed[1])
        try:
            return signature.decode_one(self._codec.result, payload)
        except WRONG_BYTES as wrong:
            raise error(Errc.bad_result, f"{wrong}, of a callable {self._codec.name}") from None

    def __call__(self, *arguments):
        box, there = [], threading.Event()

        def answered(answer):
            box.append(answer)
            there.set()
        self._ask(arguments, answered)
        self._functions.give_slot_back()
        try:
            there.wait()
        finally:
            self._functions.take_slot_again()
        return self._result(box[0])

    async def acall(self, *arguments):
        loop = asyncio.get_running_loop()
        made = loop.create_future()

        def answered(answer):
            if not loop.is_closed():
                loop.call_soon_threadsafe(lambda: made.done() or made.set_result(answer))
        self._ask(arguments, answered)
        return self._result(await made)
