/** Calls on their way: sent to workers with room, and sent again when their worker is lost (PROTOCOL.md, section 9). */
import { MausError, numberOf } from '../errors.js'
import { putExtensions, recordWithPayload } from '../wire/batch.js'
import { APART_FROM, AT_MOST_ONCE, EXTENDED, cut } from '../wire/messages.js'
import { waitingIn } from './calls.js'
import { Conversation } from './conversation.js'
import { keyOf } from './line.js'

const CALL = 35
const CANCEL = 36
const RETURNED_REST = 10
const RETURNED_MOST = 5000

/** Of some links the one for which this is least. */
function leastOf(links, measure) {
    let best
    let least = Infinity
    for (const each of links) {
        const measured = measure(each)
        if (best === undefined || measured < least) {
            best = each
            least = measured
        }
    }
    return best
}

/** The part of a manager's machine that places calls. */
export class Dispatcher extends Conversation {
    // The end of a link.

    goodbye(link, code, why) {
        link.batch.add('manager_goodbye', { error: numberOf(code), why: cut(why, link.limits.textBytesMax) })
    }

    /** Forgets a link, after what was said over it. */
    drop(link) {
        this.sendBatch(link)
        link.isOver = true
        link.state = 'over'
        if (this.links.get(link.name) === link) this.links.delete(link.name)
    }

    /** The worker is lost: its calls go elsewhere, or fail by name ([P-49]). `refused`: it took none ([P-107]). */
    lose(link, why, now, { refused = false, goodbye } = {}) {
        if (link.isOver) return
        if (goodbye) this.goodbye(link, goodbye, why)
        this.drop(link)
        const { group } = link
        if (!group) return
        link.callbacks.clear()
        this.leaveGroup(group, link)
        blame(link)
        for (const part of [link.held, link.detached]) {
            for (const call of part.values()) {
                const isBlamed = call.isBlamed && !refused
                call.isBlamed = false
                if (call.link === link) this.attemptLost(call, link, why, { isBlamed, refused, isDetached: part === link.detached }, now)
            }
            part.clear()
        }
        this.workerGone(group, link, why, now)
        this.dirty.add(group)
    }

    leaveGroup(group, link) {
        const place = group.links.indexOf(link)
        if (place < 0) return
        group.links.splice(place, 1)
        for (const each of this.allUp()) {
            each.send('worker_lost', { request: group.number, lease: link.lease, worker: link.worker })
        }
        this.out.push(['group', group])
    }

    /** The calls that are for this worker only fail ([P-50]). */
    workerGone(group, link, why, now) {
        if (!group.hasAddressed) return
        for (const call of [...group.calls]) {
            if (call.options.worker === link.worker) this.workerOfCallLost(call, why, now)
        }
    }

    workerOfCallLost(call, why, now) {
        this.settle(call, new MausError('worker_lost', `the worker that it is for was lost: ${why}`), now)
    }

    attemptLost(call, link, why, { isBlamed, refused, isDetached }, now) {
        const { options } = call
        call.link = null
        call.callbacks = 0
        if (call.isSending) { // it was not handed to this worker ([P-86])
            call.isSending = false
            return this.queueAgain(call)
        }
        call.tried(link.worker, now - call.madeAt, why)
        if (options.worker) return this.workerOfCallLost(call, why, now)
        if (refused) return this.queueAgain(call)
        if (options.atMostOnce) {
            return this.settle(call, new MausError('maybe_executed', `its worker was lost: ${why}`), now)
        }
        if (call.delivered && !options.replayable) {
            const text = `its worker was lost after ${call.delivered} items: ${why}`
            return this.settle(call, new MausError('stream_broken', text), now)
        }
        if (isBlamed || call.starts) call.starts++
        if (call.starts >= options.maxCrashes) {
            return this.settle(call, new MausError('poisoned', `${call.starts} workers died while it was running`), now)
        }
        call.isAlone = !isDetached || call.starts + 1 >= options.maxCrashes
        this.counters.reassigned++
        this.queueAgain(call)
    }

    queueAgain(call) {
        call.state = 'queued'
        call.group.push(call)
        this.dirty.add(call.group)
    }

    // Answers.

    /** The call is not held by this worker any more; returns it. */
    forget(link, key) {
        const call = link.held.get(key) || link.detached.get(key)
        if (!call) return undefined
        if (!link.held.delete(key)) link.detached.delete(key)
        if (call.options.nested) link.nested--
        if (link.alone === call) link.alone = null
        return call
    }

    wasReturned(link, call, now) {
        link.hasReturned = true
        link.restsUntil = now + Math.min(RETURNED_MOST, RETURNED_REST * 2 ** Math.min(link.returnedTimes, 10))
        link.returnedTimes++
        this.timers.add(link.restsUntil, link)
        call.link = null
        if (call.options.atMostOnce) {
            return this.settle(call, new MausError('cancelled', 'its worker returned it unstarted'), now)
        }
        this.queueAgain(call)
    }

    settle(call, failed, now, payload) {
        if (call.state === 'settled') return
        const { link } = call
        if (call.isSending) {
            link.outlet.giveUp(call.key)
            this.forget(link, call.key)
            call.isSending = false
        }
        call.state = 'settled'
        call.group.calls.delete(call)
        if (failed) {
            failed.function = call.name
            failed.label = call.options.label
            failed.attempts = call.attempts
            failed.delivered = call.delivered
        }
        this.out.push(['settle', call, failed, call.signature, payload])
        call.args = null
        call.link = null
        this.dirty.add(call.group)
        if (link && link.callbacks.size) this.callbacksOver(link, call)
    }

    // Calls.

    /** Takes a call; it is settled exactly once. */
    call(group, call, now) {
        call.number = ++this.lastCall
        call.madeAt = now
        call.group = group
        if (group.isReleased) return this.settle(call, new MausError('cancelled', 'its workers were released'), now)
        group.calls.add(call)
        if (call.options.worker) group.hasAddressed = true
        if (call.deadline !== Infinity) this.timers.add(call.deadline, call)
        group.push(call)
        this.dirty.add(group)
    }

    cancel(call, now, code = 'cancelled', text = 'its caller cancelled it') {
        if (call.state === 'settled') return
        const { link } = call
        if (link && !call.isSending) link.batch.attempt(CANCEL, call.number, call.attempt)
        this.settle(call, new MausError(code, text), now)
    }

    /** Sends what waits to the workers that have room. */
    dispatch(group, now) {
        this.dispatchNested(group, now)
        this.dispatchAlone(group, now)
        const links = group.links.filter(each => this.hasRoom(each, now))
        const aside = []
        while (links.length) {
            const call = group.pop()
            if (!call) break
            const best = links.length === 1 ? links[0] : leastOf(links, each => each.load)
            const chosen = this.prepare(call, best) ? best : links.find(each => each !== best && this.prepare(call, each))
            if (!chosen) {
                if (!this.unplaceable(group, call, now)) aside.push(call)
            } else {
                this.send(chosen, call, now)
                if (!this.hasRoom(chosen, now)) links.splice(links.indexOf(chosen), 1)
            }
        }
        for (const each of aside) group.push(each)
    }

    hasRoom(link, now) {
        const { detachedPerSlotMax } = this.settings.limits
        return !link.alone && !link.givesBack && !link.hasReturned && now >= link.restsUntil &&
            link.held.size - link.nested < link.window + link.waitingNow() &&
            link.detached.size < link.concurrency * detachedPerSlotMax + link.answered
    }

    /** Whether the worker exposes what is called; then the call knows by which function. */
    prepare(call, link) {
        if (call.options.worker && call.options.worker !== link.worker) return false
        const named = link.byName.get(call.name)
        if (!named) return false
        const exact = call.wanted && named.find(each => each.signature.text === call.wanted.text)
        const found = exact && call.fits(exact.signature, link) ? exact : named.find(each => call.fits(each.signature, link))
        if (!found) return false
        call.index = found.index
        call.signature = found.signature
        return true
    }

    /** No worker with room has this function. It fails, if none without has it, either; whether it did. */
    unplaceable(group, call, now) {
        if (group.links.some(each => this.prepare(call, each))) return false
        this.settle(call, call.whyNot(group), now)
        return true
    }

    /** Calls that are to be tried alone: on a worker that has nothing else to do ([P-49]). */
    dispatchAlone(group, now) {
        for (const each of group.links) {
            if (each.alone && each.alone.state === 'settled' && each.isIdle) each.alone = null
        }
        for (const call of waitingIn(group.alone)) {
            const idle = group.links.filter(each => each.isIdle && !each.hasReturned && !each.givesBack &&
                now >= each.restsUntil && (!each.alone || each.alone === call))
            const chosen = idle.find(each => this.prepare(call, each))
            if (chosen) {
                this.sendAlone(group, chosen, call, now)
            } else if (!group.links.some(each => each.alone === call)) {
                const kept = leastOf(group.links.filter(each => !each.alone), each => each.load)
                if (!kept) return
                if (this.prepare(call, kept)) kept.alone = call // it gets nothing more until it has nothing else to do
                else if (this.unplaceable(group, call, now)) group.alone.keep(each => each !== call)
            }
        }
    }

    sendAlone(group, chosen, call, now) {
        group.alone.keep(each => each !== call)
        for (const each of group.links) {
            if (each.alone === call) each.alone = null
        }
        this.send(chosen, call, now)
        if (call.link === chosen) chosen.alone = call
    }

    /** Calls that callables wait for go to a worker of which a call waits, whatever its credit ([P-117]). */
    dispatchNested(group, now) {
        for (const call of waitingIn(group.nested)) {
            const links = group.links.filter(each => this.prepare(call, each) && each.nested < each.limits.callsPerWorkerMax)
            if (!links.length) {
                if (group.links.length && this.unplaceable(group, call, now)) group.nested.keep(each => each !== call)
                continue
            }
            const best = leastOf(links, each =>
                (this.hasRoom(each, now) ? 0 : 2e9) + (each.waitingNow() ? 0 : 1e9) + each.load)
            group.nested.keep(each => each !== call)
            this.prepare(call, best)
            this.send(best, call, now)
        }
    }

    // Sending.

    send(link, call, now) {
        const { batch } = link
        const { signature, options } = call
        const extensions = call.extensions(now)
        const flags = (options.atMostOnce ? AT_MOST_ONCE : 0) | (extensions ? EXTENDED : 0)
        const out = batch.begin(CALL, flags, call.index)
        out.u64(call.number)
        out.u32(call.attempt + 1)
        if (extensions) putExtensions(out, extensions)
        const at = out.at
        try {
            signature.putArguments(out, call.argumentsFor(signature))
        } catch (wrong) {
            batch.undo()
            return this.settle(call, wrong, now)
        }
        const size = out.at - at
        const wrong = tooLarge(link, size)
        const payload = size >= APART_FROM && !wrong ? out.bytes.slice(at, out.at) : null
        if (payload || wrong) batch.undo()
        else batch.end()
        if (wrong) return this.settle(call, wrong, now)
        this.isSent(link, call, now)
        if (payload) this.sendLarge(link, call, payload, flags, extensions)
    }

    isSent(link, call, now) {
        call.attempt++
        call.key = keyOf(call.number, call.attempt)
        call.link = link
        call.state = 'sent'
        call.runsSince = now
        call.callbacks = 0
        if (!link.held.size) link.busySince = now
        link.held.set(call.key, call)
        if (call.options.nested) link.nested++
        if (call.options.attemptTimeout) this.timers.add(now + call.options.attemptTimeout, call)
    }

    sendLarge(link, call, payload, flags, extensions) {
        const record = recordWithPayload(CALL, out => {
            out.u64(call.number)
            out.u32(call.attempt)
        }, payload, { flags: flags & AT_MOST_ONCE, index: call.index, extensions })
        link.outlet.add(call.key, record.bytes, record.apart, call)
    }
}

function tooLarge(link, size) {
    if (size < APART_FROM && size <= link.limits.messageBytesMax) return null
    const [most, whose] = link.session.payloadMost(link.limits, 'its worker', link.outlet.isOn)
    return size <= most ? null :
        new MausError('too_large', `the call has ${size} bytes; ${whose} takes ${most} (message_bytes_max)`)
}

/** Marks those that may have been running: the first ones, and all that are detached ([P-49]). */
function blame(link) {
    let running = 0
    for (const waits of [false, true]) { // one that waits for a callable counts if no other one may have run
        for (const call of link.held.values()) {
            if (call.isSending || call.isBlamed || running >= link.concurrency || call.callbacks > 0 !== waits) continue
            call.isBlamed = true
            running++
        }
    }
    for (const call of link.detached.values()) call.isBlamed = true
}
