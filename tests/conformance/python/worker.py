#!/usr/bin/python3
"""A maus worker: registers with a parkserver, serves managers with add and shout, until it is killed.

worker.py tcp://127.0.0.1:8500 [TYPE]
"""

import socket
import struct
import sys

import zmq

from maus import *

INTERVAL_MS, LIVENESS = 1000, 10


def add(arguments):
    x, y = struct.unpack("<ii", arguments)
    return struct.pack("<i", x + y)


def shout(arguments):
    said = Reader(arguments)
    word = said.text()
    if said.body:
        raise ValueError("bytes are left over")
    if not word:
        raise RuntimeError("nothing to shout")
    return text(word.upper())


FUNCTIONS = [("add(i32,i32)->i32", add), ("shout(str)->str", shout)]
SIGNATURES = [signature for signature, _ in FUNCTIONS]


class Worker:
    def __init__(self, endpoint, worker_type):
        self.context = zmq.Context()
        self.type = worker_type
        self.id = new_id()
        self.endpoint = endpoint
        self.park = self.connect(endpoint)
        self.park_patience = INTERVAL_MS * LIVENESS * 10**6
        self.link = None
        self.serving = None  # (lease, manager, token)
        self.welcomed = False
        self.until = 0
        self.register()

    def connect(self, endpoint):
        made = self.context.socket(zmq.DEALER)
        made.setsockopt(zmq.IMMEDIATE, 1)
        made.setsockopt(zmq.LINGER, 0)
        made.connect(endpoint)
        return made

    def about_me(self):
        return u32(INTERVAL_MS) + u32(LIVENESS) + text(socket.gethostname()) + u32(os.getpid())

    def register(self):
        self.heard = now()
        body = self.id + u64(1) + text(self.type) + texts(SIGNATURES) + u32(1) + self.about_me()
        if self.serving:
            body += b"\0\1" + lease(self.serving[0]) + self.serving[1] + self.serving[2]
        else:
            body += b"\1\0"
        body += features_and_limits()
        self.park.send_multipart(control(REGISTER_WORKER, body))

    def run(self):
        next_ping = now() + INTERVAL_MS * 10**6
        while True:
            sockets = [self.park] + ([self.link] if self.link else [])
            poller = zmq.Poller()
            for each in sockets:
                poller.register(each, zmq.POLLIN)
            ready = dict(poller.poll(max(0, (next_ping - now()) // 10**6)))
            if self.park in ready:
                self.heard = now()
                self.from_park(self.park.recv_multipart())
            if self.link and self.link in ready:
                self.from_manager(self.link.recv_multipart())
            if now() >= next_ping:
                next_ping = now() + INTERVAL_MS * 10**6
                self.heartbeat()

    def heartbeat(self):
        if now() > self.heard + self.park_patience:  # it is lost: a new session
            self.park.close()
            self.park = self.connect(self.endpoint)
            self.register()
        else:
            self.park.send_multipart(control(PING, u64(now())))
        if self.link and now() > self.until:
            self.end_link()
        elif self.link:
            self.link.send_multipart(link_message(record(LINK_PING, u64(now()))))

    def from_park(self, frames):
        kind, body = read_control(frames)
        if kind == REGISTER_AGAIN:
            self.register()
        elif kind == ASSIGN:
            offered, token, manager = body.lease(), body.take(16), body.take(16)
            endpoints = body.texts()
            if self.serving or not endpoints:  # this worker does not relay
                why = lease(offered) + b"\x0d" + text("not now")
                return self.park.send_multipart(control(REFUSED, why))
            self.park.send_multipart(control(ACCEPTED, lease(offered)))
            self.serving = (offered, manager, token)
            self.link = self.connect(endpoints[0])
            self.welcomed = False
            self.patience = INTERVAL_MS * LIVENESS * 10**6
            self.until = now() + self.patience
            self.say_hello()
        elif kind not in CONTROL_TYPES and kind < SKIPPED_FROM:
            self.park.send_multipart(control(UNIMPLEMENTED, bytes([kind])))
        elif kind == LEASE_ENDED and self.serving and body.lease() == self.serving[0]:
            if self.welcomed:  # its own link is what counts, and who thinks otherwise is told ([P-29])
                self.park.send_multipart(control(OCCUPIED, lease(self.serving[0]) + b"".join(self.serving[1:])))
            else:
                self.end_link()

    def say_hello(self):
        offered, _, token = self.serving
        body = token + self.id + u64(1) + lease(offered) + text(self.type) + texts(SIGNATURES)
        body += u32(1) + self.about_me() + u64(now()) + features_and_limits()
        self.link.send_multipart(link_message(record(HELLO, body)))

    def end_link(self):
        self.link.close()
        self.link = None
        ended, self.serving = self.serving[0], None
        self.park.send_multipart(control(AVAILABLE, lease(ended)))

    def from_manager(self, frames):
        answers = []
        for kind, _, function, body in read_records(frames):
            fields = Reader(body)
            if kind == WELCOME:
                self.welcomed = True
                fields.take(24)
                self.patience = fields.number("I") * fields.number("I") * 10**6
                self.until = fields.number("Q") + self.patience
            elif kind == LINK_PONG:
                self.until = max(self.until, fields.number("Q") + self.patience)
            elif kind == CALL:
                answers.append(self.answer(function, fields.take(12), fields.body))
            elif kind not in RECORD_TYPES and kind < SKIPPED_FROM:
                answers.append(record(WORKER_UNIMPLEMENTED, bytes([kind])))
            elif kind in (REJECT, MANAGER_GOODBYE):
                if answers:
                    self.link.send_multipart(link_message(*answers))
                return self.end_link()
        if answers:
            self.link.send_multipart(link_message(*answers))

    def answer(self, function, attempt, arguments):
        if now() > self.until:
            return record(RETURNED, attempt)
        if function >= len(FUNCTIONS):
            return record(FAILED, attempt + b"\x08" + text("") + text("no such function"))
        try:
            return record(RESULT, attempt + FUNCTIONS[function][1](arguments))
        except (struct.error, ValueError) as wrong:
            return record(FAILED, attempt + b"\x0a" + text("") + text(str(wrong)))
        except Exception as thrown:
            kind = type(thrown).__name__
            return record(FAILED, attempt + b"\x07" + text(kind) + text(str(thrown)))


if __name__ == "__main__":
    Worker(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "default").run()
