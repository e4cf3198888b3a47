"""A worker: registers, takes an offer, links to its manager, hands calls out and answers them.

| state | event | next |
|---|---|---|
| free | assign | linking |
| linking | welcome | serving |
| linking | reject by its manager, lease_ended, no address left | draining |
| serving | goodbye, link down, lease run out, lease_ended of a relayed link | draining |
| draining | nothing runs any more | free: available to all |
| any | stop | leaving, then stopped |

Besides those of Machine, its effects are ("calls", [Call, ...]), ("forget",): calls that were not started are not
wanted any more; ("more", Call), ("callback", Call, number, answer), ("cancelled", Call), ("over", [Call, ...]),
("stopped",).
"""

from ..errors import Errc
from ..limits import heard
from ..wire import messages, signature
from ..wire.messages import ATTEMPT, RECORD, Violation, bad
from .lease import Call, Line
from .session import LINK_TIMEOUT, MS, NEVER, SECOND, Backoff, Machine, Session, agreed, doubled

_pack_result = RECORD.pack
_attempt = ATTEMPT.unpack_from


class WorkerMachine(Machine):
    def __init__(self, settings, type_name, functions, concurrency, parkservers=(), manager=None):
        super().__init__(settings)
        self.type, self.concurrency = type_name, max(1, concurrency)
        plain = [each for each in functions if not each.dynamic and not each.takes_functions]
        dynamic = [each for each in functions if each.dynamic]
        taking = [each for each in functions if each.takes_functions and not each.dynamic]
        self.functions = plain + dynamic + taking  # their numbers on a link
        self.signatures = [each.signature for each in plain]
        self.extensions = [(number, messages.write_texts([each.signature for each in part]))
                           for number, part in ((messages.DYNAMIC_FUNCTIONS, dynamic),
                                                (messages.REFERENCE_FUNCTIONS, taking)) if part]
        self.sessions = [Session(self, each) for each in parkservers]
        self.manager_endpoint = manager
        self.direct_backoff, self.direct_at = Backoff(settings.random), 0
        self.line = None
        self.rest_until, self.fruitless = 0, 0
        self.stopped = False

    # What is registered.

    def registration(self, now):
        line = self.line
        serving = None
        if line and line.state in ("linking", "serving") and not line.direct:
            serving = {"lease": line.lease, "manager": line.manager, "token": line.token}
        body = dict(worker=self.id, incarnation=self.incarnation, type=self.type, signatures=self.signatures,
                    concurrency=self.concurrency, free=line is None and not self.stopping and now >= self.rest_until,
                    serving=serving, **self.about_me(), **self.features_and_limits())
        return "register_worker", self.extensions, body

    def registered(self, session, body, now):
        pass

    def session_lost(self, session, now):
        line = self.line
        if line and line.session is session and line.relayed and line.state in ("linking", "serving"):
            self.end_line(now)

    def all_up(self):
        return [each for each in self.sessions if each.is_up]

    # What parkservers say.

    def park_said(self, session, name, body, extensions, now):
        line = self.line
        if name == "assign":
            self.assigned(session, body, now)
        elif name == "lease_ended":
            if line is None or line.lease != body["lease"] or line.direct:
                return
            if line.state == "linking" or line.state == "serving" and line.relayed:
                self.end_line(now)
            elif line.state == "serving":
                session.send("occupied", lease=line.lease, manager=line.manager, token=line.token)
        elif name == "rejected":
            session.lose(now, int(self.settings.random.uniform(1, 5) * SECOND))

    def assigned(self, session, body, now):
        if self.stopping:
            return session.send("refused", lease=body["lease"], error=Errc.shutdown, why="this worker leaves")
        if self.line is not None or now < self.rest_until:
            return session.send("refused", lease=body["lease"], error=Errc.overloaded, why="this worker is not free")
        session.send("accepted", lease=body["lease"])
        self.line = line = Line(session, body["lease"], body["token"], body["manager"], body["endpoints"])
        for other in self.all_up():
            if other is not session:
                other.send("occupied", lease=line.lease, manager=line.manager, token=line.token)
        self.next_address(line, now)

    # Linking.

    def next_address(self, line, now):
        if line.connection is not None:
            self.close(line.connection)
            line.connection = None
        line.rejected_by = None
        while line.addresses:
            endpoint = line.addresses.pop(0)
            if endpoint.startswith(("tcp://", "ipc://")):
                line.connection = self.connect(endpoint, line)
                line.deadline = now + LINK_TIMEOUT
                return
        if line.direct or line.relayed or not line.session.is_up:
            self.fruitless += 1
            return self.end_line(now, rest=doubled(self.fruitless - 1, 50 * MS, 5 * SECOND))
        line.relayed = True
        self.say_hello(line, now)

    def say_hello(self, line, now):
        line.deadline = now + LINK_TIMEOUT
        line.last_stamp = now
        raw = messages.record(
            "hello", self.extensions, token=line.token, worker=self.id, incarnation=self.incarnation, lease=line.lease,
            type=self.type, signatures=self.signatures, concurrency=self.concurrency, stamp=now, **self.about_me(),
            **self.features_and_limits())
        line.batch.add(raw)
        self.flush()

    def connected(self, connection, now):
        who = self.connections.get(connection)
        if isinstance(who, Session):
            who.connected(now)
        elif who is not None and who.state == "linking":
            self.say_hello(who, now)

    def closed(self, connection, now):
        who = self.connections.pop(connection, None)
        if isinstance(who, Session):
            who.closed(now)
        elif who is not None and who.connection == connection:
            who.connection = None
            if who.state == "linking":
                self.next_address(who, now)
            elif who.state == "serving":
                self.end_line(now)

    def end_line(self, now, rest=0):
        """The link is over. What runs goes on; then the worker is free."""
        line = self.line
        if line.state == "draining":
            return
        line.state = "draining"
        self.out.append(("forget",))
        if line.connection is not None:
            self.flush()
            self.close(line.connection)
            line.connection = None
        if line.held:
            self.out.append(("over", list(line.held.values())))
            line.held.clear()
        if rest:
            self.rest_until = now + rest
        if line.direct:
            self.direct_at = now + self.direct_backoff.next()

    def drained(self, now):
        """Nothing of the last lease holds a slot any more."""
        line, self.line = self.line, None
        if self.stopping:
            return self.finish_stop()
        self.ended = line.lease
        if now >= self.rest_until:
            self.say_available(line.lease)
        else:
            self.said_late = line.lease

    said_late = None

    def say_available(self, lease):
        for each in self.all_up():
            each.send("available", lease=lease)

    @property
    def draining(self):
        return self.line is not None and self.line.state == "draining"

    # What the manager says.

    def heard(self, connection, frames, now):
        who = self.connections.get(connection)
        if who is None:
            return
        try:
            kind = messages.channel(frames[0])
            if isinstance(who, Session):
                if kind == messages.CONTROL and len(frames) == 1:
                    who.heard(frames[0], now)
                elif kind == messages.RELAY:
                    who.heard_at = now
                    self.relayed(who, frames, now)
                elif kind == messages.LINK and who.state == "registering":
                    who.lose(now)  # this is a manager ([P-19])
            elif kind == messages.LINK:
                self.link_said(who, messages.read_link(frames), now)
            elif who.state == "linking":
                self.next_address(who, now)  # this is a parkserver ([P-75])
        except ValueError:
            self.counters["dropped"] += 1
        except Violation as wrong:
            self.counters["violations"] += 1
            if isinstance(who, Line):
                self.violated(who, wrong, now)

    def relayed(self, session, frames, now):
        line = self.line
        if len(frames[0]) < 24 or len(frames) < 2:
            return
        lease = messages._lease.unpack_from(frames[0], 8)
        if line is None or line.session is not session or line.lease != lease or not line.relayed \
                or line.state == "draining":
            return
        try:
            if messages.channel(frames[1]) != messages.LINK:
                raise bad("no link message")
            self.link_said(line, messages.read_link(frames[1:]), now)
        except Violation as wrong:
            self.counters["violations"] += 1
            self.violated(line, wrong, now)

    def violated(self, line, wrong, now):
        if line.state == "linking":
            return self.next_address(line, now)
        if line.state == "serving":
            self.say_goodbye(line, wrong.code, wrong.why)
            self.end_line(now)

    def say_goodbye(self, line, code, why):
        line.batch.add(messages.record("goodbye", error=int(code), why=messages.cut(why, line.limits.text_bytes_max)))
        self.flush()

    def link_said(self, line, records, now):
        calls = []
        for number, flags, function, body, apart in records:
            if apart is not None:
                apart = line.arrivals.frame(number, flags, body, apart, self.settings.limits.message_bytes_max)
                if apart is None:
                    continue
            if number == 35 and line.state == "serving":
                call = self.call_came(line, flags, function, body, apart, now)
                if call is not None:
                    calls.append(call)
                continue
            if calls:
                self.out.append(("calls", calls))
                calls = []
            if line.state == "draining":
                return
            self.record_came(line, number, flags, body, apart, now)
        if calls:
            self.out.append(("calls", calls))
        if line.arrivals.tell and line.state == "serving":
            line.batch.add(line.arrivals.answer("taken"))

    def call_came(self, line, flags, function, body, apart, now):
        if len(body) < 12:
            raise bad("a call is not whole")
        number, attempt = _attempt(body, 0)
        if flags & 5:
            payload, extensions = messages.payload_of(flags, body, apart)
        else:
            payload, extensions = body[12:], ()
        if self.stopping:  # it came while this worker leaves
            line.batch.add(RECORD.pack(12, 4, 0, 0) + ATTEMPT.pack(number, attempt))
            return None
        known = self.functions[function] if function < len(self.functions) else None
        call = Call(line, number, attempt, known, payload, flags & 2)
        if extensions:
            self.read_extensions(call, extensions, now)
        wrong = None
        if known is None:
            wrong = Errc.no_such_function, f"there is no function {function}"
        elif known.items and "streams" not in line.features:
            wrong = Errc.unimplemented, "its manager did not name the feature streams"
        elif call.nested:
            if line.nested >= self.settings.limits.calls_per_worker_max:
                wrong = Errc.overloaded, "this worker holds as many nested calls as it can"
        elif len(line.held) - line.nested >= self.settings.limits.calls_per_worker_max:
            wrong = Errc.overloaded, "this worker holds as many calls as it can"
        if wrong:
            line.batch.add(messages.record("failed", call=number, attempt=attempt, error=int(wrong[0]), type="",
                                           text=wrong[1]))
            return None
        line.nested += call.nested
        line.held[number, attempt] = call
        return call

    def read_extensions(self, call, extensions, now):
        call.extensions = extensions
        for tag, raw in reversed(extensions):  # the first of two counts
            if tag == messages.TIME_LEFT:
                if len(raw) != 8:
                    raise bad("time_left has 8 bytes")
                call.deadline = now + int.from_bytes(raw, "little")
            elif tag == messages.LABEL:
                call.label = raw.decode("utf-8", "surrogateescape")
                if not signature.good_type_name(call.label):
                    raise bad("a label is no good name")
            elif tag == messages.TRACE:
                if len(raw) != 25:
                    raise bad("a trace has 25 bytes")
                call.trace = raw if any(raw[:16]) else None
            elif tag == messages.STREAM_CREDIT:
                if len(raw) != 20:
                    raise bad("stream_credit has 20 bytes")
                call.credit_items = int.from_bytes(raw[:4], "little")
                call.credit_bytes = int.from_bytes(raw[4:12], "little")
                call.skip = int.from_bytes(raw[12:], "little")
            elif tag == messages.NESTED:
                call.nested = True

    def record_came(self, line, number, flags, body, apart, now):
        known = messages.RECORD_TYPES.get(number)
        if known is None:
            if number < 128 and line.state == "serving":
                line.batch.add(messages.record("unimplemented", type=number))
            return
        name = known[0]
        if number < 33 or number == 129:
            raise bad("this is said by workers only")
        if number in (40, 42, 43, 44):
            feature = "functions" if number in (42, 43) else "streams" if number == 44 else "transfer"
            if feature not in line.features or feature not in self.settings.features:
                raise bad(f"without the feature {feature}")
        fields, rest = messages.read_record(number, body)
        messages.check_texts(fields, self.settings.limits.text_bytes_max)
        if name == "welcome" and line.state == "linking":
            return self.welcomed(line, fields, now)
        if name == "rejected_by":
            line.rejected_by = fields["manager"]
        elif name == "reject" and line.state == "linking":
            if line.rejected_by is not None and line.rejected_by == line.manager and not line.direct:
                self.fruitless += 1
                self.end_line(now, rest=doubled(self.fruitless - 1, 50 * MS, 5 * SECOND))
            else:
                self.next_address(line, now)
        elif line.state == "linking":
            if name == "manager_goodbye":
                return self.next_address(line, now)
            raise bad("this is said before welcome")
        elif name == "manager_taken":
            line.outlet.was_taken(fields["bytes"], now)
        elif name == "pong":
            self.ponged(line, fields["stamp"], now)
        elif name == "cancel":
            call = line.held.get((fields["call"], fields["attempt"]))
            if call is not None:
                call.cancelled = True
                self.out.append(("cancelled", call))
        elif name == "manager_goodbye":
            self.fruitless = 0
            self.end_line(now)
        elif name == "more":
            call = line.held.get((fields["call"], fields["attempt"]))
            if call is not None:
                self.out.append(("more", call, fields["items"], fields["bytes"]))
        elif name == "callback_result":
            payload, _ = messages.payload_of(flags, body, apart, 20)
            self.callback_answered(line, fields, (None, payload))
        elif name == "callback_failed":
            self.callback_answered(line, fields, ((fields["error"], fields["type"], fields["text"]), None))
        elif name in ("welcome", "reject"):
            raise bad("there is a link already")

    def callback_answered(self, line, fields, answer):
        call = line.held.get((fields["call"], fields["attempt"]))
        if call is not None:
            self.out.append(("callback", call, fields["callback"], answer))

    def welcomed(self, line, fields, now):
        if fields["stamp"] > now:
            raise bad("a stamp from the future")
        interval_ms, liveness = agreed(self.settings, fields["interval_ms"], fields["liveness"])
        line.state, line.deadline = "serving", NEVER
        line.manager = fields["manager"]
        line.interval, line.timeout = interval_ms * MS, interval_ms * liveness * MS
        line.until = fields["stamp"] + line.timeout
        line.limits, line.features = heard(fields["limits"]), frozenset(fields["features"])
        line.outlet.is_on = line.arrivals.is_on = "transfer" in line.features and "transfer" in self.settings.features
        self.fruitless = self.direct_backoff.failures = 0
        self.ping(line, now)

    def ping(self, line, now):
        line.next_ping, line.last_stamp = now + line.interval, now
        line.batch.add(messages.record("ping", stamp=now))

    def ponged(self, line, stamp, now):
        if stamp > now:
            raise bad("a stamp from the future")
        line.until = max(line.until, stamp + line.timeout)

    # What functions say: `raw` is a whole record of the call.

    def answer(self, call, raw, apart=None):
        """Its last word. Dropped if its link is over."""
        line = call.line
        if line.held.pop((call.call, call.attempt), None) is not None:
            line.nested -= call.nested
            line.outlet.add((call.call, call.attempt), raw, apart)

    def say(self, call, raw, apart=None):
        """Something before that."""
        key = call.call, call.attempt
        if key in call.line.held:
            call.line.outlet.add(key, raw, apart)

    def flush(self):
        line = self.line
        if line is not None and line.outlet.queue:
            line.outlet.pump(self.now)
        if line is None or not (line.batch.records or line.batch.messages):
            return
        for frames in line.batch.take():
            if line.connection is not None:
                self.out.append(("send", line.connection, frames))
            elif line.relayed and line.session.is_up:
                line.session.send_frames([messages.RELAY_HEADER + messages._lease.pack(*line.lease), *frames])

    # Time, and the end.

    def advance(self, now):
        self.now = now
        for each in self.sessions:
            each.advance(now)
        line = self.line
        if line is None:
            if self.said_late is not None and now >= self.rest_until:
                lease, self.said_late = self.said_late, None
                self.say_available(lease)
            if self.manager_endpoint and not self.stopping and now >= self.direct_at:
                self.line = Line(None, messages.NO_LEASE, messages.NO_ID, messages.NO_ID, [self.manager_endpoint])
                self.next_address(self.line, now)
        elif line.state == "linking":
            if now >= line.deadline:
                self.next_address(line, now)
        elif line.state == "serving":
            if now >= line.until or line.outlet.is_stuck(now, line.timeout):
                self.end_line(now)
            elif line.outlet.waiting_bytes > self.settings.limits.queued_bytes_max:
                self.say_goodbye(line, Errc.overloaded, "larger results wait than queued_bytes_max")
                self.end_line(now)
            elif now >= line.next_ping:
                self.ping(line, now)

    def next_deadline(self):
        made = min([each.next_deadline() for each in self.sessions], default=NEVER)
        line = self.line
        if line is None:
            if self.said_late is not None:
                made = min(made, self.rest_until)
            if self.manager_endpoint and not self.stopping:
                made = min(made, self.direct_at)
        elif line.state == "linking":
            made = min(made, line.deadline)
        elif line.state == "serving":
            made = min(made, line.until, line.next_ping)
        return made

    def stop(self, unstarted, now):
        """Returns what was not started, and leaves once nothing runs any more (drained)."""
        self.stopping = True
        line = self.line
        if line is None:
            return self.finish_stop()
        if line.state == "serving":
            for call in unstarted:
                self.answer(call, RECORD.pack(12, 4, 0, 0) + call.head)
            self.flush()
        elif line.state == "linking":
            self.end_line(now)

    def finish_stop(self):
        line = self.line
        if line is not None and line.state == "serving":
            self.say_goodbye(line, Errc.shutdown, "this worker leaves")
            if line.connection is not None:
                self.close(line.connection)
            if line.held:
                self.out.append(("over", list(line.held.values())))
                line.held.clear()
        self.line = None
        for each in self.sessions:
            each.stop("this worker leaves")
        self.stopped = True
        self.out.append(("stopped",))
