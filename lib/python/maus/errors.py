"""Everything that can go wrong, by name. The names and numbers are those of PROTOCOL.md, section 10.

    try:
        workers.call("add", 1, 2)
    except maus.DeadlineExceeded: ...
    except maus.Error as failed:
        if failed.retryable: ...        # the same call may succeed later
        print(failed.code.name, failed)
"""

import enum


class Errc(enum.IntEnum):
    """The error codes; the same names as in C++."""

    poisoned = 1
    maybe_executed = 2
    deadline_exceeded = 3
    attempt_timeout = 4
    no_workers = 5
    cancelled = 6
    remote_exception = 7
    no_such_function = 8
    signature_mismatch = 9
    bad_arguments = 10
    bad_result = 11
    too_large = 12
    overloaded = 13
    auth_failed = 14
    protocol_violation = 15
    version_mismatch = 16
    shutdown = 17
    invalid_argument = 18
    resource_exhausted = 19
    unimplemented = 20
    worker_lost = 21
    stream_broken = 22


def errc(number):
    """A number that is not in the table reads as protocol_violation ([P-53])."""
    try:
        return Errc(number)
    except ValueError:
        return Errc.protocol_violation


class Attempt:
    """One try at a call that a worker did not finish."""

    __slots__ = ("worker", "after", "why")

    def __init__(self, worker, after, why):
        self.worker = worker  #: the worker's id, 32 hexadecimal digits
        self.after = after  #: seconds after the call was made
        self.why = why

    def __repr__(self):
        return f"Attempt({self.worker}, after={self.after:.3f}, why={self.why!r})"


class Error(Exception):
    """What the library raises: at once, or as the outcome of a call."""

    code = Errc.protocol_violation

    def __init__(self, text="", *, code=None, function="", label="", remote_type="", attempts=(), delivered=0):
        super().__init__(text)
        if code is not None:
            self.code = code
        self.text = text
        self.function = function  #: the function that was called
        self.label = label
        self.remote_type = remote_type  #: remote_exception: the type, as the worker's language spells it
        self.attempts = list(attempts)  #: poisoned, maybe_executed, worker_lost: oldest first
        self.delivered = delivered  #: of a stream: how many items came before

    @property
    def retryable(self):
        """Whether the same call may succeed if it is made again later and nothing is changed."""
        return self.code in (Errc.deadline_exceeded, Errc.no_workers, Errc.overloaded, Errc.resource_exhausted)

    def __str__(self):
        said = self.text or self.code.name
        if self.remote_type:
            said = f"{self.remote_type}: {said}"
        return f"{self.function}: {said}" if self.function else said

    def __reduce__(self):
        return error_again, (int(self.code), self.text, self.__dict__)


class Unfit(ValueError):
    """A value that a type cannot hold, or bytes that are no value of it. Becomes bad_arguments or bad_result."""


def _named(code):
    name = "".join(part.capitalize() for part in code.name.split("_"))
    return type(name, (Error,), {"code": code, "__doc__": f"The error {code.name}.", "__module__": "maus"})


_classes = {code: _named(code) for code in Errc}
globals().update({made.__name__: made for made in _classes.values()})
#: The names of the classes, one for each code: Poisoned, MaybeExecuted, DeadlineExceeded, ...
CLASS_NAMES = [made.__name__ for made in _classes.values()]


def error(code, text="", **more):
    """The exception of a code; its class is named after it."""
    return _classes[errc(code)](text, **more)


def error_again(code, text, state):
    made = error(code, text)
    made.__dict__.update(state)
    return made
