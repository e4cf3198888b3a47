"""Types as bytes: PROTOCOL.md, section 3. One codec for each type of a signature.

A codec reads and writes plain Python values, converting as section 3.2 says. `encode(value, out, depth)` appends to
a bytearray; `decode(buf, at, depth)` returns the value and the offset behind it. Both raise Unfit (or struct.error
where bytes are missing).
"""

import numbers
import operator
import struct
import sys

from ..errors import Unfit
from . import values
from .values import DEPTH_MAX

_I = struct.Struct("<I")
_unpack_I = _I.unpack_from
_native = sys.byteorder == "little"

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


def _lies_ready(value, letter):
    """The bytes of what holds such numbers in a row (array.array, numpy, memoryview), or None."""
    if not _native or isinstance(value, (list, tuple)):
        return None
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError):
        return None
    same = {"l": "q", "L": "Q"}.get(view.format, view.format) if view.itemsize == 8 else view.format
    if view.ndim != 1 or not view.c_contiguous or same.lstrip("<=@") != letter:
        return None
    return view.cast("B")


class List(Codec):
    """list<T>, and array<T,N> if `fixed` tells N. Of u8 it is bytes to Python."""

    __slots__ = ("of", "fixed", "as_bytes", "width")

    def __init__(self, of, fixed=None):
        self.as_bytes = of.name == "u8"
        name = f"list<{of.name}>" if fixed is None else f"array<{of.name},{fixed}>"
        super().__init__(name, ("bytes",) if self.as_bytes else ("array",))
        self.of, self.fixed = of, fixed
        self.width = struct.calcsize("<" + of.letter) if of.letter else None

    def empty(self):
        return self.fixed == 0 or (self.fixed is not None and self.of.empty())

    def encode(self, value, out, depth=0):
        if isinstance(value, (str, dict)) or not hasattr(value, "__len__") or isinstance(value, (set, frozenset)):
            raise Unfit(f"{type(value).__name__} is no {self.name}")
        count = len(value)
        if self.fixed is None:
            out += _I.pack(count)
        elif count != self.fixed:
            raise Unfit(f"{self.name} has {self.fixed} elements, not {count}")
        if self.as_bytes and isinstance(value, (bytes, bytearray)):
            out += value
            return
        letter = self.of.letter
        if letter:
            ready = _lies_ready(value, letter)
            if ready is not None:
                out += ready
                return
            if hasattr(value, "tolist"):
                value = value.tolist()
            wanted = float if letter in "fd" else int
            if all(type(each) is wanted for each in value):
                try:
                    out += struct.pack(f"<{count}{letter}", *value)
                    return
                except (struct.error, OverflowError):
                    raise Unfit(f"a number does not fit {self.of.name}") from None
        encode = self.of.encode
        for each in value:
            encode(each, out, depth)

    def decode(self, buf, at, depth=0):
        width = self.width or 1
        if self.fixed is None:
            count, at = count_at(buf, at, width)
        else:
            count = self.fixed
            if count * (width if not self.empty() else 0) > len(buf) - at:
                raise Unfit("bytes are missing")
        letter = self.of.letter
        if letter:
            end = at + count * width
            if self.as_bytes:
                return bytes(buf[at:end]), end
            if count > 64 and _native:
                return memoryview(buf)[at:end].cast(letter).tolist(), end
            return list(struct.unpack_from(f"<{count}{letter}", buf, at)), end
        made, decode = [], self.of.decode
        for _ in range(count):
            value, at = decode(buf, at, depth)
            made.append(value)
        return made, at


class Numbers(Codec):
    """list<number> as a numpy array: what is read lies where it was received, and nothing is copied."""

    __slots__ = ("of", "width")

    def __init__(self, of):
        super().__init__(f"list<{of.name}>", ("array",))
        self.of, self.width = of, struct.calcsize("<" + of.letter)

    def encode(self, value, out, depth=0):
        import numpy
        array = numpy.asarray(value)
        if array.ndim != 1:
            raise Unfit(f"an array of {array.ndim} dimensions is no {self.name}")
        wanted = numpy.dtype("<" + _dtypes[self.of.letter])
        if array.dtype != wanted:
            if not numpy.can_cast(array.dtype, wanted, "same_kind" if self.of.letter == "f" else "safe"):
                return List(self.of).encode(array.tolist(), out, depth)
            array = array.astype(wanted)
        out += _I.pack(len(array))
        if len(array):
            out += memoryview(numpy.ascontiguousarray(array)).cast("B")

    def decode(self, buf, at, depth=0):
        import numpy
        count, at = count_at(buf, at, self.width)
        made = numpy.frombuffer(buf, numpy.dtype("<" + _dtypes[self.of.letter]), count, at) if count else \
            numpy.empty(0, "<" + _dtypes[self.of.letter])
        return made, at + count * self.width


_dtypes = {"b": "i1", "h": "i2", "i": "i4", "q": "i8", "B": "u1", "H": "u2", "I": "u4", "Q": "u8", "f": "f4", "d": "f8"}


class Map(Codec):
    __slots__ = ("key", "of")

    def __init__(self, key, of):
        super().__init__(f"map<{key.name},{of.name}>", ("object",) if key.name == "str" else ("array",))
        self.key, self.of = key, of

    def encode(self, value, out, depth=0):
        pairs = value.items() if isinstance(value, dict) else value
        if isinstance(pairs, (str, bytes)) or not hasattr(pairs, "__len__"):
            raise Unfit(f"{type(value).__name__} is no {self.name}")
        out += _I.pack(len(pairs))
        seen = set()
        for pair in pairs:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                raise Unfit(f"{pair!r} is no key with its value")
            key, each = pair
            begin = len(out)
            self.key.encode(key, out, depth)
            written = bytes(out[begin:])
            if written in seen:
                raise Unfit(f"the key {key!r} stands twice")
            if key != key:
                raise Unfit("a key is no number")
            seen.add(written)
            self.of.encode(each, out, depth)

    def decode(self, buf, at, depth=0):
        count, at = count_at(buf, at)
        if count and self.key.empty() and self.of.empty():
            raise Unfit("pairs that take no bytes")
        made = {}
        for _ in range(count):
            key, at = self.key.decode(buf, at, depth)
            key = hashable(key)
            if key in made or key != key:
                raise Unfit(f"the key {key!r} stands twice or is no number")
            made[key], at = self.of.decode(buf, at, depth)
        return made, at


class Set(Codec):
    __slots__ = ("of",)

    def __init__(self, of):
        super().__init__(f"set<{of.name}>", ("array",))
        self.of = of

    def encode(self, value, out, depth=0):
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__len__"):
            raise Unfit(f"{type(value).__name__} is no {self.name}")
        out += _I.pack(len(value))
        seen = set()
        for each in _sorted(value):
            if each != each:
                raise Unfit("a member of a set is no number")
            begin = len(out)
            self.of.encode(each, out, depth)
            written = bytes(out[begin:])
            if written in seen:
                raise Unfit(f"{each!r} stands twice in a set")
            seen.add(written)

    def decode(self, buf, at, depth=0):
        count, at = count_at(buf, at)
        made = set()
        for _ in range(count):
            value, at = self.of.decode(buf, at, depth)
            value = hashable(value)
            if value in made or value != value:
                raise Unfit(f"{value!r} stands twice in a set or is no number")
            made.add(value)
        return made, at


def _sorted(members):
    try:
        return sorted(members)
    except TypeError:
        return members


class Optional(Codec):
    __slots__ = ("of", "wrapped")

    def __init__(self, of):
        self.of, self.wrapped = of, "null" in of.kinds
        super().__init__(f"opt<{of.name}>", {"null"} | ({"array"} if self.wrapped else of.kinds))

    def encode(self, value, out, depth=0):
        if value is None:
            out.append(0)
            return
        out.append(1)
        if self.wrapped and isinstance(value, (list, tuple)):
            if len(value) != 1:
                raise Unfit(f"{self.name} is None or an array of one")
            value = value[0]
        self.of.encode(value, out, depth)

    def decode(self, buf, at, depth=0):
        if at >= len(buf) or buf[at] > 1:
            raise Unfit("a bool is neither 0 nor 1")
        if not buf[at]:
            return None, at + 1
        value, at = self.of.decode(buf, at + 1, depth)
        return [value] if self.wrapped else value, at


class Tuple(Codec):
    """tuple<A,B> and {A,B}."""

    __slots__ = ("of", "deepens")

    def __init__(self, of, braces=False):
        super().__init__("", ("array",))
        self.become(of, braces)

    def become(self, of, braces):
        self.of, self.deepens = of, braces
        inside = ",".join(each.name for each in of)
        self.name = f"{{{inside}}}" if braces else f"tuple<{inside}>"

    def empty(self):
        return all(each.empty() for each in self.of)

    def encode(self, value, out, depth=0):
        if self.deepens:
            depth = deeper(depth)
        if isinstance(value, complex):
            value = (value.real, value.imag)
        if not isinstance(value, (tuple, list)):
            if hasattr(value, "tolist"):
                value = value.tolist()
            else:
                raise Unfit(f"{type(value).__name__} is no {self.name}")
        if len(value) != len(self.of):
            raise Unfit(f"{self.name} has {len(self.of)} elements, not {len(value)}")
        for codec, each in zip(self.of, value):
            codec.encode(each, out, depth)

    def decode(self, buf, at, depth=0):
        if self.deepens:
            depth = deeper(depth)
        made = []
        for codec in self.of:
            value, at = codec.decode(buf, at, depth)
            made.append(value)
        return tuple(made), at


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


class Variant(Codec):
    __slots__ = ("of",)

    def __init__(self, of):
        if len(of) > 255:
            raise Unfit("a variant has at most 255 alternatives")
        kinds = set().union(*(each.kinds for each in of))
        super().__init__(f"variant<{','.join(each.name for each in of)}>", kinds | {"object"})
        self.of = of

    def first_of_kind(self, kind):
        return next((index for index, each in enumerate(self.of) if kind in each.kinds), None)

    def encode(self, value, out, depth=0):
        if isinstance(value, dict) and set(value) == {"index", "value"}:
            index, value = value["index"], value["value"]
            if not isinstance(index, int) or not 0 <= index < len(self.of):
                raise Unfit(f"{self.name} has no alternative {index!r}")
            out.append(index)
            return self.of[index].encode(value, out, depth)
        first = self.first_of_kind(values.kind(value))
        order = ([] if first is None else [first]) + [index for index in range(len(self.of)) if index != first]
        for index in order:
            before = len(out)
            try:
                out.append(index)
                return self.of[index].encode(value, out, depth)
            except Unfit:
                del out[before:]
        raise Unfit(f"{type(value).__name__} is no {self.name}")

    def decode(self, buf, at, depth=0):
        if at >= len(buf) or buf[at] >= len(self.of):
            raise Unfit("a variant has no such alternative")
        index = buf[at]
        value, at = self.of[index].decode(buf, at + 1, depth)
        kind = values.kind(value)
        if kind != "object" and self.first_of_kind(kind) == index:
            return value, at
        return {"index": index, "value": value}, at


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
