"""What a worker and a manager share: settings, and a session with one parkserver (PROTOCOL.md, 5.1)."""

import os
import socket
from dataclasses import dataclass, field
from random import SystemRandom

from ..errors import Errc
from ..limits import Limits, heard, told
from ..wire import messages
from ..wire.messages import Violation, control

MS, SECOND = 1_000_000, 1_000_000_000
LINK_TIMEOUT = 5 * SECOND
INTERVALS, LIVENESSES = (10, 3_600_000), (2, 100)
NEVER = 1 << 63


@dataclass
class Settings:
    """What a program may choose about its worker or manager."""

    interval_ms: int = 1000
    liveness: int = 5
    limits: Limits = field(default_factory=Limits)
    host: str = field(default_factory=lambda: messages.cut(socket.gethostname(), 128) or "?")
    pid: int = field(default_factory=os.getpid)
    features: tuple = ("streams", "functions", "elastic", "transfer")
    random: object = field(default_factory=SystemRandom)

    def new_id(self):
        return self.random.getrandbits(128).to_bytes(16, "little")


def within(value, bounds):
    return max(bounds[0], min(bounds[1], value))


def agreed(settings, interval_ms, liveness):
    """Interval and liveness that hold between two: of each the larger one ([P-16])."""
    return (within(max(settings.interval_ms, interval_ms), INTERVALS),
            within(max(settings.liveness, liveness), LIVENESSES))


def doubled(tries, first, most):
    return min(most, first * (1 << min(tries, 20)))


class Backoff:
    """Random delays of 0.1 to 0.5 s, doubled at each failure, at most 5 s ([P-19])."""

    def __init__(self, chance):
        self.chance, self.failures = chance, 0

    def next(self):
        delay = int(self.chance.uniform(0.1, 0.5) * SECOND)
        made = doubled(self.failures, delay, 5 * SECOND)
        self.failures += 1
        return made


class Machine:
    """The base of both: ids of connections, effects, sessions."""

    def __init__(self, settings):
        self.settings = settings
        self.id = settings.new_id()
        self.incarnation = 1
        self.out = []
        self.connections = {}  # id -> Session or a link
        self.last_id = 0
        self.sessions = []
        self.counters = {"violations": 0, "dropped": 0, "unimplemented": 0}
        self.stopping = False
        self.now = 0  # as it was told last

    def take(self):
        """What is to be done, in order."""
        made, self.out = self.out, []
        return made

    def connect(self, endpoint, who):
        self.last_id += 1
        self.connections[self.last_id] = who
        self.out.append(("connect", self.last_id, endpoint))
        return self.last_id

    def close(self, connection):
        if self.connections.pop(connection, None) is not None:
            self.out.append(("close", connection))

    def features_and_limits(self):
        return {"features": list(self.settings.features), "limits": told(self.settings.limits)}

    def about_me(self):
        return {"interval_ms": self.settings.interval_ms, "liveness": self.settings.liveness,
                "host": self.settings.host, "pid": self.settings.pid}


class Session:
    """One parkserver, over and over: rest, connect, register, be registered, lose it.

    The owner has registration(), registered(session, body, now), session_lost(session, now) and
    park_said(session, name, body, extensions, now).
    """

    def __init__(self, owner, endpoint):
        self.owner, self.endpoint = owner, endpoint
        self.state, self.connection, self.deadline = "resting", None, 0
        self.backoff = Backoff(owner.settings.random)
        self.limits, self.features = Limits(), ()
        self.interval = self.timeout = 0
        self.heard_at = self.registered_at = self.next_ping = 0
        self.last_error = ""

    @property
    def is_up(self):
        return self.state == "registered"

    def send(self, name, extensions=(), **body):
        if self.connection is not None:
            self.owner.out.append(("send", self.connection, [control(name, extensions, **body)]))

    def send_frames(self, frames):
        if self.connection is not None:
            self.owner.out.append(("send", self.connection, frames))

    def register(self, now):
        name, extensions, body = self.owner.registration(now)
        if self.state != "registered":
            self.state = "registering"
            self.deadline = now + self.owner.settings.interval_ms * self.owner.settings.liveness * MS
        self.send(name, extensions, **body)

    def lose(self, now, delay=None):
        """Ends this session, and begins the next one later."""
        was_up = self.is_up
        if was_up and now - self.registered_at >= self.timeout:
            self.backoff.failures = 0
        if self.connection is not None:
            self.owner.close(self.connection)
        self.connection, self.state = None, "resting"
        self.deadline = now + (self.backoff.next() if delay is None else delay)
        if was_up:
            self.owner.session_lost(self, now)

    def stop(self, why):
        if self.connection is not None:
            if self.state in ("registered", "registering"):
                self.send("goodbye", why=why)
            self.owner.close(self.connection)
        self.connection, self.state = None, "stopped"

    # Events.

    def connected(self, now):
        self.heard_at = now
        self.register(now)

    def closed(self, now):
        self.connection = None
        self.lose(now)

    def heard(self, first, now):
        """A control message. Raises a Violation or ValueError if it is none."""
        self.heard_at = now
        number, name, body, extensions = messages.read_control(first)
        if name is None:
            if number < 128:
                self.send("unimplemented", type=number)
            return
        messages.check_texts(body, self.owner.settings.limits.text_bytes_max)
        if name == "registered":
            first_time = not self.is_up
            self.state = "registered"
            interval_ms, liveness = agreed(self.owner.settings, body["interval_ms"], body["liveness"])
            self.interval, self.timeout = interval_ms * MS, interval_ms * liveness * MS
            self.limits, self.features = heard(body["limits"]), frozenset(body["features"])
            if first_time:
                self.registered_at, self.next_ping = now, now + self.interval
            self.owner.registered(self, body, now)
        elif name == "register_again":
            if self.state == "registered":  # else it is on its way
                self.state = "registering"
                self.register(now)
        elif name == "pong":
            pass
        elif name == "parkserver_unimplemented":
            self.owner.counters["unimplemented"] += 1
        elif name == "parkserver_goodbye":
            self.lose(now)
        elif name == "rejected":
            self.last_error = f"{Errc(body['error']).name if body['error'] in Errc._value2member_map_ else body['error']}: {body['why']}"
            if self.state == "registering":
                self.lose(now, int(self.owner.settings.random.uniform(1, 5) * SECOND))
            else:
                self.owner.park_said(self, name, body, extensions, now)
        elif number < 65:
            raise Violation(Errc.protocol_violation, "this is said to parkservers only")
        elif self.is_up:
            self.owner.park_said(self, name, body, extensions, now)

    def advance(self, now):
        if self.state == "resting":
            if now >= self.deadline:
                self.state, self.deadline = "connecting", now + LINK_TIMEOUT
                self.connection = self.owner.connect(self.endpoint, self)
        elif self.state in ("connecting", "registering"):
            if now >= self.deadline:
                self.lose(now)
        elif self.state == "registered":
            if now >= self.heard_at + self.timeout:
                self.lose(now)
            elif now >= self.next_ping:
                self.next_ping = now + self.interval
                self.send("ping", stamp=now)

    def next_deadline(self):
        if self.state == "registered":
            return min(self.next_ping, self.heard_at + self.timeout)
        return NEVER if self.state == "stopped" else self.deadline
