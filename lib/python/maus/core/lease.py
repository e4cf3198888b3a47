"""What a worker has of a lease, and of each attempt at a call that came with it."""

from collections import deque

from ..limits import Limits
from ..wire.messages import ATTEMPT, Batch
from .session import NEVER
from .transfers import Arrivals, Outlet


class Call:
    """One attempt at one call, as its worker has it."""

    __slots__ = ("line", "call", "attempt", "function", "payload", "extensions", "at_most_once", "deadline", "label",
                 "trace", "nested", "cancelled", "detached", "answered", "credit_items", "credit_bytes", "skip",
                 "state", "callbacks", "wait")

    def __init__(self, line, call, attempt, function, payload, at_most_once):
        self.line, self.call, self.attempt, self.function, self.payload = line, call, attempt, function, payload
        self.at_most_once, self.extensions, self.deadline = at_most_once, (), None
        self.label, self.trace, self.nested = "", None, False
        self.cancelled = self.detached = self.answered = False
        self.credit_items = self.credit_bytes = self.skip = 0
        self.state = self.callbacks = self.wait = None

    @property
    def head(self):
        return ATTEMPT.pack(self.call, self.attempt)


class Line:
    """One lease, from the offer until nothing of it runs any more."""

    def __init__(self, session, lease, token, manager, endpoints):
        self.session, self.lease, self.token, self.manager = session, lease, token, manager
        self.addresses = list(endpoints)
        self.connection = None  # of its own; a relayed link has none
        self.relayed = False
        self.state = "linking"
        self.deadline = NEVER
        self.until = self.timeout = self.interval = self.next_ping = self.last_stamp = 0
        self.held = {}
        self.nested = 0
        self.batch = Batch()
        self.outlet, self.arrivals = Outlet(self.batch, "part"), Arrivals()
        self.limits, self.features = Limits(), frozenset()
        self.rejected_by = None
        self.last_callback = self.callbacks_open = 0
        self.callbacks_waiting = deque()

    @property
    def direct(self):
        return self.session is None
