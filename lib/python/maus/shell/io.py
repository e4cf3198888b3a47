"""The thread that owns the sockets of one worker or manager, and runs its machine.

Other threads hand it work by `post` and wake it. It reads all that has come before it looks at the clock, so that a
process that was paused does not take its peers for lost.
"""

import atexit
import collections
import errno
import os
import socket
import struct
import threading
import time
import weakref

import zmq

from ..core.session import NEVER

_clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_gettime = time.clock_gettime_ns
MONITORED = (zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED
             | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
             | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
OVER = (zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
BURST = 200  # messages of one socket before others are looked at
_event = struct.Struct("=Hi")


def now():
    """Nanoseconds on a clock that goes on in suspend ([P-35])."""
    return _gettime(_clock)


def again(action, *arguments):
    """Calls it again after EINTR: libzmq does not do so in every function."""
    while True:
        try:
            return action(*arguments)
        except zmq.ZMQError as failed:
            if failed.errno != errno.EINTR:
                raise


def resolved(endpoint):
    """An endpoint with a number for its host, so that libzmq looks no name up."""
    if not endpoint.startswith("tcp://"):
        return [endpoint]
    host, _, port = endpoint[6:].rpartition(":")
    bare = host.strip("[]")
    try:
        socket.inet_aton(bare)
        return [endpoint]
    except OSError:
        pass
    found = []
    try:
        for family, _, _, _, address in socket.getaddrinfo(bare, int(port), type=socket.SOCK_STREAM):
            shown = f"[{address[0]}]" if family == socket.AF_INET6 else address[0]
            if f"tcp://{shown}:{port}" not in found:
                found.append(f"tcp://{shown}:{port}")
    except (OSError, ValueError):
        pass
    return found


_running = weakref.WeakSet()


@atexit.register
def _end_all():
    """A program that ends without stop() still says goodbye, and waits for no socket."""
    for each in list(_running):
        if each.thread.is_alive():
            each.post(each.leave_at_once)
    for each in list(_running):
        each.thread.join(3)


class Dealer:
    """One connection to a parkserver or a manager."""

    def __init__(self, thread, connection, endpoint):
        self.thread, self.id = thread, connection
        self.waiting, self.waiting_bytes = collections.deque(), 0
        self.is_up = self.is_over = False
        self.sock = again(thread.context.socket, zmq.DEALER)
        limits = thread.limits
        for option, value in ((zmq.IMMEDIATE, 1), (zmq.LINGER, 1000), (zmq.RECONNECT_IVL, -1), (zmq.IPV6, 1),
                              (zmq.MAXMSGSIZE, limits.message_bytes_max + limits.control_bytes_max),
                              (zmq.HANDSHAKE_IVL, 5000)):
            again(self.sock.setsockopt, option, value)
        name = f"inproc://maus-monitor-{id(thread)}-{connection}"
        again(self.sock.monitor, name, MONITORED)
        self.monitor = again(thread.context.socket, zmq.PAIR)
        again(self.monitor.setsockopt, zmq.LINGER, 0)
        again(self.monitor.connect, name)
        again(self.sock.connect, endpoint)

    def watch(self):
        """What the monitor says."""
        while True:
            try:
                said = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError:
                return
            event, _ = _event.unpack(said[0])
            if event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                self.is_up = True
                self.thread.machine.connected(self.id, now())
            elif event & OVER and not self.is_over:
                self.is_over = True

    def read(self):
        machine, sock = self.thread.machine, self.sock
        for _ in range(BURST):
            if self.id not in self.thread.dealers:
                return True
            frames = receive(sock, self.thread.limits.frames_max + 1)
            if frames is None:
                return True
            if frames:
                machine.heard(self.id, frames, now())
        return False

    def send(self, frames):
        if not self.is_over:
            if self.waiting or not send(self.sock, frames):
                self.waiting.append(frames)
                self.waiting_bytes += sum(map(len, frames))
                if self.waiting_bytes > self.thread.limits.queued_bytes_max:
                    self.is_over = True

    def send_waiting(self):
        while self.waiting and send(self.sock, self.waiting[0]):
            self.waiting_bytes -= sum(map(len, self.waiting.popleft()))

    def close(self):
        again(self.sock.disable_monitor)
        self.monitor.close(0)
        if self.is_over:
            self.sock.close(0)
        else:
            self.sock.close()  # what was said last is still sent


def receive(sock, frames_max, first=()):
    """A message as a list of frames, small ones as bytes; None if there is none; [] if it has too many."""
    try:
        frame = sock.recv(zmq.NOBLOCK, False)
    except zmq.ZMQError as failed:
        if failed.errno in (zmq.EAGAIN, errno.EINTR):
            return None
        raise
    frames = [frame.bytes if len(frame) < 65536 else frame.buffer]
    if not frame.more:
        return frames
    count = 1
    while frame.more:
        frame = sock.recv(zmq.NOBLOCK, False)
        count += 1
        if count <= frames_max:
            frames.append(frame.bytes if len(frame) < 65536 else frame.buffer)
    return frames if count <= frames_max else []


def send(sock, frames):
    """Whether the socket took it."""
    last = len(frames) - 1
    try:
        for index, frame in enumerate(frames):
            flags = zmq.NOBLOCK if index == last else zmq.NOBLOCK | zmq.SNDMORE
            again(sock.send, frame, flags, len(frame) < 65536)
        return True
    except zmq.ZMQError as failed:
        if failed.errno == zmq.EAGAIN:
            return False
        raise


class IoThread:
    """Runs a machine. Subclasses add what else there is to poll, and apply effects of their own."""

    def __init__(self, machine, limits, name):
        self.machine, self.limits = machine, limits
        self.context = zmq.Context()
        self.dealers = {}
        self.posted = collections.deque()
        self.waker = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC) if hasattr(os, "eventfd") else None
        if self.waker is None:
            self.waker, self.wake_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        else:
            self.wake_end = self.waker
        self.poller = zmq.Poller()
        self.poller.register(self.waker, zmq.POLLIN)
        self.woken = False  # whether somebody has woken it since it last looked
        self.asleep = False  # whether it sleeps for long, and results have to wake it
        self.expected = NEVER
        self.finished = False
        self.failure = None
        self.thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self):
        _running.add(self)
        self.thread.start()

    def wake(self):
        if not self.woken:
            self.woken = True
            try:
                os.write(self.wake_end, b"\1\0\0\0\0\0\0\0")
            except BlockingIOError:
                pass

    def post(self, action, *arguments):
        """Has the thread call this soon."""
        self.posted.append((action, arguments))
        self.wake()

    @property
    def is_mine(self):
        return threading.current_thread() is self.thread

    # The loop.

    def run(self):
        try:
            self.prepare()
            self.turn(())
            while not self.finished:
                self.turn(self.poller.poll(self.patience()))
        except BaseException as failed:  # a bug of ours: nobody may wait for ever
            self.failure = failed
            raise
        finally:
            self.finished = True
            self.ended()
            for each in list(self.dealers.values()):
                each.close()
            self.close_more()
            self.context.term()

    def __del__(self):
        # Not when the thread ends: somebody may be about to wake it, and the descriptor may be another file's then.
        os.close(self.waker)
        if self.wake_end != self.waker:
            os.close(self.wake_end)

    def patience(self):
        """Milliseconds to sleep; 0 where something is left to do."""
        made = 0 if self.posted else self.sleep_for()
        self.expected = now() + made * 1_000_000 + 250_000_000
        return made

    def sleep_for(self):
        deadline = self.machine.next_deadline()
        if deadline >= NEVER:
            return 60_000
        return max(0, min(60_000, (deadline - now() + 999_999) // 1_000_000))

    def turn(self, ready):
        ready = {item for item, _ in ready}
        if self.waker in ready:
            try:
                os.read(self.waker, 8 if self.waker == self.wake_end else 4096)
            except BlockingIOError:
                pass
            self.woken = False  # not before: a write between the two would be read, and nobody would write again
        self.asleep = False
        while self.posted:
            action, arguments = self.posted.popleft()
            action(*arguments)
        all_read = self.read_more(ready)
        for each in list(self.dealers.values()):
            if each.monitor in ready:
                each.watch()
            read = each.sock not in ready and not each.is_over or each.read()
            all_read &= read
            if each.is_over and read and each.id in self.dealers:
                del self.dealers[each.id]
                self.forget(each)
                self.machine.closed(each.id, now())
            elif each.waiting:
                each.send_waiting()
        self.before_time()
        if all_read and not self.was_paused():
            self.machine.advance(now())
        self.apply()

    def was_paused(self):
        """Whether this process slept for much longer than it wanted: what came meanwhile is read first."""
        moment = now()
        late, self.expected = moment - self.expected, moment + 250_000_000
        return late > 0

    def apply(self):
        """Flushes, and does what the machine wants, until it wants nothing any more."""
        while True:
            self.machine.flush()
            effects = self.machine.take()
            if not effects:
                return
            for effect in effects:
                kind = effect[0]
                if kind == "send":
                    dealer = self.dealers.get(effect[1])
                    if dealer is not None:
                        dealer.send(effect[2])
                    else:
                        self.send_more(effect[1], effect[2])
                elif kind == "connect":
                    self.open(effect[1], effect[2])
                elif kind == "close":
                    dealer = self.dealers.pop(effect[1], None)
                    if dealer is not None:
                        self.forget(dealer)
                    else:
                        self.close_one(effect[1])
                else:
                    getattr(self, "do_" + kind)(*effect[1:])

    def open(self, connection, endpoint):
        """Connects; names are looked up elsewhere."""
        if endpoint.startswith("tcp://") and not endpoint[6:].rpartition(":")[0].replace(".", "").isdigit():
            def look_up():
                found = resolved(endpoint)
                self.post(self.open_now, connection, found[0] if found else None)
            threading.Thread(target=look_up, daemon=True).start()
        else:
            self.open_now(connection, endpoint)

    def open_now(self, connection, endpoint):
        if connection not in self.machine.connections:
            return
        try:
            made = Dealer(self, connection, endpoint) if endpoint else None
        except zmq.ZMQError:
            made = None
        if made is None:
            return self.machine.closed(connection, now())
        self.dealers[connection] = made
        self.poller.register(made.sock, zmq.POLLIN)
        self.poller.register(made.monitor, zmq.POLLIN)

    def forget(self, dealer):
        self.poller.unregister(dealer.sock)
        self.poller.unregister(dealer.monitor)
        dealer.close()

    # What subclasses add.

    def prepare(self):
        pass

    def read_more(self, ready):
        return True

    def before_time(self):
        pass

    def send_more(self, connection, frames):
        pass

    def close_one(self, connection):
        pass

    def close_more(self):
        pass

    def ended(self):
        pass

    def leave_at_once(self):
        self.finished = True

