"""Elastic requests at a manager (PROTOCOL.md, 5.7): what it tells parkservers, and which workers it gives back."""

import struct

from ..errors import Errc
from ..wire import messages

_range = struct.Struct("<II").pack


def amount_of(group):
    """What a parkserver that knows no elastic requests is to take it for ([P-99])."""
    if group.range is None:
        return group.amount
    return 0 if group.range == (1, 0) else group.range[0]


def extensions(group, session):
    """The range, as this parkserver is told it: no more than what the others allow ([P-104])."""
    if group.range is None or "elastic" not in session.features:
        return ()
    least, most = group.range
    for other, (workers, _) in group.bounds.items():
        if other is not session:
            most = min(most or workers, workers)
    return [(messages.ELASTIC, _range(least, max(least, most) if most else 0))]


def share_came(machine, group, session, body, now):
    """`fair_share` ([P-102])."""
    if group.range is None:
        return
    before = group.bounds.get(session)
    if body["workers"]:
        group.bounds[session] = (body["workers"], body["newest"])
    else:
        group.bounds.pop(session, None)
    told = group.bounds.get(session)
    if (before and before[0]) != (told and told[0]):
        for other in machine.sessions:
            if other is not session:
                machine.say_request(group, other)
    choose(machine, group, now)


def choose(machine, group, now):
    """Marks the workers that are to be given back, those without calls first; others stay ([P-103])."""
    if group.range is None:
        return
    excess = 0
    for workers, (epoch, sequence) in group.bounds.values():
        counted = sum(1 for each in group.links if not (each.lease[0] == epoch and each.lease[1] > sequence))
        excess = max(excess, counted - workers)
    excess = min(excess, len(group.links) - group.range[0])
    ours = [each for each in group.links if not each.direct]
    ours.sort(key=lambda each: (not each.giving_back, len(each.held) + len(each.detached)))
    for place, link in enumerate(ours):
        link.giving_back = place < excess
    give_back(machine, group, now)


def give_back(machine, group, now):
    """Says goodbye to those of them that hold nothing any more."""
    for link in [each for each in group.links if each.giving_back and not each.held and not each.detached]:
        machine.say(link, messages.record("manager_goodbye", error=int(Errc.cancelled),
                                          why="others wait for workers: it has more than its fair share"))
        machine.drop(link)
        group.links.remove(link)
        machine.worker_gone(group, link, "it was given back", now)
        machine.counters["given_back"] += 1
        machine.out.append(("group", group))
