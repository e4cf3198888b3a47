"""Managers and workers that ship, with simulated time and network, under faults by a seed.

Workers connect to their manager directly. A seed decides everything: MAUS_SIM_SEEDS=1:2000 runs others. At the end all
is healthy, and every call must have been settled once, as the promise says.
"""

import heapq
import os
import random
import struct
import unittest

from maus.core.calls import Call, Options
from maus.core.manager import ManagerMachine
from maus.core.session import MS, SECOND, Settings
from maus.core.worker import WorkerMachine
from maus.errors import Errc
from maus.wire import messages, signature

ECHO = signature.parse("echo(i64)->i64")
COUNT = signature.parse("count(i64)->stream<i64>")
POISON = 1 << 40
EVENTS_MAX = 300_000


class Process:
    """A machine that may be paused, and die."""

    def __init__(self, sim, machine):
        self.sim, self.machine, self.alive, self.awake_at = sim, machine, True, 0
        self.inbox, self.timer = [], 0

    def hear(self, action, *arguments):
        """Now, or when it wakes."""
        if not self.alive:
            return
        if self.sim.now < self.awake_at:
            self.inbox.append((action, arguments))
            return
        action(*arguments, self.sim.now)
        self.turn()

    def wake(self):
        while self.inbox and self.alive:
            action, arguments = self.inbox.pop(0)
            action(*arguments, self.sim.now)
        self.turn()

    def turn(self):
        if not self.alive or self.sim.now < self.awake_at:
            return
        self.machine.advance(self.sim.now)
        while self.alive:
            self.machine.flush()
            effects = self.machine.take()
            if not effects:
                break
            for kind, *arguments in effects:
                getattr(self, "do_" + kind, lambda *_: None)(*arguments)
        self.timer += 1
        due = max(self.machine.next_deadline(), self.sim.now + MS)
        if self.alive and due < 1 << 62:
            self.sim.at(due, self.tick, self.timer)

    def tick(self, timer):
        if timer == self.timer:
            self.turn()


class Link:
    """One connection: messages in order, each after its delay; what is on its way is lost when it breaks."""

    def __init__(self, worker, connection, manager, route):
        self.worker, self.connection, self.manager, self.route = worker, connection, manager, route
        self.is_up, self.last = True, {}

    def send(self, to, action, who, frames):
        sim = to.sim
        when = max(self.last.get(id(to), 0), sim.now + sim.delay()) + 1
        self.last[id(to)] = when

        def arrive():
            if self.is_up:
                to.hear(action, who, frames)
        sim.at(when, arrive)

    def cut(self, silently=False):
        if self.is_up:
            self.is_up = False
            sim = self.worker.sim
            if not silently:
                sim.at(sim.now + sim.delay(), self.manager.hear, self.manager.machine.closed, self.route)
                sim.at(sim.now + sim.delay(), self.worker.hear, self.worker.machine.closed, self.connection)


class WorkerProcess(Process):
    def __init__(self, sim):
        super().__init__(sim, WorkerMachine(Settings(100, 3, random=sim.chance), "sim", [ECHO, COUNT],
                                            sim.chance.choice((1, 1, 2, 4)), manager="tcp://manager"))
        self.links, self.queue, self.running = {}, [], 0
        sim.at(sim.now, self.turn)

    def do_connect(self, connection, endpoint):
        sim = self.sim
        sim.routes += 1
        link = Link(self, connection, sim.manager, b"%d" % sim.routes)
        self.links[connection] = sim.links[link.route] = link
        sim.at(sim.now + sim.delay(), lambda: link.is_up and self.hear(self.machine.connected, connection))

    def do_send(self, connection, frames):
        link = self.links.get(connection)
        if link is not None:
            link.send(self.sim.manager, self.sim.manager.machine.heard, link.route, frames)

    def do_close(self, connection):
        link = self.links.pop(connection, None)
        if link is not None and link.is_up:  # what was said before still arrives
            self.sim.at(max(link.last.get(id(self.sim.manager), 0), self.sim.now) + 2, link.cut)

    def do_calls(self, calls):
        self.queue += calls
        self.start()

    def do_forget(self):
        self.queue.clear()
        self.sim.at(self.sim.now, self.look)

    def do_more(self, call, items, count):
        call.credit_items += items
        call.credit_bytes += count
        if call.state is not None:
            self.give(call)

    def do_cancelled(self, call):
        if call.state is not None:
            call.state = None
            self.machine.answer(call, messages.record("failed", call=call.call, attempt=call.attempt,
                                                      error=int(Errc.cancelled), type="", text="cancelled"))

    def do_over(self, calls):
        for each in calls:
            each.state = None

    def look(self):
        if self.alive and self.machine.draining and not self.running and self.sim.now >= self.awake_at:
            self.machine.drained(self.sim.now)
            self.turn()
        elif self.alive and self.machine.draining:
            self.sim.at(self.sim.now + 10 * MS, self.look)

    def start(self):
        sim = self.sim
        while self.queue and self.running < self.machine.concurrency:
            call = self.queue.pop(0)
            if call.cancelled:
                self.machine.answer(call, messages.RECORD.pack(12, 3 + 1, 0, 0) + call.head)
                continue
            if sim.now >= call.line.until:
                continue
            self.running += 1
            number, = call.function.decode_arguments(call.payload)
            sim.executed(call, number)
            if call.at_most_once:
                self.machine.say(call, messages.RECORD.pack(12, 6, 0, 0) + call.head)
            if number >= POISON:
                sim.at(sim.now + MS, self.die)
            elif call.function is COUNT:
                call.state = [0, number]
                self.running -= 1
                self.machine.say(call, messages.RECORD.pack(12, 5, 0, 0) + call.head)
                self.give(call)
            else:
                sim.at(sim.now + sim.chance.choice((0, MS, MS, 20 * MS)), self.finish, call, number)

    def finish(self, call, number):
        if not self.alive:
            return
        if self.sim.now < self.awake_at:
            return self.sim.at(self.awake_at, self.finish, call, number)
        self.running -= 1
        self.machine.answer(call, *messages.record_with_payload(2, call.head, struct.pack("<q", number)))
        self.start()
        self.turn()

    def give(self, call):
        """Items while there is credit; each is its place in the stream."""
        given, number = call.state
        while given < number:
            if call.skip:
                call.skip -= 1
            elif call.credit_items > 0 and call.credit_bytes > 0:
                call.credit_items -= 1
                call.credit_bytes -= 8
                head = call.head + (1).to_bytes(4, "little")
                self.machine.say(call, *messages.record_with_payload(14, head, struct.pack("<q", given)))
            else:
                break
            given += 1
        call.state = [given, number]
        if given == number:
            call.state = None
            self.machine.answer(call, messages.RECORD.pack(12, 2, 0, 0) + call.head)

    def die(self, silently=False):
        if self.alive:
            self.alive = False
            for link in list(self.links.values()):
                link.cut() if not silently else link.cut(True)
            self.sim.at(self.sim.now + self.sim.chance.randrange(500) * MS, self.sim.new_worker)


class Reader:
    """Stands for the stream of a call: reads all that comes, and checks that it is in order."""

    def __init__(self):
        self.read = 0

    def room(self):
        return 5, 1000


class ManagerProcess(Process):
    def __init__(self, sim):
        super().__init__(sim, ManagerMachine(Settings(100, 3, random=sim.chance), ["tcp://manager"]))

    def do_send(self, route, frames):
        link = self.sim.links.get(route)
        if link is not None:
            link.send(link.worker, link.worker.machine.heard, link.connection, frames)

    def do_settle(self, call, failure, function, payload):
        self.sim.settled(call, failure, payload)

    def do_item(self, call, items):
        assert [struct.unpack("<q", each) for each in items] == [(call.stream.read,)], "an item is lost or comes twice"
        call.stream.read += 1
        self.machine.give_credit(call, 1, 8)


class Sim:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.now, self.heap, self.count = 10 * SECOND, [], 0
        self.links, self.routes, self.workers = {}, 0, []
        self.calls, self.outcomes, self.starts = {}, {}, {}
        self.chaos = True
        self.slow = self.chance.random() < 0.3
        self.manager = ManagerProcess(self)
        self.group = self.manager.machine.request("sim", 0)
        [self.new_worker() for _ in range(self.chance.randrange(1, 5))]

    def delay(self):
        return self.chance.randrange(1, 100 if self.slow and self.chaos else 3) * MS // 2

    def at(self, when, action, *arguments):
        self.count += 1
        heapq.heappush(self.heap, (when, self.count, action, arguments))

    def run(self, until):
        while self.heap and self.heap[0][0] <= until:
            self.now, _, action, arguments = heapq.heappop(self.heap)
            action(*arguments)
            assert self.count < EVENTS_MAX, "it goes round in circles"
        self.now = until

    def new_worker(self):
        self.workers = [each for each in self.workers if each.alive]
        self.workers.append(WorkerProcess(self))

    def call(self):
        chance = self.chance
        number = len(self.calls) + 1
        options = Options(at_most_once=chance.random() < 0.2, max_crashes=chance.choice((1, 3, 3)),
                          attempt_timeout=chance.choice((None, None, 0.5)), replayable=chance.random() < 0.5)
        deadline = self.now + chance.randrange(1, 2000) * MS if chance.random() < 0.1 else None
        kind = chance.random()
        if kind < 0.1:
            call = Call("count", None, (chance.randrange(20),), options, deadline, None, Reader())
        else:
            call = Call("echo", None, (number + (POISON if kind < 0.13 else 0),), options, deadline, None)
        self.calls[call] = call.arguments[0]
        self.manager.machine.call(self.group, call, self.now)
        if chance.random() < 0.03:
            self.at(self.now + chance.randrange(100) * MS, lambda: self.manager.machine.cancel(call, self.now))
        self.manager.turn()

    def executed(self, call, number):
        self.starts[call.call] = self.starts.get(call.call, 0) + 1
        if call.at_most_once:
            assert self.starts[call.call] == 1, "an at_most_once call was started twice"

    def settled(self, call, failure, payload):
        assert call not in self.outcomes, "a call was settled twice"
        self.outcomes[call] = failure
        number, starts = self.calls[call], self.starts.get(call.number, 0)
        if failure is None:
            assert starts >= 1
            if call.stream is not None:
                assert call.stream.read == number, "a stream is not whole"
            else:
                assert payload == struct.pack("<q", number), "the value of another call"
            return
        code, options = failure.code, call.options
        allowed = {Errc.poisoned: not options.at_most_once and len(failure.attempts) >= options.max_crashes,
                   Errc.maybe_executed: options.at_most_once, Errc.stream_broken: call.stream is not None,
                   Errc.deadline_exceeded: call.deadline is not None, Errc.attempt_timeout: options.attempt_timeout,
                   Errc.cancelled: True}
        assert allowed.get(code), f"{code.name} for no reason"
        if code is Errc.stream_broken:
            assert not options.replayable and failure.delivered == call.stream.read

    def fault(self):
        chance, kind = self.chance, self.chance.random()
        if not self.workers:
            return
        worker = chance.choice(self.workers)
        if kind < 0.3:
            worker.die(silently=chance.random() < 0.3)
        elif kind < 0.6:
            for link in list(worker.links.values()):
                link.cut(silently=chance.random() < 0.2)
        else:
            process = worker if kind < 0.9 else self.manager
            process.awake_at = self.now + chance.randrange(1000) * MS
            self.at(process.awake_at, process.wake)

    def play(self):
        end = self.now + self.chance.randrange(1, 5) * SECOND
        while self.now < end:
            self.run(self.now + self.chance.randrange(1, 40) * MS)
            [self.call() for _ in range(self.chance.choice((0, 1, 1, 5)))]
            if self.chance.random() < 0.15:
                self.fault()
        self.chaos = False
        self.run(self.now + 60 * SECOND)
        left = [each for each in self.calls if each not in self.outcomes]
        assert not left, f"{len(left)} calls were never settled: {[(each.number, each.state) for each in left[:5]]}"
        machine = self.manager.machine
        held = sum(len(each.held) + len(each.detached) for each in machine.links.values())
        assert not held, f"{held} calls are held though all are settled"


class Simulated(unittest.TestCase):
    def test_seeds(self):
        first, _, last = os.environ.get("MAUS_SIM_SEEDS", "1:20").partition(":")
        for seed in range(int(first), int(last or first) + 1):
            with self.subTest(seed=seed):
                Sim(seed).play()


if __name__ == "__main__":
    unittest.main()
