"""maus: calls functions on many worker processes, and loses no calls when they die.

    worker = maus.Worker("tcp://127.0.0.1:8500")

    @worker.expose
    def add(x: int, y: int) -> int:
        return x + y

    worker.run()

See README.md in this folder, and lib/PROTOCOL.md, from which it is written.
"""

from . import errors as _errors
from .errors import Attempt, Errc, Error
from .hints import f32, f64, i8, i16, i32, i64, u8, u16, u32, u64, wire_type
from .limits import Limits
from .manager import Future, Manager, Workers, named
from .shell.calling import current_call
from .stream import Stream
from .wire.values import ErrorValue, Regexp, Time
from .worker import Worker

globals().update({name: getattr(_errors, name) for name in _errors.CLASS_NAMES})

__all__ = ["Attempt", "Errc", "Error", "ErrorValue", "Future", "Limits", "Manager", "Regexp", "Stream", "Time", "Worker",
           "Workers", "current_call", "named", "wire_type", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", *_errors.CLASS_NAMES]
