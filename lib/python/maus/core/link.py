"""What a manager has of a worker that serves it."""

from ..limits import Limits
from ..wire import messages
from ..wire.messages import Batch
from .transfers import Arrivals, Outlet


class Link:
    """One worker that serves this manager."""

    def __init__(self, connection, session=None):
        self.connection, self.session = connection, session  # of its own, or relayed through a session
        self.group, self.state = None, "greeting"
        self.token = self.worker = messages.NO_ID
        self.incarnation, self.lease = 0, messages.NO_LEASE
        self.concurrency, self.functions, self.by_name = 1, [], {}
        self.features, self.limits = frozenset(), Limits()
        self.timeout = self.interval = 0
        self.heard_at = 0
        self.held = {}  # (call, attempt) -> Call, in the order in which they were sent; those that are not detached
        self.detached = {}
        self.nested = 0
        self.answered = self.answered_detached = 0
        self.alone = None  # the call that this worker runs alone, or is kept free for
        self.batch = Batch()
        self.outlet, self.arrivals = Outlet(self.batch, "manager_part"), Arrivals()
        self.rests_until, self.returned_times, self.returned = 0, 0, False
        self.window, self.pace, self.busy_since = 0, 0.0, 0
        self.callbacks = {}
        self.direct = self.giving_back = False
        self.is_over = False

    def load(self):
        return len(self.held) / self.concurrency

    def find(self, key):
        return self.held.get(key) or self.detached.get(key)

    @property
    def waiting_now(self):
        """How many of its calls wait for callables."""
        return len({id(call) for call, _ in self.callbacks.values()}) if self.callbacks else 0
