"""Type hints as signatures.

int is i64, float f64, str, bool, bytes list<u8>, list[T], dict[K, V], set[T], tuple[A, B], Optional[T], Union[...] a
variant, complex, datetime, timedelta, dataclasses and NamedTuples records, enums, Callable[[A], R] a function of the
caller, Iterator[T] (as a result) a stream, numpy.ndarray and NDArray[numpy.float64] lists of numbers, typing.Any any
value. Other widths have names: maus.i8 to maus.u64, maus.f32. `maus.wire_type("...")` is any other type.
"""

import collections.abc
import dataclasses
import datetime
import enum
import inspect
import typing

from .errors import Errc, Unfit, error
from .wire import signature, values
from .wire.codecs import INTEGERS, Codec, Duration, Enumeration, FunctionOf, Moment
from .wire.containers import List, Map, Numbers, Optional, Set, Tuple, Variant
from .wire.signature import ANY, VOID, Function, parse_type, plain

try:
    from typing import Annotated
except ImportError:  # pragma: no cover
    from typing_extensions import Annotated


class Wire:
    """The text of a type, inside of Annotated."""

    __slots__ = ("text",)

    def __init__(self, text):
        self.text = text


def wire_type(text, python=typing.Any):
    """A hint for the type that a signature spells so: `x: maus.wire_type("list<i32>")`."""
    parse_type(text)
    return Annotated[python, Wire(text)]


i8, i16, i32, i64, u8, u16, u32, u64 = (Annotated[int, Wire(name)] for name in INTEGERS)
f32, f64 = Annotated[float, Wire("f32")], Annotated[float, Wire("f64")]

_simple = {bool: "bool", int: "i64", float: "f64", str: "str", bytes: "list<u8>", bytearray: "list<u8>",
           typing.Any: "any", complex: "tuple<f64,f64>", type(None): "unit"}
_streams = (collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator,
            collections.abc.AsyncIterator, collections.abc.AsyncIterable, collections.abc.AsyncGenerator)
_dtypes = {"int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "uint8": "u8", "uint16": "u16",
           "uint32": "u32", "uint64": "u64", "float32": "f32", "float64": "f64"}


class _Made(Codec):
    """A codec whose values have a Python class of their own."""

    __slots__ = ("of", "into", "out_of")

    def __init__(self, of, into, out_of):
        super().__init__(of.name, of.kinds)
        self.of, self.into, self.out_of = of, into, out_of

    def empty(self):
        return self.of.empty()

    def encode(self, value, out, depth=0):
        self.of.encode(self.out_of(value), out, depth)

    def decode(self, buf, at, depth=0):
        value, at = self.of.decode(buf, at, depth)
        try:
            return self.into(value), at
        except Unfit:
            raise
        except Exception as wrong:
            raise Unfit(f"{type(wrong).__name__}: {wrong}") from None


def _record(hint, hints, extras, make):
    names = list(hints)
    inside = Tuple((), True)
    inside.become([codec(each, extras + (hint,)) for each in hints.values()], True)

    def out_of(value):
        return value if isinstance(value, (tuple, list)) else tuple(getattr(value, name) for name in names)
    return _Made(inside, make, out_of)


def _timedelta(count):
    return datetime.timedelta(microseconds=count)


def codec(hint, inside=()):
    """The codec of a hint; raises TypeError if it has none."""
    if hint in inside:
        raise TypeError(f"{hint}: records that contain themselves are spelled by maus.wire_type")
    if isinstance(hint, typing.TypeVar) or hint is inspect.Parameter.empty or hint is object:
        return ANY
    if hint is None:
        return plain("unit")
    try:
        if hint in _simple:
            return parse_type(_simple[hint])
    except TypeError:
        pass
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        found = [each for each in hint.__metadata__ if isinstance(each, Wire)]
        return parse_type(found[0].text) if found else codec(parts[0], inside)

    def each(of):
        return codec(of, inside)
    if _is_numpy(origin or hint):
        return _numpy(parts)
    if origin is typing.Union or type(hint).__name__ == "UnionType":
        some = [part for part in parts if part is not type(None)]
        of = each(some[0]) if len(some) == 1 else Variant([each(part) for part in some])
        return of if len(some) == len(parts) else Optional(of)
    if origin in (list, collections.abc.Sequence, collections.abc.MutableSequence) or hint in (list,):
        return _Made(List(plain("u8")), list, bytes) if parts == (u8,) else List(each(parts[0]) if parts else ANY)
    if origin in (dict, collections.abc.Mapping) or hint is dict:
        return Map(*(each(part) for part in parts)) if parts else Map(plain("str"), ANY)
    if origin in (set, frozenset, collections.abc.Set):
        return Set(each(parts[0]))
    if origin is tuple:
        if len(parts) == 2 and parts[1] is Ellipsis:
            of = List(each(parts[0]))
            return _Made(of, tuple, list)
        return Tuple([each(part) for part in parts if part != ()])
    if origin is collections.abc.Callable:
        arguments, result = parts
        return FunctionOf([each(part) for part in arguments], result_codec(result, inside))
    if isinstance(hint, type):
        if issubclass(hint, enum.Enum):
            return _Made(Enumeration(plain("i32")), hint, lambda value: value.value if isinstance(value, enum.Enum) else value)
        if dataclasses.is_dataclass(hint):
            known = typing.get_type_hints(hint, include_extras=True)
            fields = {field.name: known[field.name] for field in dataclasses.fields(hint)}
            return _record(hint, fields, inside, lambda value: hint(*value))
        if issubclass(hint, tuple) and hasattr(hint, "_fields"):
            known = typing.get_type_hints(hint, include_extras=True)
            return _record(hint, {name: known.get(name, typing.Any) for name in hint._fields}, inside,
                           lambda value: hint(*value))
        if issubclass(hint, datetime.datetime):
            return Moment(plain("i64"), (1, 1_000_000_000))
        if issubclass(hint, datetime.timedelta):
            return _Made(Duration(plain("i64"), (1, 1_000_000)), _timedelta, lambda value: value)
        if issubclass(hint, (values.Time,)):
            return Moment(plain("i64"), (1, 1_000_000_000))
    raise TypeError(f"{hint} is no type that maus knows; use typing.Any or maus.wire_type")


def result_codec(hint, inside=()):
    return VOID if hint is None or hint is type(None) else codec(hint, inside)


def _is_numpy(hint):
    return getattr(hint, "__module__", "").startswith("numpy") and getattr(hint, "__name__", "") == "ndarray"


def _numpy(parts):
    """numpy.ndarray is list<f64>; NDArray[numpy.int32] list<i32>."""
    name = "float64"
    if len(parts) == 2:
        scalar = (typing.get_args(parts[1]) or (None,))[0]
        name = getattr(scalar, "__name__", "float64")
    if name not in _dtypes:
        raise TypeError(f"numpy's {name} has no type in maus")
    return Numbers(plain(_dtypes[name]))


def function(made, name=None, text=None):
    """The Function of a Python function: from the text of a signature, from its hints, or dynamic without any."""
    name = name or made.__name__
    if text is not None:
        try:
            return signature.parse(text)
        except Unfit as wrong:
            raise error(Errc.invalid_argument, str(wrong)) from None
    if not signature.good_name(name):
        raise error(Errc.invalid_argument, f"{name!r} is no name of a function")
    generator = inspect.isgeneratorfunction(made) or inspect.isasyncgenfunction(made)
    try:
        hints = typing.get_type_hints(made, include_extras=True)
    except (TypeError, NameError) as wrong:
        if getattr(made, "__annotations__", None):
            raise error(Errc.invalid_argument, f"{name}: its hints cannot be read: {wrong}") from None
        hints = {}
    if not hints:
        return Function(name, [], ANY, ANY if generator else None, dynamic=True)
    try:
        parameters = []
        for each in inspect.signature(made).parameters.values():
            if each.kind not in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
                if each.kind is each.KEYWORD_ONLY and each.default is not each.empty or each.kind is each.VAR_KEYWORD:
                    continue
                raise TypeError(f"the parameter {each.name} is no positional one")
            parameters.append(codec(hints.get(each.name, typing.Any)))
        given = hints.get("return", typing.Any)
        if generator or typing.get_origin(given) in _streams:
            items = (typing.get_args(given) or (typing.Any,))[0]
            return Function(name, parameters, VOID, codec(items))
        return Function(name, parameters, result_codec(given) if "return" in hints else ANY)
    except TypeError as wrong:
        raise error(Errc.invalid_argument, f"{name}: {wrong}") from None
