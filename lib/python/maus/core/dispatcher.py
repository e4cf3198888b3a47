"""Calls on their way: sent to workers with room, and sent again when their worker is lost (PROTOCOL.md, section 9)."""

from ..errors import Attempt, Errc, error
from ..wire import messages
from ..wire.messages import ATTEMPT, RECORD
from .session import MS, SECOND

RETURNED_REST, RETURNED_MOST = 10 * MS, 5 * SECOND


def least_loaded(link):
    return link.load()


class Dispatcher:
    """The part of ManagerMachine that places calls."""

    def drop(self, link):
        """Forgets a link. Its connection is left to its worker, which closes it."""
        self.send_batch(link)
        link.is_over, link.state = True, "over"
        if link.session is not None:
            self.relayed_links.pop((link.session, link.lease), None)
        elif self.links.get(link.connection) is link:
            del self.links[link.connection]
            self.dead.add(link.connection)
        if link in self.idle_direct:
            self.idle_direct.remove(link)

    def lose(self, link, why, now, refused=False, goodbye=None):
        """The worker is lost: its calls go elsewhere, or fail by name ([P-49])."""
        if link.is_over:
            return
        if goodbye is not None:
            self.say(link, messages.record("manager_goodbye", error=int(goodbye), why=why))
        self.drop(link)
        group = link.group
        for number in list(link.callbacks):
            self.out.append(("callback_over", link.callbacks.pop(number)))
        if group is None:
            return
        if link in group.links:
            group.links.remove(link)
            for each in self.sessions:
                if each.is_up and not link.direct:
                    each.send("worker_lost", request=group.number, lease=link.lease, worker=link.worker)
            self.out.append(("group", group))
        running = 0
        for waits in (False, True):  # one that waits for a callable counts as running if no other one may be
            for call in link.held.values():
                if call.sending:
                    continue
                if running < link.concurrency and bool(call.callbacks) == waits and not call.blamed_now:
                    call.blamed_now = True
                    running += 1
        for call in link.detached.values():
            call.blamed_now = True
        detached = set(map(id, link.detached.values()))
        for call in (*link.held.values(), *link.detached.values()):
            blamed, call.blamed_now = call.blamed_now, False
            if call.link is link:
                self.attempt_lost(call, link, why, blamed and not refused, refused, id(call) in detached, now)
        link.held.clear()
        link.detached.clear()
        self.worker_gone(group, link, why, now)
        self.dirty.add(group)

    def worker_gone(self, group, link, why, now):
        """The calls that are for this worker only fail ([P-50])."""
        for call in [each for each in group.calls if each.options.worker] if group.addressed else ():
            if call.options.worker == link.worker.hex():
                self.settle(call, error(Errc.worker_lost, "the worker that it is for was lost: " + why), now)

    def attempt_lost(self, call, link, why, blamed, refused, detached, now):
        call.link, call.callbacks = None, 0
        if call.sending:  # it was not handed to this worker ([P-86])
            call.sending = False
            return self.queue_again(call)
        call.attempts.append(Attempt(link.worker.hex(), (now - call.made_at) / 1e9, why))
        if call.options.worker:
            return self.settle(call, error(Errc.worker_lost, "the worker that it is for was lost: " + why), now)
        if refused:
            return self.queue_again(call)
        if call.options.at_most_once:
            return self.settle(call, error(Errc.maybe_executed, "its worker was lost: " + why), now)
        if call.delivered and not call.options.replayable:
            return self.settle(call, error(Errc.stream_broken, f"its worker was lost after {call.delivered} items: {why}",
                                           delivered=call.delivered), now)
        if blamed or call.starts:
            call.starts += 1
        if call.starts >= call.options.max_crashes:
            return self.settle(call, error(Errc.poisoned, f"{call.starts} workers died while it was running"), now)
        call.alone = not detached or call.starts + 1 >= call.options.max_crashes
        self.counters["reassigned"] += 1
        self.queue_again(call)

    def queue_again(self, call):
        call.state = "queued"
        call.group.push(call)
        self.dirty.add(call.group)

    def forget(self, link, key):
        call = link.held.pop(key, None) or link.detached.pop(key, None)
        if call is not None:
            link.nested -= call.options.nested
            if link.alone is call:
                link.alone = None

    def was_returned(self, link, call, now):
        link.returned = True
        link.rests_until = now + min(RETURNED_MOST, RETURNED_REST << min(link.returned_times, 10))
        link.returned_times += 1
        self.timers.add(link.rests_until, link)
        call.link = None
        if call.options.at_most_once:
            return self.settle(call, error(Errc.cancelled, "its worker returned it unstarted"), now)
        self.queue_again(call)

    def call(self, group, call, now):
        """Takes a call; it is settled exactly once."""
        self.last_call += 1
        call.number, call.made_at, call.group = self.last_call, now, group
        if group.released:
            return self.settle(call, error(Errc.cancelled, "its workers were released"), now)
        group.calls.add(call)
        group.addressed |= bool(call.options.worker)
        if call.deadline is not None:
            self.timers.add(call.deadline, call)
        group.push(call)
        self.dirty.add(group)
        return None

    def cancel(self, call, now, code=Errc.cancelled, text="its caller cancelled it"):
        if call.state == "settled":
            return
        link = call.link
        if link is not None and not call.sending:
            self.say(link, messages.record("cancel", call=call.number, attempt=call.attempt))
        self.settle(call, error(code, text, delivered=call.delivered), now)

    def dispatch(self, group, now):
        """Sends what waits to the workers that have room."""
        self.dispatch_nested(group, now)
        self.dispatch_alone(group, now)
        links = [each for each in group.links if self.room(each, now)]
        while links:
            call = group.pop()
            if call is None:
                break
            link = links[0] if len(links) == 1 else min(links, key=least_loaded)
            chosen = self.choose(call, link, links)
            if chosen is None:
                self.unplaceable(group, call, now)
            else:
                self.send(chosen, call, now)
                if not self.room(chosen, now):
                    links.remove(chosen)
        group.put_aside_again()

    def room(self, link, now):
        return (link.alone is None and not link.giving_back and not link.returned and now >= link.rests_until
                and len(link.held) - link.nested < link.window + link.waiting_now
                and len(link.detached) < link.concurrency * self.settings.limits.detached_per_slot_max
                + link.answered)

    def choose(self, call, best, links):
        """(link, function number, function) for a call, or None if no worker here has it."""
        if self.prepare(call, best):
            return best
        return next((each for each in links if each is not best and self.prepare(call, each)), None)

    def prepare(self, call, link):
        """Whether the worker exposes what is called; then the call knows by which function."""
        if call.options.worker and call.options.worker != link.worker.hex():
            return False
        for index, function in link.by_name.get(call.name, ()):
            if call.fits(function, link):
                call.index, call.function = index, function
                return True
        return False

    def unplaceable(self, group, call, now):
        """No worker with room has this function: it waits for one that has, or fails if none has."""
        if any(self.prepare(call, each) for each in group.links):
            group.put_aside(call)
            return
        named = [function.signature for each in group.links for _, function in each.by_name.get(call.name, ())]
        wrong = call.why_not(named, group)
        self.settle(call, wrong, now)

    def dispatch_alone(self, group, now):
        for each in group.links:
            if each.alone is not None and each.alone.state == "settled" and not each.held and not each.detached:
                each.alone = None
        for call in group.alone_calls():
            idle = [each for each in group.links if not each.held and not each.detached and not each.returned and not each.giving_back
                    and now >= each.rests_until and each.alone in (None, call)]
            chosen = next((each for each in idle if self.prepare(call, each)), None)
            if chosen is not None:
                group.take_alone(call)
                for each in group.links:
                    if each.alone is call:
                        each.alone = None
                self.send(chosen, call, now)
                if call.link is chosen:
                    chosen.alone = call
            elif not any(each.alone is call for each in group.links):
                kept = min((each for each in group.links if each.alone is None), key=least_loaded, default=None)
                if kept is None:
                    return
                if self.prepare(call, kept):
                    kept.alone = call  # it gets nothing more until it has nothing else to do
                elif not any(self.prepare(call, each) for each in group.links):
                    group.take_alone(call)
                    self.unplaceable(group, call, now)

    def dispatch_nested(self, group, now):
        """Calls that callables wait for go to a worker of which a call waits, whatever its credit ([P-117])."""
        for call in group.nested_calls():
            links = [each for each in group.links if self.prepare(call, each)
                     and each.nested < each.limits.calls_per_worker_max]
            if not links:
                if group.links and not any(self.prepare(call, each) for each in group.links):
                    group.take_nested(call)
                    self.unplaceable(group, call, now)
                continue
            best = min(links, key=lambda each: (not self.room(each, now), not each.waiting_now, each.load()))
            group.take_nested(call)
            self.send(best, call, now)

    def send(self, link, call, now):
        try:
            payload = call.payload_for(call.function)
        except Exception as wrong:
            return self.settle(call, wrong, now)
        limit, whose = link.limits.message_bytes_max, "its worker"
        if link.session is not None and link.session.limits.message_bytes_max < limit:
            limit, whose = link.session.limits.message_bytes_max, "the parkserver that relays"
        if len(payload) > limit:
            return self.settle(call, error(
                Errc.too_large, f"the call has {len(payload)} bytes; {whose} takes {limit} (message_bytes_max)"), now)
        call.attempt += 1
        call.link, call.state = link, "sent"
        call.sent_at = call.runs_since = now
        call.callbacks = 0
        if not link.held:
            link.busy_since = now
        link.held[call.number, call.attempt] = call
        link.nested += call.options.nested
        extensions = call.extensions(now)
        flags = 2 if call.options.at_most_once else 0
        if not extensions and len(payload) < 32768:
            link.batch.add(RECORD.pack(12 + len(payload), 35, flags, call.index)
                           + ATTEMPT.pack(call.number, call.attempt) + payload)
        else:
            raw, apart = messages.record_with_payload(35, ATTEMPT.pack(call.number, call.attempt), payload, flags,
                                                      call.index, extensions)
            link.outlet.add((call.number, call.attempt), raw, apart, call)
        if call.options.attempt_timeout:
            self.timers.add(now + int(call.options.attempt_timeout * 1e9), call)
