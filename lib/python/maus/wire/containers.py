"""Types that hold others, as bytes: lists, arrays of numbers, maps, sets, options, tuples and records, variants."""

import struct
import sys

from ..errors import Unfit
from . import values
from .codecs import Codec, count_at, deeper, hashable

_pack_count = struct.Struct("<I").pack
_native = sys.byteorder == "little"


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
            out += _pack_count(count)
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
        out += _pack_count(len(array))
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
        out += _pack_count(len(pairs))
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
        out += _pack_count(len(value))
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
