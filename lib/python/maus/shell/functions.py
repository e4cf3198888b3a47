"""The threads that run a worker's functions, and what they say of each call.

Results wait in `said` until the I/O thread takes them. It looks each millisecond while something runs; a function that
takes longer wakes it at its end (IoThread.asleep). So many short calls cost few switches between threads.
"""

import asyncio
import collections
import contextvars
import struct
import threading

from ..errors import Errc, Error, error
from ..wire import messages, signature
from ..wire.codecs import Reference
from .calling import WRONG_BYTES, CallContext, Callable, _current
from .io import now

_result = struct.Struct("<IBBHQI").pack
RESULT, FAILED, RETURNED, DETACHED, STARTED, CALLBACK, ITEM, PROGRESS = 2, 3, 4, 5, 6, 12, 14, 129


class Functions:
    def __init__(self, exposed, concurrency, limits):
        self.exposed, self.concurrency, self.limits = exposed, concurrency, limits
        self.by_signature = {each.wire.signature: each for each in exposed}
        self.io = None
        self.lock = threading.Lock()
        self.more = threading.Condition(self.lock)
        self.queue = collections.deque()
        self.said = collections.deque()  # (call, raw, apart, is its last word)
        self.active = 0  # functions that hold a slot
        self.waiting = 0  # functions that wait for a callable
        self.threads = self.idle = 0
        self.ending = False
        self.loop = None

    # The I/O thread.

    def put(self, calls):
        with self.lock:
            self.queue.extend(calls)
            self.start_threads()
            self.more.notify(min(len(calls), self.idle) or 1)

    def start_threads(self):
        room = min(self.concurrency - self.active, len(self.queue)) - self.idle
        for _ in range(room):
            self.threads += 1
            self.idle += 1
            threading.Thread(target=self.serve, name="maus-function", daemon=True).start()

    def forget(self):
        """What was not started is not wanted any more; it is returned."""
        with self.lock:
            unstarted = [each for each in self.queue if each.state is None]
            self.queue.clear()
        return unstarted

    def end(self):
        with self.lock:
            self.ending = True
            self.more.notify_all()
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.stop)

    @property
    def is_idle(self):
        return not self.active and not self.waiting

    def take_said(self, machine):
        """Hands what functions said to the machine; whether there was anything."""
        said = self.said
        if not said:
            return False
        items = []
        while said:
            call, raw, apart, last = said.popleft()
            if last is None:  # an item of a stream: those of one call in a row travel in one record
                if items and items[0][0] is not call:
                    self.say_items(machine, items)
                items.append((call, raw))
                continue
            if items:
                self.say_items(machine, items)
            if last:
                machine.answer(call, raw, apart)
            else:
                machine.say(call, raw, apart)
        if items:
            self.say_items(machine, items)
        return True

    def say_items(self, machine, items):
        call, size, part = items[0][0], 0, []
        for _, raw in items:
            part.append(raw)
            size += len(raw)
            if size > 32768:
                self.say_record(machine, call, part)
                part, size = [], 0
        if part:
            self.say_record(machine, call, part)
        items.clear()

    def say_record(self, machine, call, part):
        payload = part[0] if len(part) == 1 else b"".join(
            piece for raw in part for piece in (len(raw).to_bytes(4, "little"), raw))
        head = call.head + len(part).to_bytes(4, "little")
        machine.say(call, *messages.record_with_payload(ITEM, head, payload))

    def credit(self, call, items, count):
        """`more` came: a stream that waits goes on."""
        with self.lock:
            call.credit_items += items
            call.credit_bytes += count
            state = call.state
            if state is None or state.runs or call.credit_items <= 0 or call.credit_bytes <= 0:
                return
            tell = self.go_on(call)
        tell()

    def go_on(self, call):
        """With the lock: a stream that waits has its turn. What it gives is to be called without the lock."""
        wait, call.wait, call.state.runs = call.wait, None, True
        if wait is not None:
            return wait
        self.queue.appendleft(call)
        self.start_threads()
        self.more.notify()
        return lambda: None

    def callback_answered(self, call, number, answer):
        answered = (call.callbacks or {}).pop(number, None)
        if answered is not None:
            call.line.callbacks_open -= 1
            answered(answer)
            self.ask_waiting(call.line)

    def over(self, calls):
        """Nobody waits for the answers of these any more."""
        for call in calls:
            call.cancelled = call.answered = True
            for answered in list((call.callbacks or {}).values()):
                answered(((Errc.cancelled, "", "its link is over"), None))
            call.callbacks = None
            self.cancel(call)

    def cancel(self, call):
        """A stream that waits for credit ends."""
        with self.lock:
            if call.state is None or call.state.runs:
                return
            tell = self.go_on(call)
        tell()

    # Functions' threads.

    def say(self, call, raw, apart=None, last=False):
        self.said.append((call, raw, apart, last))
        if self.io.asleep:
            self.io.wake()

    def serve(self):
        lock, queue = self.lock, self.queue
        ran = False
        while True:
            if ran and not queue:
                self.io.wake()
            with lock:
                if ran:
                    self.active -= 1
                    self.idle += 1
                    if self.io.machine.draining or self.io.leaving:
                        self.io.wake()
                while (not queue or self.active >= self.concurrency) and not self.ending:
                    if self.idle > self.concurrency:
                        break
                    self.more.wait()
                self.idle -= 1
                if self.ending or not queue or self.active >= self.concurrency:
                    self.threads -= 1
                    return
                call = queue.popleft()
                self.active += 1
            ran = True
            if call.state is not None:
                self.stream(call)
            else:
                self.one(call)
            call = None

    def one(self, call):
        if call.cancelled:
            return self.say(call, _result(12, RETURNED, 0, 0, call.call, call.attempt), None, True)
        moment = now()
        if moment >= call.line.until:
            return self.io.wake()  # its lease has run out: the link is over
        if call.deadline is not None and moment >= call.deadline:
            return self.fail(call, Errc.deadline_exceeded, "", "its deadline passed before it could start")
        if call.at_most_once:
            self.say(call, _result(12, STARTED, 0, 0, call.call, call.attempt))
        exposed = self.by_signature[call.function.signature]
        try:
            arguments = call.function.decode_arguments(call.payload)
            if call.function.takes_functions:
                arguments = self.with_callables(call, arguments)
            if exposed.takes is not None:
                arguments = exposed.takes(arguments)
        except Exception as wrong:
            return self.fail(call, Errc.bad_arguments, "", f"{wrong}, in a call of {call.function.signature}")
        call.payload = None
        if exposed.is_async or exposed.is_async_generator:
            return self.start_coroutine(call, exposed, arguments)
        _current.set(CallContext(self, call))
        try:
            result = exposed.function(*arguments)
            if exposed.is_generator:
                call.state = _Stream(iter(result), exposed)
                return self.stream(call)
            self.succeed(call, exposed, result)
        except BaseException as thrown:
            self.threw(call, thrown)

    def succeed(self, call, exposed, result):
        try:
            if exposed.gives is not None:
                result = exposed.gives(result)
            payload = call.function.encode_result(result)
        except WRONG_BYTES as wrong:
            return self.fail(call, Errc.remote_exception, "TypeError",
                             f"{wrong}: what {call.function.signature} returned is no such result")
        size, line = len(payload), call.line
        if size < 32768 and size <= line.limits.message_bytes_max:
            self.said.append((call, _result(12 + size, RESULT, 0, 0, call.call, call.attempt) + payload, None, True))
            if self.io.asleep:
                self.io.wake()
            return
        if not self.fits(call, size):
            return
        self.say(call, *messages.record_with_payload(RESULT, call.head, payload), True)

    def fits(self, call, size):
        line = call.line
        most, whose = line.limits.message_bytes_max, "its manager"
        if line.relayed and line.session.limits.message_bytes_max < most:
            most, whose = line.session.limits.message_bytes_max, "the parkserver that relays"
        if size <= most:
            return True
        self.fail(call, Errc.too_large, "", f"the result has {size} bytes; {whose} takes {most} (message_bytes_max)")
        return False

    def fail(self, call, code, kind, text):
        most = call.line.limits.text_bytes_max
        raw = messages.record("failed", call=call.call, attempt=call.attempt, error=int(code),
                              type=messages.cut(kind, most), text=messages.cut(text, most))
        self.say(call, raw, None, True)

    def threw(self, call, thrown):
        kind = type(thrown)
        if isinstance(thrown, Error):
            name = thrown.remote_type or f"maus.{kind.__name__}"
            return self.fail(call, Errc.remote_exception, name, thrown.text or str(thrown))
        if isinstance(thrown, asyncio.CancelledError) and call.cancelled:
            return self.fail(call, Errc.cancelled, "", "it was cancelled")
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self.fail(call, Errc.remote_exception, name, str(thrown))

    # Streams.

    def has_credit(self, call):
        """Whether the next item may be sent; if not, the call waits for `more`. With the lock held."""
        if call.skip or call.cancelled or (call.credit_items > 0 and call.credit_bytes > 0):
            return True
        call.state.runs = False
        return False

    def stream(self, call):
        state = call.state
        _current.set(CallContext(self, call))
        try:
            for _ in iter(int, 1):
                with self.lock:
                    if not self.has_credit(call):
                        if not call.detached:
                            call.detached = True
                            self.said.append((call, _result(12, DETACHED, 0, 0, call.call, call.attempt), None, False))
                        return self.io.wake()
                if call.cancelled:
                    state.items.close() if hasattr(state.items, "close") else None
                    return self.fail(call, Errc.cancelled, "", "the stream was cancelled")
                try:
                    item = next(state.items)
                except StopIteration:
                    break
                if not self.give_item(call, state.exposed, item):
                    return None
        except BaseException as thrown:
            return self.threw(call, thrown)
        self.say(call, _result(12, RESULT, 0, 0, call.call, call.attempt), None, True)

    def give_item(self, call, exposed, item):
        """Sends one item; whether the stream goes on."""
        if call.skip:
            call.skip -= 1
            return True
        try:
            if exposed.gives is not None:
                item = exposed.gives(item)
            raw = signature.encode_one(call.function.items, item)
        except WRONG_BYTES as wrong:
            self.fail(call, Errc.remote_exception, "TypeError", f"{wrong}: no item of {call.function.signature}")
            return False
        if not self.fits(call, len(raw)):
            return False
        with self.lock:
            call.credit_items -= 1
            call.credit_bytes -= len(raw)  # the last one may go beyond; that much of the next credit is spent then
        self.said.append((call, raw, None, None))
        if self.io.asleep:
            self.io.wake()
        return True

    # Coroutines: on a loop of their own, detached, so that they hold no slot.

    def start_coroutine(self, call, exposed, arguments):
        with self.lock:
            if self.loop is None:
                self.loop = asyncio.new_event_loop()
                threading.Thread(target=self.run_loop, name="maus-coroutines", daemon=True).start()
        call.detached = True
        self.say(call, _result(12, DETACHED, 0, 0, call.call, call.attempt))
        context = contextvars.copy_context()
        context.run(_current.set, CallContext(self, call))
        self.loop.call_soon_threadsafe(
            lambda: context.run(self.loop.create_task, self.coroutine(call, exposed, arguments)))

    def run_loop(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        left = asyncio.all_tasks(self.loop)
        for each in left:
            each.cancel()
        if left:
            self.loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.loop.close()

    async def coroutine(self, call, exposed, arguments):
        try:
            if exposed.is_async_generator:
                call.state = _Stream(exposed.function(*arguments), exposed)
                if await self.astream(call, exposed):
                    self.say(call, _result(12, RESULT, 0, 0, call.call, call.attempt), None, True)
            else:
                self.succeed(call, exposed, await exposed.function(*arguments))
        except BaseException as thrown:
            self.threw(call, thrown)
        self.io.wake()

    async def astream(self, call, exposed):
        loop = asyncio.get_running_loop()
        items = call.state.items
        while True:
            with self.lock:
                waits = not self.has_credit(call)
                if waits:
                    there = loop.create_future()
                    call.wait = lambda: loop.call_soon_threadsafe(lambda: there.done() or there.set_result(None))
            if waits:
                self.io.wake()
                await there
                continue
            if call.cancelled:
                await items.aclose()
                self.fail(call, Errc.cancelled, "", "the stream was cancelled")
                return False
            try:
                item = await items.__anext__()
            except StopAsyncIteration:
                return True
            if not self.give_item(call, exposed, item):
                return False

    # Functions as arguments.

    def with_callables(self, call, arguments):
        made = []
        for codec, value in zip(call.function.parameters, arguments):
            if isinstance(value, Reference):
                if value.name is not None:
                    value = self.named(value.name, codec)
                else:
                    value = Callable(self, call, value.number, codec)
            made.append(value)
        return made

    def named(self, name, codec):
        inside = ",".join(each.name for each in codec.parameters)
        found = self.by_signature.get(f"{name}({inside})->{codec.result.name}")

        def call_named(*arguments):
            if found is None:
                raise error(Errc.no_such_function, f"this worker has no {name}({inside})->{codec.result.name}")
            arguments = found.takes(arguments) if found.takes else arguments
            result = found.function(*arguments)
            return found.gives(result) if found.gives else result
        return call_named

    def ask(self, call, number, payload, answered):
        """Sends a callback once there is room for it; `answered` is called with (failure, payload)."""
        if call.answered or call.cancelled:
            return answered(((Errc.cancelled, "", "nobody waits for the call any more"), None))
        self.io.post(self.ask_now, call, number, payload, answered)

    def ask_now(self, call, number, payload, answered):
        line = call.line
        if (call.call, call.attempt) not in line.held:
            return answered(((Errc.cancelled, "", "nobody waits for the call any more"), None))
        if line.callbacks_open >= line.limits.callbacks_max:
            if call.nested:
                return answered(((Errc.overloaded, "", "no room for a callback of a nested call"), None))
            line.callbacks_waiting.append((call, number, payload, answered))
            return None
        line.callbacks_open += 1
        line.last_callback += 1
        if call.callbacks is None:
            call.callbacks = {}
        call.callbacks[line.last_callback] = answered
        head = call.head + number.to_bytes(4, "little") + line.last_callback.to_bytes(8, "little")
        self.io.machine.say(call, *messages.record_with_payload(CALLBACK, head, payload))

    def ask_waiting(self, line):
        while line.callbacks_waiting and line.callbacks_open < line.limits.callbacks_max:
            self.ask_now(*line.callbacks_waiting.popleft())

    def give_slot_back(self):
        """A function waits for a callable: another call may start ([P-111])."""
        with self.lock:
            if self.waiting >= self.limits.detached_per_slot_max * self.concurrency:
                raise error(Errc.overloaded, "too many functions wait for callables")
            self.active -= 1
            self.waiting += 1
            self.start_threads()
            self.more.notify()

    def take_slot_again(self):
        with self.lock:
            self.active += 1
            self.waiting -= 1


class _Stream:
    """A stream's generator, and whether it runs (or stands in the queue) now."""

    __slots__ = ("items", "exposed", "runs")

    def __init__(self, items, exposed):
        self.items, self.exposed, self.runs = items, exposed, True
