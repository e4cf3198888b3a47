"""Values that have their type with them: PROTOCOL.md, section 3.1.

None, bool, int, float, str, bytes, list, dict, datetime, re.Pattern and Exception travel as they are. What has no
exact Python type is a Time, a Regexp or an ErrorValue.
"""

import datetime
import re
import struct

from ..errors import Error, Unfit

DEPTH_MAX = 64
_q, _Q, _d, _I = struct.Struct("<Bq"), struct.Struct("<BQ"), struct.Struct("<Bd"), struct.Struct("<I")
_tag_count = struct.Struct("<BI")
_time = struct.Struct("<qI")
_unpack_q, _unpack_Q, _unpack_d = struct.Struct("<q").unpack_from, struct.Struct("<Q").unpack_from, struct.Struct("<d").unpack_from
_unpack_I, _unpack_time = _I.unpack_from, _time.unpack_from
_epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_i64_min, _i64_max, _u64_max = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class Time:
    """A moment that datetime cannot hold: nanoseconds, or a year that it does not know."""

    __slots__ = ("seconds", "nanoseconds")

    def __init__(self, seconds, nanoseconds=0):
        self.seconds, self.nanoseconds = seconds, nanoseconds

    def __eq__(self, other):
        return isinstance(other, Time) and (self.seconds, self.nanoseconds) == (other.seconds, other.nanoseconds)

    def __hash__(self):
        return hash((self.seconds, self.nanoseconds))

    def __repr__(self):
        return f"maus.Time({self.seconds}, {self.nanoseconds})"


class Regexp:
    """A regular expression that Python does not write in the same way."""

    __slots__ = ("source", "flags")

    def __init__(self, source, flags=""):
        self.source, self.flags = source, flags

    def __eq__(self, other):
        return isinstance(other, Regexp) and (self.source, self.flags) == (other.source, other.flags)

    def __hash__(self):
        return hash((self.source, self.flags))

    def __repr__(self):
        return f"maus.Regexp({self.source!r}, {self.flags!r})"


class ErrorValue(Exception):
    """An error as a value: its name and its message."""

    def __init__(self, name, message=""):
        super().__init__(message)
        self.name, self.message = name, message

    def __eq__(self, other):
        return isinstance(other, ErrorValue) and (self.name, self.message) == (other.name, other.message)

    def __hash__(self):
        return hash((self.name, self.message))

    def __repr__(self):
        return f"maus.ErrorValue({self.name!r}, {self.message!r})"


def to_time(seconds, nanoseconds):
    """A datetime in UTC if it holds this exactly, else a Time."""
    if nanoseconds % 1000 == 0:
        try:
            return _epoch + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
        except OverflowError:
            pass
    return Time(seconds, nanoseconds)


def of_time(value):
    """Seconds since 1970, rounded down, and nanoseconds."""
    if isinstance(value, Time):
        return value.seconds, value.nanoseconds
    since = (value if value.tzinfo else value.astimezone()) - _epoch
    return since.days * 86400 + since.seconds, since.microseconds * 1000


_python_flags = (("i", re.IGNORECASE), ("m", re.MULTILINE), ("s", re.DOTALL))


def to_regexp(source, flags):
    known = 0
    for letter, flag in _python_flags:
        known |= flag if letter in flags else 0
    if "".join(letter for letter, _ in _python_flags if letter in flags) == flags and len(source) <= 4096:
        try:
            return re.compile(source, known)
        except (re.error, RecursionError, OverflowError, ValueError):
            pass
    return Regexp(source, flags)


def of_regexp(value):
    if isinstance(value, Regexp):
        return value.source, value.flags
    if not isinstance(value.pattern, str):
        raise Unfit("a regular expression of bytes is no value")
    if value.flags & ~(re.IGNORECASE | re.MULTILINE | re.DOTALL | re.UNICODE):
        raise Unfit(f"flags of {value!r} that no value has")
    return value.pattern, "".join(letter for letter, flag in _python_flags if value.flags & flag)


def of_error(value):
    if isinstance(value, ErrorValue):
        return value.name, value.message
    if isinstance(value, Error):
        return value.code.name, str(value)
    return type(value).__name__, str(value)


def put_text(out, value):
    raw = value.encode("utf-8", "surrogateescape")
    out += _I.pack(len(raw))
    out += raw


def get_text(buf, at):
    size, = _unpack_I(buf, at)
    at += 4
    end = at + size
    if end > len(buf):
        raise Unfit("a text is longer than what is left")
    return str(buf[at:end], "utf-8", "surrogateescape"), end


# To bytes: one function for each exact type, others by isinstance.

def _put_int(out, value, depth):
    if _i64_min <= value <= _i64_max:
        out += _q.pack(2, value)
    elif 0 <= value <= _u64_max:
        out += _Q.pack(3, value)
    else:
        raise Unfit(f"{value} does not fit 64 bits")


def _put_str(out, value, depth):
    out.append(5)
    put_text(out, value)


def _put_bytes(out, value, depth):
    view = memoryview(value)
    out += _tag_count.pack(6, view.nbytes)
    out += view.cast("B") if view.contiguous and view.nbytes else view.tobytes()


def _put_list(out, value, depth):
    if depth >= DEPTH_MAX:
        raise Unfit("nested too deeply")
    out += _tag_count.pack(7, len(value))
    for each in value:
        put(out, each, depth + 1)


def _put_dict(out, value, depth):
    if depth >= DEPTH_MAX:
        raise Unfit("nested too deeply")
    out += _tag_count.pack(8, len(value))
    for key, each in value.items():
        if not isinstance(key, str):
            raise Unfit(f"the key {key!r} of an object is no text")
        put_text(out, key)
        put(out, each, depth + 1)


def _put_time(out, value, depth):
    out.append(9)
    try:
        out += _time.pack(*of_time(value))
    except struct.error:
        raise Unfit(f"{value!r} is no time") from None


def _put_regexp(out, value, depth):
    source, flags = of_regexp(value)
    out.append(10)
    put_text(out, source)
    put_text(out, flags)


def _put_error(out, value, depth):
    name, message = of_error(value)
    out.append(11)
    put_text(out, name)
    put_text(out, message)


def _put_none(out, value, depth):
    out.append(0)


def _put_bool(out, value, depth):
    out += b"\1\1" if value else b"\1\0"


def _put_float(out, value, depth):
    out += _d.pack(4, value)


_putters = {
    type(None): _put_none, bool: _put_bool, int: _put_int, float: _put_float, str: _put_str, bytes: _put_bytes,
    bytearray: _put_bytes, memoryview: _put_bytes, list: _put_list, tuple: _put_list, dict: _put_dict,
    datetime.datetime: _put_time, Time: _put_time, re.Pattern: _put_regexp, Regexp: _put_regexp,
    ErrorValue: _put_error, set: _put_list, frozenset: _put_list,
}
_bases = ((bool, _put_bool), (int, _put_int), (float, _put_float), (str, _put_str), (dict, _put_dict),
          ((list, tuple, set, frozenset), _put_list), ((bytes, bytearray), _put_bytes),
          (datetime.datetime, _put_time), (BaseException, _put_error))


def put(out, value, depth=0):
    """Appends the encoding of a value to a bytearray."""
    putter = _putters.get(type(value))
    if putter is None:
        for base, putter in _bases:
            if isinstance(value, base):
                break
        else:
            if hasattr(value, "tolist"):  # numpy's arrays and scalars
                return put(out, value.tolist(), depth)
            raise Unfit(f"{type(value).__name__} is no value of maus")
    putter(out, value, depth)


# From bytes.

def get(buf, at, depth=0):
    """The value at an offset, and the offset behind it."""
    if at >= len(buf):
        raise Unfit("bytes are missing")
    tag = buf[at]
    at += 1
    if tag == 2:
        return _unpack_q(buf, at)[0], at + 8
    if tag == 5:
        return get_text(buf, at)
    if tag == 4:
        return _unpack_d(buf, at)[0], at + 8
    if tag == 0:
        return None, at
    if tag == 1:
        if at >= len(buf) or buf[at] > 1:
            raise Unfit("a bool is neither 0 nor 1")
        return buf[at] == 1, at + 1
    if tag == 3:
        value, = _unpack_Q(buf, at)
        if value <= _i64_max:
            raise Unfit("an integer with tag 3 fits an i64")
        return value, at + 8
    if tag in (6, 7, 8):
        count, = _unpack_I(buf, at)
        at += 4
        if count > len(buf) - at:
            raise Unfit("a count is larger than what is left")
        if tag == 6:
            return bytes(buf[at:at + count]), at + count
        if depth >= DEPTH_MAX:
            raise Unfit("nested too deeply")
        if tag == 7:
            array = []
            for _ in range(count):
                value, at = get(buf, at, depth + 1)
                array.append(value)
            return array, at
        members = {}
        for _ in range(count):
            key, at = get_text(buf, at)
            if key in members:
                raise Unfit(f"the key {key!r} stands twice")
            members[key], at = get(buf, at, depth + 1)
        return members, at
    if tag == 9:
        seconds, nanoseconds = _unpack_time(buf, at)
        if nanoseconds >= 1_000_000_000:
            raise Unfit("too many nanoseconds")
        return to_time(seconds, nanoseconds), at + 12
    if tag == 10:
        source, at = get_text(buf, at)
        flags, at = get_text(buf, at)
        return to_regexp(source, flags), at
    if tag == 11:
        name, at = get_text(buf, at)
        message, at = get_text(buf, at)
        return ErrorValue(name, message), at
    raise Unfit(f"a value has the unknown tag {tag}")


def kind(value):
    """What a value is, for the table of conversions."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "f64"
    if isinstance(value, str):
        return "string"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return "bytes"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, (datetime.datetime, Time)):
        return "time"
    if isinstance(value, (re.Pattern, Regexp)):
        return "regexp"
    if isinstance(value, BaseException):
        return "error"
    return "array"
