"""Signatures: `name(T,T,...)->R` taken apart ([P-9]), and what they say about bytes.

A Function encodes and decodes the arguments and results of one signature.
"""

import functools
import re
import struct

from ..errors import Errc, Unfit, error
from . import values
from .codecs import (FLOATS, INTEGERS, Again, Any, Bool, Duration, Enumeration, Float, FunctionOf, Integer, Moment,
                     Text, Unit)
from .containers import List, Map, Optional, Set, Tuple, Variant

_plain = {name: Integer(name, letter) for name, letter in INTEGERS.items()}
_plain.update({name: Float(name, letter) for name, letter in FLOATS.items()})
_plain.update({"bool": Bool(), "str": Text(), "any": Any(), "unit": Unit()})
VOID = Unit("void")
ANY = _plain["any"]
NESTING_MAX = 64


def plain(name):
    """The codec of a type without parts: i32, str, any, ..."""
    return _plain[name]


class _Parser:
    def __init__(self, text):
        self.text, self.at, self.records, self.depth = text, 0, [], 0

    def fail(self):
        raise Unfit(f"no type: {self.text[self.at:self.at + 40]!r} in {self.text[:120]!r}")

    def take(self, token):
        if not self.text.startswith(token, self.at):
            self.fail()
        self.at += len(token)

    def skip(self, token):
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def number(self):
        begin = self.at
        while self.at < len(self.text) and self.text[self.at] in "0123456789":
            self.at += 1
        if begin == self.at or self.at - begin > 19:
            self.fail()
        return int(self.text[begin:self.at])

    def word(self):
        begin = self.at
        while self.at < len(self.text) and (self.text[self.at].isalnum() and self.text[self.at].isascii()):
            self.at += 1
        return self.text[begin:self.at]

    def types(self, end):
        """Types with commas between them, and what ends them."""
        made = []
        if self.skip(end):
            return made
        while True:
            made.append(self.type())
            if self.skip(end):
                return made
            self.take(",")

    def ratio(self):
        above = self.number()
        self.take("/")
        below = self.number()
        if not above or not below:
            self.fail()
        return above, below

    def type(self):
        self.depth += 1
        if self.depth > NESTING_MAX:
            raise Unfit("a type is nested too deeply")
        made = self._type()
        self.depth -= 1
        return made

    def _type(self):
        if self.skip("{"):
            record = Tuple((), True)
            self.records.append(record)
            record.become(self.types("}"), True)
            self.records.pop()
            return record
        if self.skip("^"):
            up = self.number()
            if not 1 <= up <= len(self.records):
                self.fail()
            return Again(self.records[-up], up)
        word = self.word()
        if word in _plain:
            return _plain[word]
        if not self.skip("<"):
            self.fail()
        if word == "list" or word == "set" or word == "opt":
            of = self.type()
            self.take(">")
            if word != "opt" and of.empty():
                raise Unfit("an element that takes no bytes")
            return {"list": List, "set": Set, "opt": Optional}[word](of)
        if word == "array":
            of = self.type()
            self.take(",")
            count = self.number()
            self.take(">")
            if count and of.empty():
                raise Unfit("an element that takes no bytes")
            return List(of, count)
        if word == "enum":
            of = self.type()
            self.take(">")
            if not isinstance(of, Integer):
                self.fail()
            return Enumeration(of)
        if word in ("dur", "time"):
            of = self.type()
            self.take(",")
            ratio = self.ratio()
            self.take(">")
            if not of.letter:
                self.fail()
            return (Duration if word == "dur" else Moment)(of, ratio)
        if word == "fn":
            result = self.result("(")
            parameters = self.types(")")
            self.take(">")
            return FunctionOf(parameters, result)
        of = self.types(">")
        if word == "map" and len(of) == 2:
            return Map(*of)
        if word == "tuple":
            return Tuple(of)
        if word == "variant" and of:
            return Variant(of)
        self.fail()

    def result(self, end=""):
        if self.skip("void" + end):
            return VOID
        made = self.type()
        if end:
            self.take(end)
        return made


def parse_type(text):
    """The codec of a type's text."""
    parser = _Parser(text)
    made = parser.type()
    if parser.at != len(text):
        parser.fail()
    return made


def _holds_function(codec):
    return isinstance(codec, FunctionOf)


# Blanks, control characters, and what is invisible or turns the writing direction.
_unprintable = re.compile(
    "[\\x00-\\x20\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff"
    "\\ufff9-\\ufffb\\ufffe\\uffff\\ud800-\\udfff\\U000e0000-\\U000e0fff()]")


def good_name(name, most=128):
    """Whether it is a function's name ([P-9])."""
    return 0 < len(name.encode("utf-8", "surrogateescape")) <= most and not _unprintable.search(name)


def good_type_name(name, most=128):
    """Whether it is a worker's type or the name of a feature ([P-9])."""
    raw = name.encode("utf-8", "surrogateescape")
    return 0 < len(raw) <= most and not any(ord(c) < 32 or ord(c) == 127 or 0xdc80 <= ord(c) <= 0xdcff for c in name)


class Function:
    """One signature: its name, its parameters' codecs and its result's.

    `dynamic`: any number of values. `items`: the codec of a stream's items, or None. `takes_functions`: [P-108].
    """

    def __init__(self, name, parameters, result, items=None, dynamic=False):
        self.name, self.parameters, self.result, self.items, self.dynamic = name, parameters, result, items, dynamic
        self.takes_functions = any(_holds_function(each) for each in parameters)
        inside = "..." if dynamic else ",".join(each.name for each in parameters)
        outside = f"stream<{items.name}>" if items else result.name
        self.signature = f"{name}({inside})->{outside}"
        letters = [each.letter for each in parameters]
        self._struct = self._types = None
        if not dynamic and parameters and all(letters) and not any(isinstance(e, Duration) for e in parameters):
            self._struct = struct.Struct("<" + "".join(letters))
            self._types = tuple(float if letter in "fd" else int for letter in letters)
            self._pack, self._unpack, self._size = self._struct.pack, self._struct.unpack, self._struct.size
        self._result_struct = self._result_type = None
        if result.letter and type(result) in (Integer, Float):
            self._result_struct = struct.Struct("<" + result.letter)
            self._result_type = float if result.letter in "fd" else int

    def encode_arguments(self, arguments):
        """Bytes; raises bad_arguments or signature_mismatch."""
        if self._struct and tuple(map(type, arguments)) == self._types:
            try:
                return self._pack(*arguments)
            except (struct.error, OverflowError):
                pass  # the slow way tells which one is wrong
        out = bytearray()
        try:
            if self.dynamic:
                for each in arguments:
                    values.put(out, each)
            else:
                if len(arguments) != len(self.parameters):
                    raise error(Errc.signature_mismatch,
                                f"{self.signature} takes {len(self.parameters)} arguments, not {len(arguments)}")
                for codec, each in zip(self.parameters, arguments):
                    codec.encode(each, out)
        except (Unfit, struct.error, RecursionError) as wrong:
            raise error(Errc.bad_arguments, f"{wrong}, in a call of {self.signature}") from None
        return bytes(out) if len(out) < 4096 else out

    def decode_arguments(self, payload):
        """A list or tuple; raises Unfit or struct.error."""
        if self._struct:
            return self._unpack(payload)
        made, at, end = [], 0, len(payload)
        if self.dynamic:
            while at < end:
                value, at = values.get(payload, at)
                made.append(value)
        else:
            for codec in self.parameters:
                value, at = codec.decode(payload, at)
                made.append(value)
        if at != end:
            raise Unfit("bytes are left over, or missing")
        return made

    def encode_result(self, value):
        """Bytes; raises Unfit."""
        if self._result_struct and type(value) is self._result_type:
            try:
                return self._result_struct.pack(value)
            except (struct.error, OverflowError):
                raise Unfit(f"{value} does not fit {self.result.name}") from None
        return encode_one(self.result, value)

    def decode_result(self, payload):
        return decode_one(self.result, payload)


def encode_one(codec, value):
    out = bytearray()
    codec.encode(value, out)
    return bytes(out) if len(out) < 4096 else out


def decode_one(codec, payload):
    """A value that takes all of the bytes; raises Unfit or struct.error."""
    value, at = codec.decode(payload, 0)
    if at != len(payload):
        raise Unfit("bytes are left over, or missing")
    return value


@functools.lru_cache(4096)
def parse(signature):
    """A Function from its text; raises Unfit."""
    name, found, rest = signature.partition("(")
    if not found or not good_name(name):
        raise Unfit(f"no signature: {signature[:120]!r}")
    parser = _Parser(rest)
    dynamic = parser.skip("...)")
    parameters = [] if dynamic else parser.types(")")
    parser.take("->")
    items = None
    if parser.skip("stream<"):
        items = parser.type()
        parser.take(">")
        result = VOID
    else:
        result = parser.result()
    if parser.at != len(rest):
        parser.fail()
    if _holds_function(result) or (items is not None and (_holds_function(items) or items.empty())):
        parser.fail()
    if "fn<" in rest and rest.count("fn<") != sum(map(_holds_function, parameters)):
        parser.fail()
    return Function(name, parameters, result, items, dynamic)


def convertible(wanted, function):
    """Whether a function may be called by another signature ([P-98])."""
    if wanted.name != function.name or bool(wanted.items) != bool(function.items):
        return False
    ours, theirs = (wanted.items or wanted.result).name, (function.items or function.result).name
    if ours != theirs and "any" not in (ours, theirs) and ours != "void":
        return False
    if wanted.dynamic or function.dynamic:
        return True
    return len(wanted.parameters) == len(function.parameters) and all(
        a.name == b.name or "any" in (a.name, b.name) for a, b in zip(wanted.parameters, function.parameters))
