"""The machines without sockets: what they say word for word, and that no message ends them."""

import random
import struct
import unittest

from maus.core.calls import Call, Options
from maus.core.conversation import split_items
from maus.core.manager import ManagerMachine
from maus.core.session import MS, SECOND, Settings
from maus.core.transfers import Arrivals, Outlet
from maus.core.worker import WorkerMachine
from maus.errors import Errc, Unfit
from maus.wire import messages, signature
from test_golden import GOLDEN, frames_of

LEASE, TOKEN, MANAGER, WORKER = (7, 1), b"t" * 16, b"m" * 16, b"w" * 16
ADD = signature.parse("add(i32,i32)->i32")
BOTH = dict(features=["streams", "functions", "transfer"], limits={})


class Desk:
    """A machine, and what it did."""

    def __init__(self, machine):
        self.machine, self.now = machine, 100 * SECOND
        self.said = []

    def turn(self):
        self.machine.advance(self.now)
        self.machine.flush()
        self.said += self.machine.take()

    def take(self, kind=None):
        self.turn()
        made, self.said = [each for each in self.said if kind in (None, each[0])], \
            [each for each in self.said if kind not in (None, each[0])]
        return made

    def controls(self):
        """Names and bodies of the control messages it sent."""
        made = [messages.read_control(frames[0])[1:3] for _, _, frames in self.take("send") if frames[0][4] == 1]
        return [each for each in made if each[0] != "ping"]

    def records(self):
        made = []
        for _, _, frames in self.take("send"):
            if frames[0][4] == 2:
                made += [(messages.RECORD_TYPES[number][0], messages.read_record(number, body)[0])
                         for number, _, _, body, _ in messages.read_link(frames)]
        return made

    def hears(self, connection, *frames):
        self.machine.heard(connection, list(frames), self.now)

    def hears_records(self, connection, *records):
        self.hears(connection, messages.LINK_HEADER + b"".join(records))

    def registered(self):
        """Connects to the parkserver and registers; the id of the connection."""
        (_, connection, _), = self.take("connect")
        self.machine.connected(connection, self.now)
        self.turn()
        self.hears(connection, messages.control("registered", parkserver=b"p" * 16, epoch=7, interval_ms=1000,
                                                liveness=3, **BOTH))
        return connection


def call_record(number=1, attempt=1, function=0, payload=struct.pack("<ii", 1, 2), flags=0):
    return messages.record_with_payload(35, messages.ATTEMPT.pack(number, attempt), payload, flags, function)[0]


class Worker(unittest.TestCase):
    def setUp(self):
        self.desk = Desk(WorkerMachine(Settings(1000, 3), "zoo", [ADD], 1, ["tcp://127.0.0.1:1"]))
        self.park = self.desk.registered()
        self.desk.take()

    def assigned(self, endpoints=("tcp://127.0.0.1:2",)):
        self.desk.hears(self.park, messages.control("assign", lease=LEASE, token=TOKEN, manager=MANAGER,
                                                    endpoints=list(endpoints)))

    def linked(self):
        self.assigned()
        (_, link, _), = self.desk.take("connect")
        self.desk.take()
        self.desk.machine.connected(link, self.desk.now)
        (name, hello), = self.desk.records()
        self.assertEqual((name, hello["token"], hello["lease"]), ("hello", TOKEN, LEASE))
        self.desk.hears_records(link, messages.record("welcome", manager=MANAGER, incarnation=1, interval_ms=1000,
                                                      liveness=3, stamp=hello["stamp"], **BOTH))
        return link

    def test_serves_a_lease(self):
        link = self.linked()
        self.assertEqual([name for name, _ in self.desk.records()], ["ping"])
        self.desk.hears_records(link, call_record(), call_record(2))
        (_, calls), = self.desk.take("calls")
        self.assertEqual([ADD.decode_arguments(each.payload) for each in calls], [(1, 2), (1, 2)])
        for each in calls:
            self.desk.machine.answer(each, messages.record_with_payload(2, each.head, b"\3\0\0\0")[0])
        self.assertEqual([name for name, _ in self.desk.records()], ["result", "result"])
        self.desk.machine.answer(calls[0], b"twice")
        self.assertEqual(self.desk.records(), [])
        self.desk.hears_records(link, messages.record("manager_goodbye", error=6, why=""))
        self.assertTrue(self.desk.machine.draining)
        self.desk.machine.drained(self.desk.now)
        self.assertEqual(self.desk.controls(), [("available", {"lease": LEASE})])

    def test_refuses_a_second_offer(self):
        self.assigned()
        self.assertEqual(self.desk.controls(), [("accepted", {"lease": LEASE})])
        self.assigned()
        self.assertEqual([name for name, _ in self.desk.controls()], ["refused"])

    def test_lease_runs_out(self):
        link = self.linked()
        self.desk.now += 2 * SECOND
        self.desk.hears_records(link, messages.record("pong", stamp=100 * SECOND))  # old: it prolongs nothing
        self.desk.turn()
        self.assertFalse(self.desk.machine.draining)
        self.desk.now += SECOND
        self.desk.turn()
        self.assertTrue(self.desk.machine.draining)
        self.assertIn(("close", link), self.desk.take("close"))

    def test_stamp_from_the_future(self):
        link = self.linked()
        self.desk.take()
        self.desk.hears_records(link, messages.record("pong", stamp=self.desk.now + 1))
        self.assertEqual([name for name, _ in self.desk.records()], ["goodbye"])

    def test_all_addresses_then_the_relay(self):
        self.assigned(("tcp://127.0.0.1:2", "tcp://127.0.0.1:3"))
        for port in (2, 3):
            (_, link, endpoint), = self.desk.take("connect")
            self.assertEqual(endpoint, f"tcp://127.0.0.1:{port}")
            self.desk.machine.closed(link, self.desk.now)
        relayed = [frames for _, _, frames in self.desk.take("send") if frames[0][4] == 3]
        self.assertEqual(relayed[0][0][8:], struct.pack("<QQ", *LEASE))
        self.desk.now += 5 * SECOND
        self.desk.turn()
        self.assertTrue(self.desk.machine.draining)

    def test_lease_ended_of_its_own_link(self):
        self.linked()
        self.desk.take()
        self.desk.hears(self.park, messages.control("lease_ended", lease=LEASE, why=""))
        self.assertEqual(self.desk.controls(), [("occupied", {"lease": LEASE, "manager": MANAGER, "token": TOKEN})])

    def test_unknown_types(self):
        link = self.linked()
        self.desk.take()
        self.desk.hears_records(link, messages.RECORD.pack(3, 100, 0, 0) + b"abc", messages.RECORD.pack(0, 200, 0, 0))
        self.assertEqual(self.desk.records(), [("unimplemented", {"type": 100})])
        self.desk.hears(self.park, messages.HEADER.pack(b"MAU", 1, 1, 100, 0), )
        self.desk.hears(self.park, messages.HEADER.pack(b"MAU", 1, 1, 200, 0), )
        self.assertEqual(self.desk.controls(), [("unimplemented", {"type": 100})])

    def test_leaves(self):
        link = self.linked()
        self.desk.take()
        self.desk.hears_records(link, call_record(1), call_record(2))
        (_, (runs, waits)), = self.desk.take("calls")
        self.desk.machine.stop([waits], self.desk.now)
        self.desk.hears_records(link, call_record(3))  # it was on its way
        self.assertEqual([(name, said["call"]) for name, said in self.desk.records()], [("returned", 2), ("returned", 3)])
        self.desk.machine.answer(runs, messages.record_with_payload(2, runs.head, b"\3\0\0\0")[0])
        self.desk.machine.flush()
        self.desk.machine.finish_stop()
        self.desk.turn()
        self.assertEqual(self.desk.said[-1], ("stopped",))
        last = [messages.read_link(frames)[0][0] for _, to, frames in self.desk.take("send") if to == link]
        self.assertEqual(last, [2, 8])

    def test_too_many_calls(self):
        self.desk.machine.settings.limits.calls_per_worker_max = 2
        link = self.linked()
        self.desk.take()
        self.desk.hears_records(link, call_record(1), call_record(2), call_record(3))
        (name, body), = self.desk.records()
        self.assertEqual((name, body["call"], body["error"]), ("failed", 3, Errc.overloaded))


class Manager(unittest.TestCase):
    def setUp(self):
        self.desk = Desk(ManagerMachine(Settings(1000, 3), ["tcp://127.0.0.1:2"], ["tcp://127.0.0.1:1"]))
        self.park = self.desk.registered()
        self.desk.take()
        self.group = self.desk.machine.request("zoo", 1)
        (_, said), = self.desk.controls()
        self.token = said["token"]

    def hello(self, route, worker=WORKER, concurrency=1, incarnation=1, lease=LEASE, token=None):
        self.desk.hears_records(route, messages.record(
            "hello", token=self.token if token is None else token, worker=worker, incarnation=incarnation, lease=lease,
            type="zoo", signatures=[ADD.signature], concurrency=concurrency, interval_ms=1000, liveness=3, host="h",
            pid=1, stamp=5, **BOTH))

    def call(self, **options):
        made = Call("add", None, (1, 2), Options(**options), None, None)
        self.desk.machine.call(self.group, made, self.desk.now)
        return made

    def settled(self):
        return [(call, failure.code if failure else None) for _, call, failure, _, _ in self.desk.take("settle")]

    def test_calls(self):
        self.hello(b"a")
        self.assertEqual(self.desk.records()[0][0], "welcome")
        call = self.call()
        (name, said), = self.desk.records()
        self.assertEqual((name, said), ("call", {"call": call.number, "attempt": 1}))
        answer = messages.record_with_payload(2, messages.ATTEMPT.pack(call.number, 1), b"\3\0\0\0")[0]
        self.desk.hears_records(b"a", answer, answer)
        self.assertEqual(self.settled(), [(call, None)])
        self.assertEqual(self.desk.machine.counters["stale_answers"], 1)

    def test_unknown_token(self):
        self.hello(b"a", token=b"x" * 16)
        self.assertEqual([name for name, _ in self.desk.records()], ["rejected_by", "reject"])
        self.hello(b"a")  # on the same connection nothing counts any more
        self.assertEqual(self.desk.records(), [])

    def test_items(self):
        self.assertEqual(split_items(1, b"abc"), [b"abc"])
        self.assertEqual(split_items(3, b"\1\0\0\0a" + bytes(4) + b"\2\0\0\0bc"), [b"a", b"", b"bc"])
        for count, raw in ((2, b""), (2, b"\1\0\0\0a"), (2, b"\xff\0\0\0a"), (2, bytes(12)), (2, b"\0\0")):
            with self.assertRaises(messages.Violation):
                split_items(count, raw)

    def test_what_a_lost_parkserver_said_is_no_worker(self):
        self.desk.machine.sessions[0].lose(self.desk.now)
        self.desk.hears(self.park, messages.control("pong", stamp=1))
        self.assertEqual(self.desk.take("send"), [])

    def lost_with(self, count, concurrency=1, **options):
        """Calls of one worker that is lost, and what it said is heard."""
        self.hello(b"a", concurrency=concurrency)
        calls = [self.call(**options) for _ in range(count)]
        self.desk.take()
        self.desk.machine.closed(b"a", self.desk.now)
        self.desk.turn()
        return calls

    def test_the_first_of_a_lost_worker_counts_a_start(self):
        calls = self.lost_with(2)
        self.assertEqual([each.starts for each in calls], [1, 0])
        self.assertTrue(all(each.alone and each.state == "queued" for each in calls))
        self.assertEqual([name for name, _ in self.desk.controls()], ["worker_lost"])
        self.hello(b"b", worker=b"v" * 16)
        self.assertEqual([said["call"] for name, said in self.desk.records() if name == "call"], [1])  # alone

    def test_poisoned_at_the_cap(self):
        calls = self.lost_with(1, max_crashes=1)
        self.assertEqual(self.settled(), [(calls[0], Errc.poisoned)])

    def test_at_most_once(self):
        calls = self.lost_with(2, at_most_once=True)
        self.assertEqual(self.settled(), [(each, Errc.maybe_executed) for each in calls])

    def test_worker_that_refuses_the_lease(self):
        self.hello(b"a")
        call = self.call()
        self.desk.take()
        self.desk.hears_records(b"a", messages.record("goodbye", error=int(Errc.cancelled), why="no"))
        self.assertEqual((call.starts, call.alone, call.state), (0, False, "queued"))

    def test_returned(self):
        self.hello(b"a")
        call = self.call()
        self.desk.take()
        self.desk.hears_records(b"a", messages.record("returned", call=call.number, attempt=1))
        self.desk.now += SECOND
        self.assertEqual(self.desk.records(), [])  # it leaves
        self.desk.hears_records(b"a", messages.record("ping", stamp=1))
        self.assertEqual([name for name, _ in self.desk.records()], ["pong", "call"])

    def test_silence(self):
        self.hello(b"a")
        self.desk.take()
        self.desk.now += 2 * SECOND
        self.desk.hears(self.park, messages.control("pong", stamp=1))
        self.desk.turn()
        self.assertEqual(len(self.group.links), 1)
        self.desk.now += SECOND + MS
        self.assertEqual([name for name, _ in self.desk.controls()], ["worker_lost"])

    def test_credit(self):
        """A worker that has answered nothing holds what it runs and one more."""
        self.hello(b"a", concurrency=2)
        [self.call() for _ in range(10)]
        self.assertEqual(sum(name == "call" for name, _ in self.desk.records()), 3)

    def test_as_many_as_requested(self):
        self.hello(b"a")
        self.desk.take()
        self.hello(b"b", worker=b"v" * 16)
        (_, _), (name, said) = self.desk.records()
        self.assertEqual((name, said["error"]), ("reject", Errc.cancelled))

    def test_token_beats_none(self):
        self.hello(b"a")
        self.desk.take()
        self.hello(b"b", token=messages.NO_ID, lease=messages.NO_LEASE)
        self.assertEqual([name for name, _ in self.desk.records()], ["rejected_by", "reject"])
        self.assertEqual(len(self.group.links), 1)


class Transfers(unittest.TestCase):
    """What is cut at one end is put together at the other."""

    def setUp(self):
        self.batch = messages.Batch()
        self.outlet, self.arrivals = Outlet(self.batch, "manager_part"), Arrivals()
        self.outlet.is_on = self.arrivals.is_on = True
        self.came, self.frames, self.now = [], 0, 0

    def add(self, key, payload):
        self.outlet.add(key, *messages.record_with_payload(35, messages.ATTEMPT.pack(key, 1), payload))

    def pass_on(self):
        self.outlet.pump(self.now)
        for frames in self.batch.take():
            self.frames += len(frames) - 1
            for number, flags, function, body, apart in messages.read_link(frames):
                if apart is not None:
                    apart = self.arrivals.frame(number, flags, body, apart, 10_000_000)
                    if apart is None:
                        continue
                self.came.append((messages.ATTEMPT.unpack_from(body)[0], bytes(messages.payload_of(flags, body, apart)[0])))

    def test_large_and_small(self):
        large, middle = bytes(range(250)) * 20_000, b"m" * 40_000
        self.add(1, large)
        self.add(2, middle)
        self.add(3, b"small")
        self.pass_on()
        self.assertEqual(self.came, [(3, b"small")])  # it passes what is large
        while self.outlet.queue:
            on_its_way = self.outlet.sent - self.outlet.taken
            self.assertLessEqual(on_its_way, self.outlet.window)
            self.now += MS
            self.outlet.was_taken(self.arrivals.taken, self.now)
            self.pass_on()
        self.assertEqual(self.came[1:], [(1, large), (2, middle)])
        self.assertGreater(self.frames, 5)
        self.assertEqual((self.outlet.waiting_bytes, self.arrivals.taken), (0, len(large) + len(middle)))

    def test_records_of_one_call_keep_their_order(self):
        self.add(1, b"a" * 1_000_000)
        self.add(1, b"b")
        self.pass_on()
        self.assertEqual(self.came, [])
        while self.outlet.queue:
            self.outlet.was_taken(self.arrivals.taken, self.now)
            self.pass_on()
        self.assertEqual([len(payload) for _, payload in self.came], [1_000_000, 1])

    def test_given_up(self):
        self.add(1, b"a" * 1_000_000)
        self.add(2, b"b" * 50_000)
        self.pass_on()
        self.outlet.give_up(1)
        self.outlet.was_taken(self.arrivals.taken, self.now)
        self.pass_on()
        self.assertEqual([(key, len(payload)) for key, payload in self.came], [(2, 50_000)])
        self.assertEqual(self.outlet.waiting_bytes, 0)

    def test_violations(self):
        with self.assertRaises(messages.Violation):
            self.outlet.was_taken(1, 0)
        part = messages.record("manager_part", offset=5)[8:]
        for flags, number, body in ((1, 40, part), (17, 35, bytes(12))):
            with self.assertRaises(messages.Violation):
                self.arrivals.frame(number, flags, body, b"x", 100)
        with self.assertRaises(messages.Violation) as wrong:
            self.arrivals.frame(40, 1, messages.record("manager_part", offset=0)[8:], b"x" * 101, 100)
        self.assertEqual(wrong.exception.code, Errc.too_large)

    def test_nothing_is_taken(self):
        self.add(1, b"a" * 1_000_000)
        self.pass_on()
        self.assertFalse(self.outlet.is_stuck(self.now + SECOND, 3 * SECOND))
        self.assertTrue(self.outlet.is_stuck(self.now + 3 * SECOND, 3 * SECOND))


class Hostile(unittest.TestCase):
    """Whatever a peer says, a machine goes on."""

    def frames(self, chance):
        path = chance.choice(self.paths)
        frames = [bytearray(each) for each in frames_of(path)[0]]
        for _ in range(chance.randrange(3)):
            frame = chance.choice(frames)
            if frame:
                at = chance.randrange(len(frame))
                frame[at] = chance.choice((0, 1, 255, chance.randrange(256)))
        if chance.random() < 0.2:
            frame = chance.choice(frames)
            del frame[chance.randrange(len(frame) + 1):]
        return [bytes(each) for each in frames]

    def setUp(self):
        self.paths = [path for folder in ("link", "control", "frames") for path in (GOLDEN / folder).glob("*.hex")]

    def test_worker(self):
        for seed in range(150):
            chance = random.Random(seed)
            case = Worker("test_serves_a_lease")
            case.setUp()
            link = case.linked() if seed % 3 else 99
            for _ in range(40):
                case.desk.hears(chance.choice((link, case.park)), *self.frames(chance))
                case.desk.turn()
                if case.desk.machine.draining:
                    case.desk.machine.drained(case.desk.now)

    def test_manager(self):
        for seed in range(150):
            chance = random.Random(seed)
            case = Manager("test_calls")
            case.setUp()
            case.hello(b"a")
            calls = [case.call() for _ in range(3)]
            for _ in range(40):
                case.desk.hears(chance.choice((b"a", b"b", case.park)), *self.frames(chance))
                case.desk.turn()
            case.desk.machine.stop(case.desk.now)
            case.desk.turn()
            said = [each[1] for each in case.desk.said if each[0] == "settle"]
            self.assertEqual(sorted(each.number for each in calls), sorted(each.number for each in said))

    def test_values(self):
        types = ["any", "list<i32>", "map<str,list<opt<tuple<i8,variant<i32,str>>>>>", "{i32,list<^1>}", "set<u16>",
                 "variant<unit,bool>", "list<list<any>>", "time<i64,1/1000000000>"]
        for seed in range(3000):
            chance = random.Random(seed)
            codec = signature.parse_type(chance.choice(types))
            raw = bytes(chance.choice((0, 1, 2, 7, 8, 255, chance.randrange(256))) for _ in range(chance.randrange(40)))
            try:
                value = signature.decode_one(codec, raw)
            except (Unfit, struct.error):
                continue
            self.assertEqual(len(signature.encode_one(codec, value)), len(raw))

    def test_keys_are_hashable(self):
        codec = signature.parse_type("map<tuple<i8,list<i8>>,any>")
        value = {(1, (2, 3)): [4]}
        self.assertEqual(signature.decode_one(codec, signature.encode_one(codec, value)), value)

    def test_nesting_and_counts(self):
        any_ = signature.parse_type("any")
        deep = b"\7\1\0\0\0" * 64 + b"\0"
        signature.decode_one(any_, deep)
        for raw in (b"\7\1\0\0\0" + deep, b"\7\xff\xff\xff\xff", b"\6\xff\xff\xff\x7f"):
            with self.assertRaises(Unfit):
                signature.decode_one(any_, raw)
        tree = signature.parse_type("{i32,list<^1>}")  # only records count, not the lists between them
        for depth, good in ((64, True), (65, False)):
            raw = b"\1\0\0\0\1\0\0\0" * (depth - 1) + b"\1\0\0\0\0\0\0\0"
            if good:
                self.assertEqual(signature.encode_one(tree, signature.decode_one(tree, raw)), raw)
            else:
                self.assertRaises(Unfit, signature.decode_one, tree, raw)
        for text in ("list<" * 70 + "i8" + ">" * 70, "^1", "list<unit>", "add", "variant<>", "{", "fn<fn<i32()>()>x"):
            with self.assertRaises(Unfit):
                signature.parse_type(text)
        for text in ("f(fn<i32(fn<i32()>)>)->i32", "f(stream<i32>)->i32", "f()->fn<i32()>", "f(list<fn<i32()>>)->i32",
                     "a b()->i32", "()->i32", "f()->stream<unit>", "f()i32"):
            with self.assertRaises(Unfit):
                signature.parse(text)


if __name__ == "__main__":
    unittest.main()
