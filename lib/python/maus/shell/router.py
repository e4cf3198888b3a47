"""A manager's thread: its ROUTER, to which workers connect, beside its connections to parkservers."""

import collections

import zmq

from .io import BURST, IoThread, _event, again, now, send

_watched = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED


class RouterThread(IoThread):
    """Runs a ManagerMachine. A worker's connection is named by its route, which is never told to anybody ([P-4])."""

    def __init__(self, machine, limits, binds):
        super().__init__(machine, limits, "maus-manager")
        self.router = self.router_monitor = None
        self.routes, self.waiting = {}, {}  # descriptor -> route; route -> messages that its pipe did not take
        self.known = {}  # route -> descriptor
        if binds:
            self.bind(binds)

    def bind(self, binds):
        self.router = again(self.context.socket, zmq.ROUTER)
        for option, value in ((zmq.ROUTER_MANDATORY, 1), (zmq.LINGER, 1000), (zmq.IPV6, 1), (zmq.BACKLOG, 4096),
                              (zmq.MAXMSGSIZE, self.limits.message_bytes_max + self.limits.control_bytes_max),
                              (zmq.HANDSHAKE_IVL, 5000)):
            again(self.router.setsockopt, option, value)
        name = f"inproc://maus-monitor-{id(self)}"
        again(self.router.monitor, name, _watched)
        self.router_monitor = again(self.context.socket, zmq.PAIR)
        again(self.router_monitor.connect, name)
        self.bound = []
        for each in binds:
            again(self.router.bind, each)
            self.bound.append(self.router.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode())
        self.poller.register(self.router, zmq.POLLIN)
        self.poller.register(self.router_monitor, zmq.POLLIN)

    def read_more(self, ready):
        if self.router is None:
            return True
        lost = self.watch_router() if self.router_monitor in ready else ()
        all_read = self.router not in ready and not lost or self.read_router(len(lost))
        for route in lost:  # what it said before has been read
            self.known.pop(route, None)
            self.waiting.pop(route, None)
            self.machine.closed(route, now())
        for route in list(self.waiting):
            self.send_waiting(route)
        return all_read

    def watch_router(self):
        lost = []
        while True:
            try:
                said = self.router_monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError:
                return lost
            _, descriptor = _event.unpack(said[0])
            route = self.routes.pop(descriptor, None)
            if route is not None:
                lost.append(route)

    def read_router(self, some_are_lost):
        count = 0
        while count < BURST or some_are_lost and count < 100 * BURST:
            count += 1
            frames = self.read_message()
            if frames is None:
                return True
            if frames:
                self.machine.heard(frames[0], frames[1:], now())
        return False

    def read_message(self):
        router, most = self.router, self.limits.frames_max + 1
        try:
            route = router.recv(zmq.NOBLOCK)
        except zmq.ZMQError:
            return None
        frames = [route]
        more = True
        while more:
            frame = router.recv(zmq.NOBLOCK, False)
            more = frame.more
            if route not in self.known:
                descriptor = frame.get(zmq.SRCFD)
                self.known[route] = descriptor
                self.routes[descriptor] = route
            if len(frames) <= most:
                frames.append(frame.bytes if len(frame) < 65536 else frame.buffer)
        return frames if len(frames) <= most else []

    def send_more(self, route, frames):
        if self.router is None:
            return
        if route not in self.waiting and self.try_send(route, frames):
            return
        queue, size = self.waiting.get(route, (collections.deque(), 0))
        queue.append(frames)
        size += sum(map(len, frames))
        self.waiting[route] = queue, size
        if size > self.limits.queued_bytes_max:  # it counts as disconnected ([P-6])
            del self.waiting[route]
            self.machine.closed(route, now())
            self.machine.dead.add(route)

    def try_send(self, route, frames):
        try:
            return send(self.router, [route, *frames])
        except zmq.ZMQError:  # EHOSTUNREACH: it is gone, and the monitor says so
            return True

    def send_waiting(self, route):
        queue, size = self.waiting[route]
        while queue and self.try_send(route, queue[0]):
            size -= sum(map(len, queue.popleft()))
        self.waiting[route] = queue, size
        if not queue:
            del self.waiting[route]

    def sleep_for(self):
        made = super().sleep_for()
        return min(made, 5) if self.waiting else made

    def close_more(self):
        if self.router is not None:
            again(self.router.disable_monitor)
            self.router_monitor.close(0)
            self.router.close()
