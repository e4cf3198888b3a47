"""Messages and records as bytes: PROTOCOL.md, sections 4 to 6.

A body is a dict of its fields; what it may have behind them is a list of extensions, (tag, bytes). A link message is
read into records, (type, flags, function, body, apart), of which `apart` is the further frame or None.
"""

import struct

from ..errors import Errc
from ..limits import ENTRIES_MAX, TEXT_ALWAYS_HEARD

CONTROL, LINK, RELAY = 1, 2, 3
HEADER = struct.Struct("<3sBBBH")
RECORD = struct.Struct("<IBBH")
ATTEMPT = struct.Struct("<QI")
APART, AT_MOST_ONCE, EXTENDED, RESERVED, LAST_PART, UNTAKEN = 1, 2, 4, 8, 16, 32
LINK_HEADER = b"MAU\x01\x02\x00\x00\x00"
RELAY_HEADER = b"MAU\x01\x03\x00\x00\x00"
NO_ID, NO_LEASE = bytes(16), (0, 0)
PAGE, ELASTIC, TIME_LEFT, LABEL, TRACE, REFERENCE_FUNCTIONS, STREAM_CREDIT, NESTED, DYNAMIC_FUNCTIONS = (
    1, 2, 3, 4, 5, 6, 8, 9, 10)


class Violation(Exception):
    """What a peer may not say: an error code and why."""

    def __init__(self, code, why):
        super().__init__(why)
        self.code, self.why = code, why


def bad(why):
    return Violation(Errc.protocol_violation, why)


# Fields. Each kind has a writer (out, value) and a reader (buf, at) -> (value, at).

def _number(letter):
    made = struct.Struct("<" + letter)

    def write(out, value):
        out += made.pack(value)

    def read(buf, at):
        return made.unpack_from(buf, at)[0], at + made.size
    return write, read


def _write_id(out, value):
    out += value


def _read_id(buf, at):
    if at + 16 > len(buf):
        raise bad("an id is not whole")
    return bytes(buf[at:at + 16]), at + 16


_lease = struct.Struct("<QQ")
_I = struct.Struct("<I")


def _write_lease(out, value):
    out += _lease.pack(*value)


def _read_lease(buf, at):
    return _lease.unpack_from(buf, at), at + 16


def _write_bool(out, value):
    out.append(1 if value else 0)


def _read_bool(buf, at):
    if at >= len(buf) or buf[at] > 1:
        raise bad("a bool is neither 0 nor 1")
    return buf[at] == 1, at + 1


def _write_text(out, value):
    raw = value.encode("utf-8", "surrogateescape")
    out += _I.pack(len(raw))
    out += raw


def _read_text(buf, at):
    size, = _I.unpack_from(buf, at)
    at += 4
    if size > len(buf) - at:
        raise bad("a text is longer than what is left")
    return str(buf[at:at + size], "utf-8", "surrogateescape"), at + size


def _list_of(write_one, read_one):
    def write(out, value):
        out += _I.pack(len(value))
        for each in value:
            write_one(out, each)

    def read(buf, at):
        count, = _I.unpack_from(buf, at)
        at += 4
        if count > len(buf) - at:
            raise bad("a count is larger than what is left")
        made = []
        for _ in range(count):
            each, at = read_one(buf, at)
            made.append(each)
        return made, at
    return write, read


def _record_of(*fields):
    def write(out, value):
        for (name, kind) in fields:
            _kinds[kind][0](out, value[name])

    def read(buf, at):
        made = {}
        for (name, kind) in fields:
            made[name], at = _kinds[kind][1](buf, at)
        return made, at
    return write, read


def _optional(write_one, read_one):
    def write(out, value):
        out.append(0 if value is None else 1)
        if value is not None:
            write_one(out, value)

    def read(buf, at):
        there, at = _read_bool(buf, at)
        return read_one(buf, at) if there else (None, at)
    return write, read


_entry = struct.Struct("<HQ")


def _write_limits(out, value):
    out += _I.pack(len(value))
    for number, each in value.items():
        out += _entry.pack(number, each)


def _read_limits(buf, at):
    count, = _I.unpack_from(buf, at)
    at += 4
    if count > ENTRIES_MAX:
        raise Violation(Errc.too_large, "too many limits")
    made = {}
    for _ in range(count):
        number, value = _entry.unpack_from(buf, at)
        if number in made:
            raise bad("a limit stands twice")
        made[number] = value
        at += 10
    return made, at


_kinds = {
    "u8": _number("B"), "u16": _number("H"), "u32": _number("I"), "u64": _number("Q"), "f64": _number("d"),
    "id": (_write_id, _read_id), "lease": (_write_lease, _read_lease), "bool": (_write_bool, _read_bool),
    "str": (_write_text, _read_text), "texts": _list_of(_write_text, _read_text), "limits": (_write_limits, _read_limits),
}
_kinds["serving"] = _optional(*_record_of(("lease", "lease"), ("manager", "id"), ("token", "id")))
_kinds["held"] = _list_of(*_record_of(("lease", "lease"), ("worker", "id")))
_kinds["workers"] = _list_of(*_record_of(
    ("worker", "id"), ("incarnation", "u64"), ("type", "str"), ("signatures", "texts"), ("concurrency", "u32"),
    ("host", "str"), ("pid", "u32"), ("state", "u8"), ("lease", "lease"), ("manager", "id"), ("age_ms", "u64")))
_kinds["managers"] = _list_of(*_record_of(
    ("manager", "id"), ("endpoints", "texts"), ("host", "str"), ("pid", "u32"), ("age_ms", "u64")))
_kinds["requests"] = _list_of(*_record_of(
    ("manager", "id"), ("request", "u64"), ("type", "str"), ("amount", "u32"), ("serving", "u32"), ("age_ms", "u64")))


def _fields(text):
    return tuple(tuple(part.split(":")) for part in text.split())


_beat = "interval_ms:u32 liveness:u32"
_control = {
    1: ("register_worker", f"worker:id incarnation:u64 type:str signatures:texts concurrency:u32 {_beat} host:str pid:u32 "
                           "free:bool serving:serving features:texts limits:limits"),
    2: ("register_manager", f"manager:id incarnation:u64 endpoints:texts {_beat} host:str pid:u32 features:texts limits:limits"),
    3: ("request", "request:u64 token:id type:str amount:u32 held:held"),
    4: ("cancel", "request:u64"),
    5: ("accepted", "lease:lease"),
    6: ("refused", "lease:lease error:u8 why:str"),
    7: ("available", "lease:lease"),
    8: ("occupied", "lease:lease manager:id token:id"),
    9: ("worker_lost", "request:u64 lease:lease worker:id"),
    10: ("ping", "stamp:u64"),
    11: ("goodbye", "why:str"),
    12: ("status_query", ""),
    13: ("unimplemented", "type:u8"),
    65: ("registered", f"parkserver:id epoch:u64 {_beat} features:texts limits:limits"),
    66: ("register_again", ""),
    67: ("rejected", "error:u8 why:str"),
    68: ("assign", "lease:lease token:id manager:id endpoints:texts"),
    69: ("lease_ended", "lease:lease why:str"),
    70: ("granted", "request:u64 lease:lease worker:id"),
    71: ("pong", "stamp:u64"),
    72: ("parkserver_goodbye", "why:str"),
    73: ("status", "version:str parkserver:id epoch:u64 uptime_ms:u64 workers:workers managers:managers requests:requests"),
    74: ("parkserver_unimplemented", "type:u8"),
    75: ("fair_share", "request:u64 workers:u32 newest:lease"),
}
CONTROL_TYPES = {number: (name, _fields(text)) for number, (name, text) in _control.items()}
CONTROL_NUMBERS = {name: number for number, (name, _) in CONTROL_TYPES.items()}

_attempt = "call:u64 attempt:u32"
_records = {
    1: ("hello", f"token:id worker:id incarnation:u64 lease:lease type:str signatures:texts concurrency:u32 {_beat} "
                 "host:str pid:u32 stamp:u64 features:texts limits:limits"),
    2: ("result", _attempt), 3: ("failed", _attempt + " error:u8 type:str text:str"), 4: ("returned", _attempt),
    5: ("detached", _attempt), 6: ("started", _attempt), 7: ("ping", "stamp:u64"), 8: ("goodbye", "error:u8 why:str"),
    9: ("unimplemented", "type:u8"), 10: ("part", "offset:u64"), 11: ("taken", "bytes:u64"),
    12: ("callback", _attempt + " function:u32 callback:u64"), 14: ("item", _attempt + " items:u32"),
    129: ("progress", _attempt + " fraction:f64 text:str"),
    33: ("welcome", f"manager:id incarnation:u64 {_beat} stamp:u64 features:texts limits:limits"),
    34: ("reject", "error:u8 why:str"), 35: ("call", _attempt), 36: ("cancel", _attempt), 37: ("pong", "stamp:u64"),
    38: ("manager_goodbye", "error:u8 why:str"), 39: ("manager_unimplemented", "type:u8"),
    40: ("manager_part", "offset:u64"), 41: ("manager_taken", "bytes:u64"),
    42: ("callback_result", _attempt + " callback:u64"),
    43: ("callback_failed", _attempt + " callback:u64 error:u8 type:str text:str"),
    44: ("more", _attempt + " items:u32 bytes:u64"), 128: ("rejected_by", "manager:id"),
}
RECORD_TYPES = {number: (name, _fields(text)) for number, (name, text) in _records.items()}
RECORD_NUMBERS = {name: number for number, (name, _) in RECORD_TYPES.items()}
#: Records with a payload, and which of the bits 0 to 3 each may have ([P-61]).
PAYLOADS = {2: APART | EXTENDED, 35: APART | AT_MOST_ONCE | EXTENDED, 12: APART | EXTENDED, 42: APART | EXTENDED,
            14: APART, 10: APART, 40: APART}
EXTENSIBLE = (1, 33)


def _write(fields, body, out):
    for name, kind in fields:
        _kinds[kind][0](out, body[name])


def _read(fields, buf):
    made, at = {}, 0
    try:
        for name, kind in fields:
            made[name], at = _kinds[kind][1](buf, at)
    except struct.error:
        raise bad("a body is not whole") from None
    return made, at


def write_extensions(extensions, out):
    for tag, raw in extensions:
        out += struct.pack("<HI", tag, len(raw))
        out += raw


def read_extensions(buf, at=0, most=64):
    """All of them, in order; of a tag that comes twice the first counts ([P-59])."""
    made, end = [], len(buf)
    while at < end:
        if end - at < 6:
            raise bad("an extension is not whole")
        tag, size = struct.unpack_from("<HI", buf, at)
        at += 6
        if size > end - at:
            raise bad("an extension reaches beyond its body")
        made.append((tag, bytes(buf[at:at + size])))
        at += size
        if len(made) > most:
            raise Violation(Errc.too_large, "too many extensions")
    return made


def extension(extensions, tag):
    return next((raw for each, raw in extensions if each == tag), None)


def write_texts(texts):
    out = bytearray()
    _kinds["texts"][0](out, texts)
    return bytes(out)


def read_texts(raw):
    try:
        made, at = _kinds["texts"][1](raw, 0)
    except struct.error:
        raise bad("an extension is not whole") from None
    if at != len(raw):
        raise bad("bytes are left over")
    return made


def cut(text, most):
    """A text of at most so many bytes of UTF-8 ([P-80])."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= most:
        return raw.decode()
    return raw[:most].decode("utf-8", "ignore")


def check_texts(body, most):
    """Refuses a text that is longer than the reader allows."""
    for name in ("why", "type", "text", "version"):
        value = body.get(name)
        if isinstance(value, str) and len(value) * 4 > TEXT_ALWAYS_HEARD and \
                len(value.encode("utf-8", "surrogateescape")) > max(most, TEXT_ALWAYS_HEARD):
            raise Violation(Errc.too_large, f"{name} is too long")


# Control messages.

def control(name, extensions=(), **body):
    """One control message, as bytes."""
    number = CONTROL_NUMBERS[name]
    out = bytearray(HEADER.pack(b"MAU", 1, CONTROL, number, 0))
    _write(CONTROL_TYPES[number][1], body, out)
    write_extensions(extensions, out)
    return bytes(out)


def read_control(raw):
    """(type, name, body, extensions); of an unknown type the name is None."""
    number = raw[5]
    known = CONTROL_TYPES.get(number)
    if known is None:
        return number, None, {}, []
    buf = raw[8:]
    body, at = _read(known[1], buf)
    return number, known[0], body, read_extensions(buf, at)


def channel(first):
    """The channel of a message by its first frame; raises a Violation, or ValueError if it is to be dropped."""
    if len(first) < 8 or first[:3] != b"MAU":
        raise ValueError("this is no maus message")
    if first[3] != 1:
        raise Violation(Errc.version_mismatch, f"version 1 is spoken here, not {first[3]}")
    if first[4] not in (CONTROL, LINK, RELAY):
        raise bad("an unknown channel")
    if first[6] or first[7] or first[5] and first[4] != CONTROL:
        raise bad("reserved bytes of a header are not 0, or it has a type though it is no control message")
    return first[4]


# Link messages.

def record(name, extensions=(), **body):
    """A record without a payload."""
    number = RECORD_NUMBERS[name]
    out = bytearray(8)
    _write(RECORD_TYPES[number][1], body, out)
    write_extensions(extensions, out)
    RECORD.pack_into(out, 0, len(out) - 8, number, 0, 0)
    return bytes(out)


def read_record(number, body):
    """(fields, extensions) of a record; behind the fields of one with a payload is its payload."""
    fields, at = _read(RECORD_TYPES[number][1], body)
    if number in PAYLOADS:
        return fields, body[at:]
    if number in EXTENSIBLE:
        return fields, read_extensions(body, at)
    if at != len(body):
        raise bad("bytes are left over")
    return fields, []


def read_link(frames):
    """The records of a link message: a list of (type, flags, function, body, apart)."""
    first, made, apart = frames[0], [], 1
    at, end, count = 8, len(first), len(frames)
    unpack = RECORD.unpack_from
    while at < end:
        if end - at < 8:
            raise bad("a record is not whole")
        size, number, flags, function = unpack(first, at)
        at += 8
        stop = at + size
        if stop > end:
            raise bad("a record reaches beyond its frame")
        further = None
        if function and number != 35 and number in RECORD_TYPES:
            raise bad("only a call has a function number")
        if flags:
            if number in RECORD_TYPES and flags & 15 & ~PAYLOADS.get(number, 0):
                raise bad("a flag that this record does not have")
            if flags & APART:
                if apart >= count:
                    raise bad("a further frame is missing")
                further = frames[apart]
                apart += 1
        made.append((number, flags, function, first[at:stop], further))
        at = stop
    if apart != count:
        raise bad("a further frame belongs to no record")
    return made


def payload_of(flags, body, apart, at=12):
    """(payload, extensions) of a record with a payload that begins at `at`."""
    extensions = ()
    if flags & EXTENDED:
        if len(body) < at + 4:
            raise bad("extensions are not whole")
        size, = _I.unpack_from(body, at)
        at += 4
        if size > len(body) - at:
            raise bad("extensions reach beyond their record")
        extensions = read_extensions(body[at:at + size])
        at += size
    if flags & APART:
        if len(body) != at:
            raise bad("a payload stands in two places")
        return apart, extensions
    return body[at:] if at else body, extensions


def record_with_payload(number, head, payload, flags=0, function=0, extensions=(), apart_from=32 << 10):
    """(bytes, further frame or None) of a record whose fields are `head`."""
    if extensions:
        inside = bytearray()
        write_extensions(extensions, inside)
        head = b"".join((head, _I.pack(len(inside)), inside))
        flags |= EXTENDED
    if len(payload) >= apart_from:
        return RECORD.pack(len(head), number, flags | APART, function) + head, payload
    return b"".join((RECORD.pack(len(head) + len(payload), number, flags, function), head, payload)), None


class Batch:
    """Records for one link, put into as few messages as their limits allow."""

    __slots__ = ("records", "frames", "size", "messages")

    def __init__(self):
        self.records, self.frames, self.size, self.messages = [], [], 0, []

    def add(self, raw, apart=None):
        if apart is not None or self.size > 32768 or len(self.records) >= 1024:
            self.close()
        self.records.append(raw)
        self.size += len(raw)
        if apart is not None:  # it travels alone ([P-44])
            self.frames.append(apart)
            self.close()

    def close(self):
        if self.records:
            self.messages.append([LINK_HEADER + b"".join(self.records), *self.frames])
            self.records, self.frames, self.size = [], [], 0

    def take(self):
        """The messages so far, each a list of frames."""
        self.close()
        made, self.messages = self.messages, []
        return made
