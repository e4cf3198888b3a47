"""What is said while a call runs: items of streams, and callbacks (PROTOCOL.md, 6.3 and 6.4)."""

from ..errors import Errc
from ..wire import messages
from ..wire.messages import ATTEMPT, bad


class Conversation:
    """The part of ManagerMachine for records of calls that run."""

    def item(self, link, call, count, payload, now):
        if not count:
            raise bad("an item record of no items")
        if call.function.items is None:
            raise bad("an item of what is no stream")
        items = split_items(count, payload)
        call.delivered += count
        call.runs_since = now
        size = sum(map(len, items))
        call.credit_items -= count
        if call.credit_items < 0 or call.credit_bytes <= 0:
            raise bad("more items than there was credit for")
        call.credit_bytes -= size
        self.out.append(("item", call, items))

    def give_credit(self, call, items, count):
        """Items were read: as many more may come."""
        if call.state != "sent":
            call.ungiven_items += items
            call.ungiven_bytes += count
            return
        call.credit_items += items
        call.credit_bytes += count
        self.say(call.link, messages.record("more", call=call.number, attempt=call.attempt, items=items, bytes=count))

    def callback(self, link, call, function, number, payload):
        if number in link.callbacks:
            raise bad("the number of a callback is used twice")
        key = call.number, call.attempt
        if len(link.callbacks) >= self.settings.limits.callbacks_max:
            return self.callback_failed(link, key, number, Errc.overloaded, "", "too many callbacks (callbacks_max)")
        if function >= len(call.callables):
            return self.callback_failed(link, key, number, Errc.bad_arguments, "", "there is no such callable")
        asked = link.callbacks[number] = (call, call.attempt)
        call.callbacks += 1
        self.out.append(("callback", link, call, call.attempt, number, call.callables[function], payload, asked))
        return None

    def callback_answered(self, link, call, attempt, number, failure, payload, now):
        """What a callable said; dropped if nobody waits for it any more."""
        if link.callbacks.pop(number, None) is None:
            return
        if call.link is link and call.attempt == attempt:
            call.callbacks -= 1
            call.runs_since = now
        if failure:
            return self.callback_failed(link, (call.number, attempt), number, *failure)
        if len(payload) > link.limits.message_bytes_max:
            return self.callback_failed(link, (call.number, attempt), number, Errc.too_large, "", "the result is too large")
        head = ATTEMPT.pack(call.number, attempt) + number.to_bytes(8, "little")
        link.outlet.add((call.number, attempt), *messages.record_with_payload(42, head, payload))

    def callback_failed(self, link, key, number, code, kind, text):
        most = link.limits.text_bytes_max
        self.say(link, messages.record("callback_failed", call=key[0], attempt=key[1], callback=number, error=int(code),
                                       type=messages.cut(kind, most), text=messages.cut(text, most)))


def split_items(count, payload):
    """The items of one record, each as bytes ([P-114])."""
    if count == 1:
        return [payload]
    made, at, end = [], 0, len(payload)
    while at < end and len(made) < count:
        size = int.from_bytes(payload[at:at + 4], "little")
        at += 4
        if at + size > end:
            raise bad("an item is longer than its record")
        made.append(payload[at:at + size])
        at += size
    if len(made) != count or at != end:
        raise bad("there are not as many items as it says")
    return made
