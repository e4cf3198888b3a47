/** Elastic requests at a manager (PROTOCOL.md, 5.7): what it tells parkservers, and which workers it gives back. */
import { Writer } from '../wire/bytes.js'
import { TAG } from '../wire/messages.js'

/** What a parkserver that knows no elastic requests is to take it for ([P-99]). */
export function amountOf(group) {
    if (!group.range) return group.amount
    const [min, max] = group.range
    return min === 1 && max === 0 ? 0 : min
}

/** The range, as this parkserver is told it: no more than what the others allow ([P-104]). */
export function rangeExtension(group, session) {
    if (!group.range || !session.features.has('elastic')) return []
    const [min, max] = group.range
    let most = max || Infinity
    for (const [other, { workers }] of group.bounds) {
        if (other !== session) most = Math.min(most, workers)
    }
    const out = new Writer(8)
    out.u32(min)
    out.u32(most === Infinity ? 0 : Math.max(min, most))
    return [[TAG.elastic, out.done()]]
}

/** `fair_share` ([P-102]). */
export function shareCame(machine, group, session, { workers, newest }, now) {
    if (!group.range) return
    const before = group.bounds.get(session)
    if (workers) group.bounds.set(session, { workers, newest })
    else group.bounds.delete(session)
    if ((before ? before.workers : 0) !== workers) {
        for (const other of machine.sessions) {
            if (other !== session) machine.sayRequest(group, other)
        }
    }
    choose(machine, group, now)
}

/** Marks the workers that are to be given back, those without calls first; others stay ([P-103]). */
export function choose(machine, group, now) {
    if (!group.range) return
    let excess = 0
    for (const { workers, newest: [epoch, sequence] } of group.bounds.values()) {
        const counted = group.links.filter(each => !(each.lease[0] === epoch && each.lease[1] > sequence)).length
        excess = Math.max(excess, counted - workers)
    }
    excess = Math.min(excess, group.links.length - group.range[0])
    const order = [...group.links].sort((a, b) => b.givesBack - a.givesBack || a.load - b.load)
    order.forEach((link, place) => {
        link.givesBack = place < excess
    })
    giveBack(machine, group, now)
}

/** Says goodbye to those of them that hold nothing any more. */
function giveBack(machine, group, now) {
    for (const link of group.links.filter(each => each.givesBack && !each.held.size && !each.detached.size)) {
        machine.goodbye(link, 'cancelled', 'others wait for workers: it has more than its fair share')
        machine.drop(link)
        group.links.splice(group.links.indexOf(link), 1)
        machine.workerGone(group, link, 'it was given back', now)
        machine.counters.givenBack++
        machine.out.push(['group', group])
    }
}
