"""A manager: requests workers, welcomes them, sends them calls, and loses no call.

Besides those of Machine, its effects are ("settle", Call, error, function, payload), ("item", Call, [bytes, ...]),
("progress", Call, fraction, text), ("callback", Link, Call, ...), ("callback_over", asked), ("group", Group): its workers changed.
"""

import itertools

from ..errors import Errc, Unfit, error
from ..limits import heard
from ..wire import messages, signature
from ..wire.messages import ATTEMPT, Violation, bad
from . import elastic
from .calls import Group
from .conversation import Conversation
from .dispatcher import Dispatcher
from .link import Link
from .session import MS, NEVER, Machine, Session, agreed
from .timers import Timers

_result = ATTEMPT.unpack_from


class ManagerMachine(Dispatcher, Conversation, Machine):
    def __init__(self, settings, endpoints=(), parkservers=()):
        super().__init__(settings)
        self.endpoints = list(endpoints)  # none: relayed
        self.sessions = [Session(self, each) for each in parkservers]
        self.groups, self.links, self.relayed_links = {}, {}, {}
        self.idle_direct = []
        self.dead = set()  # connections of which nothing counts any more ([P-33])
        self.last_request = self.last_call = 0
        self.timers = Timers()
        self.counters.update(stale_answers=0, reassigned=0, given_back=0)
        self.dirty = set()  # groups that may have something to send

    # Registration and requests.

    def registration(self, now):
        return "register_manager", (), dict(
            manager=self.id, incarnation=self.incarnation, endpoints=self.endpoints, **self.about_me(),
            **self.features_and_limits())

    def registered(self, session, body, now):
        for each in self.groups.values():
            each.bounds.pop(session, None)
            self.say_request(each, session)

    def session_lost(self, session, now):
        for each in self.groups.values():
            if each.bounds.pop(session, None):
                elastic.choose(self, each, now)
        for key, link in list(self.relayed_links.items()):
            if link.session is session:
                self.lose(link, "the parkserver that relays was lost", now)

    def say_request(self, group, session):
        if session.is_up:
            held = [{"lease": each.lease, "worker": each.worker} for each in group.links]
            session.send("request", elastic.extensions(group, session), request=group.number, token=group.token,
                         type=group.type, amount=elastic.amount_of(group), held=held)

    def request(self, type_name, amount, elastic_range=None):
        """Requests so many workers, or (min, max) of them."""
        self.last_request += 1
        group = Group(self.last_request, self.settings.new_id(), type_name, amount, elastic_range)
        self.groups[group.number] = group
        for link in list(self.idle_direct):
            if not group.is_full:
                self.idle_direct.remove(link)
                self.join(group, link)
        for each in self.sessions:
            self.say_request(group, each)
        return group

    def release(self, group, now):
        """Gives its workers back; its calls that are not settled are cancelled."""
        if self.groups.pop(group.number, None) is None:
            return
        group.released = True
        for each in self.sessions:
            if each.is_up:
                each.send("cancel", request=group.number)
        for call in list(group.calls):
            self.settle(call, error(Errc.cancelled, "its workers were released"), now)
        for link in list(group.links):
            self.say(link, messages.record("manager_goodbye", error=int(Errc.cancelled), why="its workers were released"))
            self.drop(link)
        group.links.clear()
        self.out.append(("group", group))

    # What parkservers say.

    def park_said(self, session, name, body, extensions, now):
        if name == "lease_ended":
            link = self.relayed_links.get((session, body["lease"]))
            if link is not None:
                self.lose(link, body["why"] or "its parkserver says that the lease ended", now)
        elif name == "fair_share" and body["request"] in self.groups:
            elastic.share_came(self, self.groups[body["request"]], session, body, now)

    def connected(self, connection, now):
        who = self.connections.get(connection)
        if isinstance(who, Session):
            who.connected(now)

    def closed(self, connection, now):
        """Of a parkserver's connection, or a worker's."""
        who = self.connections.pop(connection, None)
        if isinstance(who, Session):
            who.closed(now)
        elif connection in self.links:
            self.lose(self.links[connection], "its connection closed", now)
        self.dead.discard(connection)

    # What workers say. A worker's connection is named by its route.

    def heard(self, connection, frames, now):
        who = self.connections.get(connection)
        if who is None and (isinstance(connection, int) or connection in self.dead):  # a session that was lost, too
            self.counters["dropped"] += 1
            return
        try:
            kind = messages.channel(frames[0])
        except ValueError:
            self.counters["dropped"] += 1
            return
        except Violation as wrong:
            self.counters["violations"] += 1
            if who is None:
                self.refuse(connection, self.links.get(connection), wrong, now)
            return
        if who is None:
            link = self.links.get(connection)
            try:
                if kind != messages.LINK:
                    raise bad("a manager hears link messages only")
                if link is None:
                    link = self.links[connection] = Link(connection)
                self.link_said(link, frames, now)
            except Violation as wrong:
                self.counters["violations"] += 1
                self.refuse(connection, self.links.get(connection), wrong, now)
            return
        try:
            if kind == messages.CONTROL and len(frames) == 1:
                who.heard(frames[0], now)
            elif kind == messages.RELAY:
                who.heard_at = now
                self.relayed(who, frames, now)
            elif who.state == "registering":
                who.lose(now)
        except (Violation, ValueError):
            self.counters["violations"] += 1

    def relayed(self, session, frames, now):
        if len(frames[0]) < 24 or len(frames) < 2:
            raise bad("a relay message is not whole")
        key = (session, messages._lease.unpack_from(frames[0], 8))
        link = self.relayed_links.get(key)
        if link is None:
            link = Link(None, session)
            link.lease = key[1]
            self.relayed_links[key] = link
        try:
            if messages.channel(frames[1]) != messages.LINK:
                raise bad("no link message")
            self.link_said(link, frames[1:], now)
        except Violation as wrong:
            self.counters["violations"] += 1
            self.refuse(None, link, wrong, now)

    def refuse(self, connection, link, wrong, now):
        """Answers a violation: `goodbye` once there is a link, else `reject`; the link ends."""
        if link is None:
            link = Link(connection)
        why = messages.cut(wrong.why, link.limits.text_bytes_max)
        if link.state == "linked":
            self.say(link, messages.record("manager_goodbye", error=int(wrong.code), why=why))
            self.lose(link, f"{errc_name(wrong.code)}: {wrong.why}", now)
        else:
            self.say(link, messages.record("rejected_by", manager=self.id))
            self.say(link, messages.record("reject", error=int(wrong.code), why=why))
            self.drop(link)

    def link_said(self, link, frames, now):
        link.heard_at = now
        answered = 0
        for number, flags, function, body, apart in messages.read_link(frames):
            if link.is_over:
                return
            if apart is not None:
                apart = link.arrivals.frame(number, flags, body, apart, self.settings.limits.message_bytes_max)
                if apart is None:
                    continue
            if number == 2 and link.state == "linked":
                self.result_came(link, flags, body, apart, now)
                answered += 1
            else:
                answered += self.record_came(link, number, flags, body, apart, now)
        if answered and not link.is_over:
            self.measure(link, answered, now)
        if link.arrivals.tell and not link.is_over:
            self.say(link, link.arrivals.answer("manager_taken"))
        if link.group is not None:
            self.dirty.add(link.group)

    def record_came(self, link, number, flags, body, apart, now):
        """Whether it was an answer."""
        known = messages.RECORD_TYPES.get(number)
        if known is None:
            if number < 128:
                if link.state != "linked":
                    raise bad("the first record is hello")
                self.say(link, messages.record("manager_unimplemented", type=number))
            return 0
        name = known[0]
        if link.state == "greeting":
            if name != "hello":
                raise bad("the first record is hello")
            fields, extensions = messages.read_record(number, body)
            self.hello(link, fields, extensions, now)
            return 0
        if 33 <= number <= 127 or number == 128 or name == "hello":
            raise bad("a worker does not say this now")
        if name == "part":
            raise bad("a part without a further frame")
        if name == "callback" and "functions" not in link.features or name == "item" and "streams" not in link.features:
            raise bad("without this feature")
        fields, rest = messages.read_record(number, body)
        messages.check_texts(fields, self.settings.limits.text_bytes_max)
        if name == "ping":
            self.say(link, messages.record("pong", stamp=fields["stamp"]))
            link.returned = False
            return 0
        if name == "goodbye":
            self.lose(link, fields["why"] or "it said goodbye", now, refused=fields["error"] == Errc.cancelled)
            return 0
        if name == "taken":
            link.outlet.was_taken(fields["bytes"], now)
            return 0
        if name == "unimplemented":
            self.counters["unimplemented"] += 1
            return 0
        key = fields["call"], fields["attempt"]
        call = link.find(key)
        if call is None or call.link is not link or call.attempt != key[1]:
            if name not in ("progress", "started", "detached", "item"):
                self.counters["stale_answers"] += 1
            if name == "callback":
                self.callback_failed(link, key, fields["callback"], Errc.cancelled, "", "nobody waits for the call")
            if name in ("failed", "returned"):
                self.forget(link, key)
                link.answered += 1
                return 1
            if name == "detached" and key in link.held:
                link.detached[key] = link.held.pop(key)
            return 0
        if name == "failed":
            self.forget(link, key)
            link.answered += 1
            self.failed(call, fields, now)
            return 1
        if name == "returned":
            self.forget(link, key)
            self.was_returned(link, call, now)
            return 1
        if name == "detached" and key in link.held:
            link.detached[key] = link.held.pop(key)
        elif name == "progress":
            self.out.append(("progress", call, fields["fraction"], fields["text"]))
        elif name == "item":
            payload, _ = messages.payload_of(flags, body, apart, 16)
            self.item(link, call, fields["items"], payload, now)
        elif name == "callback":
            payload, _ = messages.payload_of(flags, body, apart, 24)
            self.callback(link, call, fields["function"], fields["callback"], payload)
        return 0

    # Hello.

    def hello(self, link, fields, extensions, now):
        if fields["lease"] != messages.NO_LEASE and fields["token"] == messages.NO_ID:
            raise bad("a lease without a token")
        link.direct = fields["token"] == messages.NO_ID
        group = None
        if not link.direct:
            group = next((each for each in self.groups.values() if each.token == fields["token"]), None)
            if group is None:
                raise Violation(Errc.cancelled, "nobody requests by this token (any more)")
        texts = list(fields["signatures"])
        for number in (messages.DYNAMIC_FUNCTIONS, messages.REFERENCE_FUNCTIONS):
            raw = messages.extension(extensions, number)
            texts += messages.read_texts(raw) if raw is not None else []
        if len(texts) > self.settings.limits.functions_max:
            raise Violation(Errc.too_large, "too many functions")
        if len(set(texts)) != len(texts):
            raise bad("one signature stands twice")
        for older in [*self.links.values(), *self.relayed_links.values()]:
            if older is not link and older.state == "linked" and older.worker == fields["worker"]:
                if link.direct and not older.direct:
                    raise bad("there is a link of this worker that was made with a token")
                if older.incarnation > fields["incarnation"] and link.direct == older.direct:
                    raise bad("an older incarnation of a worker that is here")
                if older.direct and link.direct and older.incarnation < fields["incarnation"]:
                    raise bad("this worker is linked already, and is alive")
                self.lose(older, "the same worker came again", now)
        if group is not None and group.is_full:
            raise Violation(Errc.cancelled, "there are as many workers as were requested")
        link.token, link.worker, link.incarnation = fields["token"], fields["worker"], fields["incarnation"]
        link.lease = fields["lease"] if link.session is None else link.lease
        link.concurrency = max(1, fields["concurrency"])
        link.features, link.limits = frozenset(fields["features"]), heard(fields["limits"])
        for index, text in enumerate(texts):
            try:
                function = signature.parse(text)
            except Unfit:
                continue  # newer than this: it cannot be called
            if index < len(fields["signatures"]) and (function.dynamic or function.takes_functions):
                raise bad("such a signature stands in an extension only")
            link.functions.append((index, function))
        for index, function in link.functions:
            link.by_name.setdefault(function.name, []).append((index, function))
        interval_ms, liveness = agreed(self.settings, fields["interval_ms"], fields["liveness"])
        link.interval, link.timeout = interval_ms * MS, interval_ms * liveness * MS
        link.state, link.window = "linked", link.concurrency + 1
        self.say(link, messages.record("welcome", manager=self.id, incarnation=self.incarnation, interval_ms=interval_ms,
                                       liveness=liveness, stamp=fields["stamp"], **self.features_and_limits()))
        link.outlet.is_on = link.arrivals.is_on = "transfer" in link.features and "transfer" in self.settings.features
        self.timers.add(now + link.timeout, link)
        if group is not None:
            self.join(group, link)
            if link.session is None and len(self.sessions) > 1:
                for each in self.sessions:
                    self.say_request(group, each)
            return
        for each in self.groups.values():
            if not each.is_full:
                return self.join(each, link)
        self.idle_direct.append(link)

    def join(self, group, link):
        link.group = group
        group.links.append(link)
        self.dirty.add(group)
        self.out.append(("group", group))

    # Answers.

    def result_came(self, link, flags, body, apart, now):
        if len(body) < 12:
            raise bad("a result is not whole")
        key = _result(body, 0)
        call = link.held.pop(key, None) or link.detached.pop(key, None)
        link.answered += 1
        if call is None:
            self.counters["stale_answers"] += 1
            return
        link.returned_times = 0
        link.nested -= call.options.nested
        if link.alone is call:
            link.alone = None
        if call.link is not link or call.attempt != key[1]:
            self.counters["stale_answers"] += 1
            return
        payload = messages.payload_of(flags, body, apart)[0] if flags & 5 else body[12:]
        self.settle(call, None, now, payload)

    def failed(self, call, fields, now):
        made = error(fields["error"], fields["text"], remote_type=fields["type"], delivered=call.delivered)
        self.settle(call, made, now)

    def settle(self, call, failure, now, payload=None):
        if call.state == "settled":
            return
        sent = call.link
        if call.sending:
            key = call.number, call.attempt
            sent.outlet.give_up(key)
            self.forget(sent, key)
            call.sending = False
        call.state = "settled"
        call.group.gone(call)
        if failure is not None:
            failure.function, failure.label = call.name, call.options.label
            failure.attempts = list(call.attempts)
        self.out.append(("settle", call, failure, call.function, payload))
        call.arguments = call.encoded = call.link = None
        self.dirty.add(call.group)
        if sent is not None and sent.callbacks:
            self.callbacks_over(sent, call)

    def callbacks_over(self, link, call):
        """Nobody waits for the call any more: what it has asked is answered with cancelled ([P-110])."""
        for number, asked in list(link.callbacks.items()):
            if asked[0] is call:
                del link.callbacks[number]
                self.callback_failed(link, (call.number, asked[1]), number, Errc.cancelled, "", "nobody waits for it")
                self.out.append(("callback_over", asked))

    def measure(self, link, answered, now):
        """How long a call takes here, and so how many may wait here that it never starves."""
        since = now - link.busy_since
        link.busy_since = now
        pace = max(1000, since) / answered
        link.pace = pace if not link.pace else link.pace * 0.8 + pace * 0.2
        wanted = link.concurrency + 1 + int(5 * MS / link.pace)
        link.window = min(wanted, link.concurrency + 1 + link.answered, self.settings.limits.prefetch_max)

    # Sending.

    def say(self, link, raw):
        link.batch.add(raw)

    def send_batch(self, link):
        for frames in link.batch.take():
            if link.session is None:
                self.out.append(("send", link.connection, frames))
            else:
                link.session.send_frames([messages.RELAY_HEADER + messages._lease.pack(*link.lease), *frames])

    def flush(self):
        for link in (*self.links.values(), *self.relayed_links.values()):
            if link.outlet.queue:
                link.outlet.pump(self.now)
            if link.batch.records or link.batch.messages:
                self.send_batch(link)

    # Time.

    def advance(self, now):
        self.now = now
        for each in self.sessions:
            each.advance(now)
        for what in self.timers.due(now):
            if isinstance(what, Link):
                self.link_timer(what, now)
            elif what.state != "settled":
                self.call_timer(what, now)
        while self.dirty:
            group = self.dirty.pop()
            if not group.released:
                if group.bounds:
                    elastic.choose(self, group, now)
                self.dispatch(group, now)

    def link_timer(self, link, now):
        if link.is_over:
            return
        if link.outlet.is_stuck(now, link.timeout):
            return self.lose(link, "nothing was taken for the heartbeat timeout", now, goodbye=Errc.worker_lost)
        if now >= link.heard_at + link.timeout:
            return self.lose(link, "nothing came for the heartbeat timeout", now, goodbye=Errc.worker_lost)
        if link.group is not None:
            self.dirty.add(link.group)
        moved = link.outlet.moved_at if link.outlet.sent > link.outlet.taken else link.heard_at
        self.timers.add(min(link.heard_at, max(moved, now - link.timeout + MS)) + link.timeout, link)

    def call_timer(self, call, now):
        if call.deadline is not None and now >= call.deadline:
            code = Errc.deadline_exceeded if call.group.links or call.state == "sent" else call.options.without_workers
            return self.cancel(call, now, code, "its deadline passed" if code == Errc.deadline_exceeded else
                               "no worker was there in time")
        if call.options.attempt_timeout and call.state == "sent":
            link = call.link
            patience = int(call.options.attempt_timeout * 1e9)
            first = itertools.islice(link.held.values(), link.concurrency)
            key = call.number, call.attempt
            waits = call.sending or call.callbacks or call.function.items is not None and (call.credit_items <= 0 or call.credit_bytes <= 0)
            if waits or not (key in link.detached or any(each is call for each in first)):
                call.runs_since = now
            if now >= call.runs_since + patience:
                self.settle(call, error(Errc.attempt_timeout, f"{call.name} took longer than its attempt_timeout"), now)
                return self.lose(link, "a call took longer than its attempt_timeout", now, goodbye=Errc.attempt_timeout)
            self.timers.add(min(call.runs_since + patience, now + patience // 4 + MS), call)
        return None

    def next_deadline(self):
        made = min([each.next_deadline() for each in self.sessions], default=NEVER)
        return min(made, self.timers.next())

    def stop(self, now):
        self.stopping = True
        for group in list(self.groups.values()):
            self.release(group, now)
        for link in [*self.links.values(), *self.relayed_links.values()]:
            self.say(link, messages.record("manager_goodbye", error=int(Errc.shutdown), why="the manager stops"))
            self.drop(link)
        for each in self.sessions:
            each.stop("the manager stops")


def errc_name(code):
    return Errc(code).name
