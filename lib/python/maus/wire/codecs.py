"""Types as bytes: PROTOCOL.md, section 3. One codec for each type of a signature.

A codec reads and writes plain Python values, converting as section 3.2 says. `encode(value, out, depth)` appends to
a bytearray; `decode(buf, at, depth)` returns the value and the offset behind it. Both raise Unfit (or struct.error
where bytes are missing). What holds others stands in containers.py.
"""

import numbers
import operator
import struct

from ..errors import Unfit
from . import values
from .values import DEPTH_MAX

_I = struct.Struct("<I")
_unpack_I = _I.unpack_from

INTEGERS = {"i8": "b", "i16": "h", "i32": "i", "i64": "q", "u8": "B", "u16": "H", "u32": "I", "u64": "Q"}
FLOATS = {"f32": "f", "f64": "d"}
ALL_KINDS = frozenset(("null", "bool", "integer", "f64", "string", "bytes", "array", "object", "time", "regexp", "error"))


def deeper(depth):
    """Records, and arrays and objects of values, nest at most 64 deep ([P-8])."""
    if depth >= DEPTH_MAX:
        raise Unfit("nested too deeply")
    return depth + 1


def count_at(buf, at, size=1):
    """A count, checked against what is left, and the offset behind it."""
    count, = _unpack_I(buf, at)
    at += 4
    if count * size > len(buf) - at:
        raise Unfit("a count is larger than what is left")
    return count, at


def hashable(value):
    """Lists as tuples, so that they can be keys and members of sets."""
    if isinstance(value, (list, tuple)):
        return tuple(hashable(each) for each in value)
    if isinstance(value, set):
        return frozenset(value)
    if isinstance(value, dict):
        return tuple((hashable(key), hashable(each)) for key, each in value.items())
    return value


class Codec:
    __slots__ = ("name", "letter", "kinds", "__weakref__")

    def __init__(self, name, kinds, letter=None):
        #: The letter of struct for what has a fixed width; None else.
        self.name, self.kinds, self.letter = name, frozenset(kinds), letter

    def empty(self):
        """Whether it may take no bytes at all."""
        return False


class Integer(Codec):
    __slots__ = ("pack", "unpack", "width", "low", "high")

    def __init__(self, name, letter):
        super().__init__(name, ("integer",), letter)
        made = struct.Struct("<" + letter)
        self.pack, self.unpack, self.width = made.pack, made.unpack_from, made.size
        bits = made.size * 8
        self.low, self.high = (-(1 << bits - 1), (1 << bits - 1) - 1) if letter.islower() else (0, (1 << bits) - 1)

    def coerce(self, value):
        if type(value) is not int:
            if isinstance(value, bool):
                raise Unfit(f"{value} is no {self.name}")
            if isinstance(value, float):
                if not value.is_integer():
                    raise Unfit(f"{value} is no {self.name}")
                value = int(value)
            else:
                try:
                    value = operator.index(value)
                except TypeError:
                    if hasattr(value, "is_integer") and value.is_integer():
                        value = int(value)
                    else:
                        raise Unfit(f"{type(value).__name__} is no {self.name}") from None
        if not self.low <= value <= self.high:
            raise Unfit(f"{value} does not fit {self.name}")
        return value

    def encode(self, value, out, depth=0):
        out += self.pack(self.coerce(value))

    def decode(self, buf, at, depth=0):
        return self.unpack(buf, at)[0], at + self.width


class Float(Codec):
    __slots__ = ("pack", "unpack", "width")

    def __init__(self, name, letter):
        super().__init__(name, ("f64",), letter)
        made = struct.Struct("<" + letter)
        self.pack, self.unpack, self.width = made.pack, made.unpack_from, made.size

    def coerce(self, value):
        if type(value) is float:
            return value
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise Unfit(f"{type(value).__name__} is no {self.name}")
        try:
            made = float(value)
            if self.letter == "f" and isinstance(value, int):
                made = struct.unpack("<f", struct.pack("<f", made))[0]
        except OverflowError:
            raise Unfit(f"{value} does not fit {self.name}") from None
        if isinstance(value, int) and made != value:
            raise Unfit(f"{self.name} does not hold {value} to the last digit")
        return made

    def encode(self, value, out, depth=0):
        try:
            out += self.pack(self.coerce(value))
        except OverflowError:
            raise Unfit(f"{value} does not fit {self.name}") from None

    def decode(self, buf, at, depth=0):
        return self.unpack(buf, at)[0], at + self.width


class Bool(Codec):
    __slots__ = ()

    def __init__(self):
        super().__init__("bool", ("bool",))

    def encode(self, value, out, depth=0):
        if value is not True and value is not False:
            if type(value).__name__ not in ("bool_", "bool"):  # numpy's
                raise Unfit(f"{type(value).__name__} is no bool")
        out.append(1 if value else 0)

    def decode(self, buf, at, depth=0):
        if at >= len(buf) or buf[at] > 1:
            raise Unfit("a bool is neither 0 nor 1")
        return buf[at] == 1, at + 1


class Text(Codec):
    __slots__ = ()

    def __init__(self):
        super().__init__("str", ("string",))

    def encode(self, value, out, depth=0):
        if not isinstance(value, str):
            raise Unfit(f"{type(value).__name__} is no str")
        values.put_text(out, value)

    def decode(self, buf, at, depth=0):
        return values.get_text(buf, at)


class Any(Codec):
    __slots__ = ()

    def __init__(self):
        super().__init__("any", ALL_KINDS)

    def encode(self, value, out, depth=0):
        values.put(out, value, depth)

    def decode(self, buf, at, depth=0):
        return values.get(buf, at, depth)


class Unit(Codec):
    """Nothing: an alternative of a variant, and `void` as a result."""

    __slots__ = ()

    def __init__(self, name="unit"):
        super().__init__(name, ("null",))

    def empty(self):
        return True

    def encode(self, value, out, depth=0):
        if value is not None:
            raise Unfit("nothing is expected here")

    def decode(self, buf, at, depth=0):
        return None, at


class Again(Codec):
    """^n: the record n braces up. Its elements are those of that record, once it is complete."""

    __slots__ = ("record",)

    def __init__(self, record, up):
        super().__init__(f"^{up}", ("array",))
        self.record = record

    def encode(self, value, out, depth=0):
        self.record.encode(value, out, depth)

    def decode(self, buf, at, depth=0):
        return self.record.decode(buf, at, depth)


class Enumeration(Integer):
    __slots__ = ()

    def __init__(self, of):
        super().__init__(of.name, of.letter)
        self.name = f"enum<{of.name}>"


class Duration(Codec):
    """dur<T,n/d>: the count of its ticks, as a number; timedelta is read, too."""

    __slots__ = ("of", "ratio")

    def __init__(self, of, ratio):
        super().__init__(f"dur<{of.name},{ratio[0]}/{ratio[1]}>", of.kinds, of.letter)
        self.of, self.ratio = of, ratio

    def ticks(self, nanoseconds):
        scaled, rest = divmod(nanoseconds * self.ratio[1], self.ratio[0] * 1_000_000_000)
        if rest and self.of.name not in FLOATS:
            raise Unfit(f"{self.name} does not hold this to the last digit")
        return scaled if self.of.name not in FLOATS else nanoseconds * self.ratio[1] / self.ratio[0] / 1e9

    def coerce(self, value):
        if hasattr(value, "total_seconds"):
            value = self.ticks(((value.days * 86400 + value.seconds) * 1_000_000 + value.microseconds) * 1000)
        return self.of.coerce(value)

    def encode(self, value, out, depth=0):
        self.of.encode(self.coerce(value), out, depth)

    def decode(self, buf, at, depth=0):
        return self.of.decode(buf, at, depth)


class Moment(Codec):
    """time<T,n/d>: a datetime in UTC, or a Time where that would lose digits."""

    __slots__ = ("of", "ratio", "since")

    def __init__(self, of, ratio):
        super().__init__(f"time<{of.name},{ratio[0]}/{ratio[1]}>", ("time",))
        self.of, self.ratio, self.since = of, ratio, Duration(of, ratio)

    def encode(self, value, out, depth=0):
        if values.kind(value) != "time":
            raise Unfit(f"{type(value).__name__} is no {self.name}")
        seconds, nanoseconds = values.of_time(value)
        self.of.encode(self.since.ticks(seconds * 1_000_000_000 + nanoseconds), out, depth)

    def decode(self, buf, at, depth=0):
        ticks, at = self.of.decode(buf, at, depth)
        if isinstance(ticks, float):
            nanoseconds = round(ticks * self.ratio[0] * 1_000_000_000 / self.ratio[1])
        else:
            nanoseconds = ticks * self.ratio[0] * 1_000_000_000 // self.ratio[1]
        return values.to_time(*divmod(nanoseconds, 1_000_000_000)), at


class Reference:
    """A function as an argument, as it travels: the name of a function of the worker, or a number of a callable."""

    __slots__ = ("name", "number")

    def __init__(self, name=None, number=None):
        self.name, self.number = name, number

    def __eq__(self, other):
        return isinstance(other, Reference) and (self.name, self.number) == (other.name, other.number)

    def __hash__(self):
        return hash((self.name, self.number))


class FunctionOf(Codec):
    """fn<R(A,B)>: a Reference ([P-108])."""

    __slots__ = ("parameters", "result")

    def __init__(self, parameters, result):
        inside = ",".join(each.name for each in parameters)
        super().__init__(f"fn<{result.name}({inside})>", ())
        self.parameters, self.result = parameters, result

    def encode(self, value, out, depth=0):
        if not isinstance(value, Reference):
            raise Unfit(f"{type(value).__name__} is no function")
        if value.name is not None:
            out.append(1)
            values.put_text(out, value.name)
        else:
            out.append(2)
            out += _I.pack(value.number)

    def decode(self, buf, at, depth=0):
        kind = buf[at] if at < len(buf) else 0
        if kind == 1:
            name, at = values.get_text(buf, at + 1)
            return Reference(name=name), at
        if kind == 2:
            return Reference(number=_unpack_I(buf, at + 1)[0]), at + 5
        raise Unfit("functions as source are not run by Python" if kind in (3, 4) else "an unknown kind of function")
