"""The maus protocol, version 1, for Python: as much of PROTOCOL.md as a worker and a manager need.

Written from that file alone, to see that it can be. Sockets are pyzmq's.
"""

import os
import struct
import time

CONTROL, LINK, RELAY = 1, 2, 3
REGISTER_WORKER, REGISTER_MANAGER, REQUEST, CANCEL, ACCEPTED, REFUSED, AVAILABLE = range(1, 8)
OCCUPIED, WORKER_LOST, PING, GOODBYE, STATUS_QUERY, UNIMPLEMENTED = range(8, 14)
REGISTERED, REGISTER_AGAIN, REJECTED, ASSIGN, LEASE_ENDED, GRANTED, PONG, PARKSERVER_GOODBYE = range(65, 73)
STATUS, PARKSERVER_UNIMPLEMENTED = 73, 74
HELLO, RESULT, FAILED, RETURNED, DETACHED, STARTED, LINK_PING, WORKER_GOODBYE, WORKER_UNIMPLEMENTED = range(1, 10)
WELCOME, REJECT, CALL, LINK_CANCEL, LINK_PONG, MANAGER_GOODBYE, MANAGER_UNIMPLEMENTED = range(33, 40)
CONTROL_TYPES = set(range(1, 14)) | set(range(65, 75))
RECORD_TYPES = set(range(1, 10)) | set(range(33, 40))
APART, EXTENDED = 1, 4
SKIPPED_FROM = 128  # an unknown type below is answered ([P-62])
NO_ID = bytes(16)


def u32(value):
    return struct.pack("<I", value)


def u64(value):
    return struct.pack("<Q", value)


def text(value):
    raw = value.encode()
    return u32(len(raw)) + raw


def texts(values):
    return u32(len(values)) + b"".join(text(value) for value in values)


def features_and_limits():
    """No feature, and the default limits ([P-57], [P-58])."""
    return texts([]) + u32(0)


def lease(epoch_and_sequence):
    return struct.pack("<QQ", *epoch_and_sequence)


def new_id():
    return os.urandom(16)


class Reader:
    """Takes fields off the front of a body."""

    def __init__(self, body):
        self.body = body

    def take(self, count):
        if count > len(self.body):
            raise ValueError("bytes are missing")
        taken, self.body = self.body[:count], self.body[count:]
        return taken

    def number(self, letter):
        return struct.unpack("<" + letter, self.take(struct.calcsize("<" + letter)))[0]

    def text(self):
        return self.take(self.number("I")).decode()

    def texts(self):
        return [self.text() for _ in range(self.number("I"))]

    def lease(self):
        return self.number("Q"), self.number("Q")


def header(channel, message_type=0):
    return b"MAU\x01" + bytes([channel, message_type, 0, 0])


def control(message_type, body=b""):
    return [header(CONTROL, message_type) + body]


def read_control(frames):
    """The type and a Reader of the body; None if it is no control message."""
    first = frames[0]
    if len(frames) != 1 or len(first) < 8 or first[:5] != b"MAU\x01\x01":
        return None
    return first[5], Reader(first[8:])


def record(record_type, body=b"", flags=0, function=0):
    return struct.pack("<IBBH", len(body), record_type, flags, function) + body


def link_message(*records):
    return [header(LINK) + b"".join(records)]


def read_records(frames):
    """Yields (type, flags, function, body) of a link message; a payload apart is put back."""
    assert frames[0][:8] == header(LINK), frames[0]
    rest, apart = Reader(frames[0][8:]), frames[1:]
    while rest.body:
        length, kind = rest.number("I"), rest.number("B")
        flags, function = rest.number("B"), rest.number("H")
        body = rest.take(length)
        payload = apart.pop(0) if flags & APART else b""
        if flags & EXTENDED and kind in (CALL, RESULT):  # this version knows no extension ([P-60])
            attempt, count = body[:12], struct.unpack("<I", body[12:16])[0]
            body = attempt + body[16 + count:]
        body += payload
        yield kind, flags, function, body


def now():
    """Nanoseconds on a clock that goes on in suspend ([P-35])."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
