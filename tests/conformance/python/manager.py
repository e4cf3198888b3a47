#!/usr/bin/python3
"""A maus manager: requests one worker, calls add(20, 22) and more on it, and gives it back.

manager.py tcp://127.0.0.1:8500 [TYPE]      prints what it is answered; fails after 60 s
"""

import socket
import struct
import sys

import zmq

from maus import *

INTERVAL_MS, LIVENESS = 1000, 10


class Manager:
    def __init__(self, endpoint, worker_type):
        self.context = zmq.Context()
        self.id, self.token = new_id(), new_id()
        self.workers = self.context.socket(zmq.ROUTER)
        self.workers.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.workers.setsockopt(zmq.LINGER, 500)
        port = self.workers.bind_to_random_port("tcp://127.0.0.1")
        self.park = self.context.socket(zmq.DEALER)
        self.park.setsockopt(zmq.IMMEDIATE, 1)
        self.park.setsockopt(zmq.LINGER, 500)
        self.park.connect(endpoint)
        self.deadline = now() + 60 * 10**9
        body = self.id + u64(1) + texts(["tcp://127.0.0.1:%d" % port])
        body += u32(INTERVAL_MS) + u32(LIVENESS) + text(socket.gethostname()) + u32(os.getpid())
        body += features_and_limits()
        self.park.send_multipart(control(REGISTER_MANAGER, body))
        self.expect_control(REGISTERED)
        request = u64(1) + self.token + text(worker_type) + u32(1) + u32(0)
        self.park.send_multipart(control(REQUEST, request))
        self.calls = 0
        self.welcome_worker()

    def receive(self, where):
        while now() < self.deadline:
            if where.poll(100):
                return where.recv_multipart()
            self.park.send_multipart(control(PING, u64(now())))
        sys.exit("nothing came in time")

    def expect_control(self, wanted):
        while True:
            kind, body = read_control(self.receive(self.park))
            if kind == wanted:
                return body
            if kind not in CONTROL_TYPES and kind < SKIPPED_FROM:
                self.park.send_multipart(control(UNIMPLEMENTED, bytes([kind])))
            if kind == REJECTED:
                sys.exit("rejected: %d" % body.number("B"))

    def from_worker(self):
        frames = self.receive(self.workers)
        self.route = frames[0]
        return list(read_records(frames[1:]))

    def to_worker(self, *records):
        self.workers.send_multipart([self.route] + link_message(*records))

    def welcome_worker(self):
        kind, _, _, body = self.from_worker()[0]
        said = Reader(body)
        if kind != HELLO or said.take(16) != self.token:
            sys.exit("somebody else came")
        said.take(16 + 8)
        said.lease()
        said.text()
        self.functions = {name: number for number, name in enumerate(said.texts())}
        said.number("I")
        interval, liveness = said.number("I"), said.number("I")
        said.text()
        said.number("I")
        stamp = said.number("Q")
        agreed = u32(max(interval, INTERVAL_MS)) + u32(max(liveness, LIVENESS))
        welcome = self.id + u64(1) + agreed + u64(stamp) + features_and_limits()
        self.to_worker(record(WELCOME, welcome))

    def call(self, signature, arguments):
        self.calls += 1
        attempt = u64(self.calls) + u32(1)
        number = self.functions.get(signature, 65535)
        self.to_worker(record(CALL, attempt + arguments, function=number))
        while True:
            for kind, _, _, body in self.from_worker():
                fields = Reader(body)
                if kind == LINK_PING:
                    self.to_worker(record(LINK_PONG, body))
                elif kind not in RECORD_TYPES and kind < SKIPPED_FROM:
                    self.to_worker(record(MANAGER_UNIMPLEMENTED, bytes([kind])))
                elif kind in (RESULT, FAILED) and fields.take(12) == attempt:
                    if kind == RESULT:
                        return fields
                    return "failed %d: %s: %s" % (fields.number("B"), fields.text(), fields.text())

    def release(self):
        self.to_worker(record(MANAGER_GOODBYE, b"\x06" + text("its workers were released")))
        self.park.send_multipart(control(CANCEL, u64(1)))
        self.park.send_multipart(control(GOODBYE, text("done")))


if __name__ == "__main__":
    manager = Manager(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "default")
    print("add(20, 22) =", manager.call("add(i32,i32)->i32", struct.pack("<ii", 20, 22)).number("i"))
    print("shout(mouse) =", manager.call("shout(str)->str", text("mouse")).text())
    print("shout() ", manager.call("shout(str)->str", text("")))
    print("add(?) ", manager.call("add(i32,i32)->i32", b"?")[:9])
    print("nothing() ", manager.call("nothing()->void", b"")[:8])
    manager.release()
