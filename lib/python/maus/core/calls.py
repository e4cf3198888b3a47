"""Calls and groups of workers, as a manager has them."""

import heapq
from dataclasses import dataclass
from typing import Optional

from ..errors import Errc, error
from ..wire import messages, signature
from ..wire.codecs import FunctionOf, Reference


@dataclass(frozen=True)
class Options:
    """How a call is made. Times are in seconds."""

    at_most_once: bool = False
    max_crashes: int = 3
    attempt_timeout: Optional[float] = None
    label: str = ""
    trace: bytes = b""
    replayable: bool = False
    nested: bool = False
    worker: str = ""  # only this worker of the group, by its id
    without_workers: int = Errc.deadline_exceeded


class Call:
    """One call, from when it is made until it is settled."""

    __slots__ = ("number", "name", "wanted", "arguments", "options", "deadline", "future", "group", "made_at", "state",
                 "link", "attempt", "attempts", "starts", "alone", "sent_at", "runs_since", "index", "function",
                 "encoded", "encoded_for", "callbacks", "callables", "delivered", "credit_items", "credit_bytes",
                 "ungiven_items", "ungiven_bytes", "blamed_now", "sending", "stream")

    def __init__(self, name, wanted, arguments, options, deadline, future, stream=None):
        self.number, self.name, self.wanted, self.arguments, self.options = 0, name, wanted, arguments, options
        self.deadline, self.future, self.stream = deadline, future, stream
        self.group, self.made_at, self.state, self.link = None, 0, "queued", None
        self.attempt, self.attempts, self.starts, self.alone = 0, [], 0, False
        self.sent_at = self.runs_since = self.index = 0
        self.function = self.encoded = self.encoded_for = None
        self.callbacks, self.callables = 0, ()
        self.delivered = self.credit_items = self.credit_bytes = self.ungiven_items = self.ungiven_bytes = 0
        self.blamed_now = self.sending = False

    def __lt__(self, other):
        return self.number < other.number

    def fits(self, function, link=None):
        """Whether it may be made by this function ([P-98])."""
        if self.wanted is not None:
            if not signature.convertible(self.wanted, function):
                return False
        elif not function.dynamic and len(function.parameters) != len(self.arguments):
            return False
        if (function.items is not None) != (self.stream is not None):
            return False
        if link is not None:
            if function.items is not None and "streams" not in link.features:
                return False
            if function.takes_functions:
                return "functions" in link.features and self.names_are_there(function, link)
        if not function.takes_functions and any(callable(each) or isinstance(each, Reference) for each in self.arguments):
            return False
        return True

    def names_are_there(self, function, link):
        """Whether the worker exposes the functions that are passed by name ([P-109])."""
        for codec, value in zip(function.parameters, self.arguments):
            if isinstance(value, Reference) and isinstance(codec, FunctionOf):
                wanted = f"{value.name}({','.join(each.name for each in codec.parameters)})->{codec.result.name}"
                if all(each.signature != wanted for _, each in link.by_name.get(value.name, ())):
                    return False
            elif isinstance(codec, FunctionOf) != callable(value):
                return False
        return True

    def why_not(self, named, group):
        """Why no worker of the group may be called so."""
        if self.options.worker and all(each.worker.hex() != self.options.worker for each in group.links):
            return error(Errc.worker_lost, f"the worker {self.options.worker} does not serve this group (any more)")
        if not named:
            exposed = sorted({each.signature for link in group.links for _, each in link.functions})
            return error(Errc.no_such_function, f"no worker exposes {self.name}; exposed are: {', '.join(exposed) or 'none'}")
        if any(isinstance(each, Reference) for each in self.arguments):
            return error(Errc.no_such_function, f"no worker exposes what is passed by name to {named[0]}")
        if self.wanted is not None:
            return error(Errc.signature_mismatch, f"it is called as {self.wanted.signature}, and exposed as {', '.join(named)}")
        what = "a stream" if self.stream is not None else f"{len(self.arguments)} arguments"
        return error(Errc.signature_mismatch, f"it is called with {what}, and exposed as {', '.join(named)}")

    def payload_for(self, function):
        if self.encoded_for is not function:
            arguments = self.arguments
            if function.takes_functions:
                arguments = self.with_references(function)
            self.encoded, self.encoded_for = function.encode_arguments(arguments), function
        return self.encoded

    def with_references(self, function):
        made, self.callables = [], []
        for codec, value in zip(function.parameters, self.arguments):
            if isinstance(codec, FunctionOf) and not isinstance(value, Reference):
                self.callables.append((codec, value))
                value = Reference(number=len(self.callables) - 1)
            made.append(value)
        return made

    def extensions(self, now):
        options, made = self.options, []
        if self.deadline is None and self.stream is None and not (options.label or options.trace or options.nested):
            return made
        if self.deadline is not None:
            made.append((messages.TIME_LEFT, max(0, self.deadline - now).to_bytes(8, "little")))
        if options.label:
            made.append((messages.LABEL, options.label.encode()))
        if options.trace:
            made.append((messages.TRACE, options.trace))
        if self.stream is not None:
            self.credit_items, self.credit_bytes = self.stream.room()
            self.ungiven_items = self.ungiven_bytes = 0
            made.append((messages.STREAM_CREDIT, self.credit_items.to_bytes(4, "little")
                         + self.credit_bytes.to_bytes(8, "little") + self.delivered.to_bytes(8, "little")))
        if options.nested:
            made.append((messages.NESTED, b""))
        return made


class Group:
    """A request, the workers that serve it and its calls: oldest first, whatever became of them before."""

    def __init__(self, number, token, type_name, amount, elastic_range=None):
        self.number, self.token, self.type, self.amount = number, token, type_name, amount
        self.range, self.bounds = elastic_range, {}  # (min, max or 0); what parkservers allow: session -> fair_share
        self.links, self.calls, self.released = [], set(), False
        self.heap, self.alone, self.nested, self.aside = [], [], [], []
        self.addressed = False  # whether a call was ever for one worker only

    @property
    def is_full(self):
        most = self.amount if self.range is None else self.range[1]
        return bool(most) and len(self.links) >= most

    def push(self, call):
        heapq.heappush(self.nested if call.options.nested else self.alone if call.alone else self.heap, call)

    @staticmethod
    def _clean(heap):
        while heap and heap[0].state != "queued":
            heapq.heappop(heap)
        return heap

    def pop(self):
        """The oldest call that waits and need not be alone."""
        heap = self._clean(self.heap)
        return heapq.heappop(heap) if heap else None

    def put_aside(self, call):
        self.aside.append(call)

    def put_aside_again(self):
        for each in self.aside:
            heapq.heappush(self.heap, each)
        self.aside.clear()

    def alone_calls(self):
        return sorted(each for each in self.alone if each.state == "queued") if self._clean(self.alone) else ()

    def take_alone(self, call):
        self.alone.remove(call)
        heapq.heapify(self.alone)

    def nested_calls(self):
        return sorted(each for each in self.nested if each.state == "queued") if self._clean(self.nested) else ()

    def take_nested(self, call):
        self.nested.remove(call)
        heapq.heapify(self.nested)

    def gone(self, call):
        self.calls.discard(call)
