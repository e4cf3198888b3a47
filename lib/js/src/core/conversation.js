/** What is said while a call runs: items of streams, and callbacks (PROTOCOL.md, 6.3 and 6.4). */
import { bad, numberOf } from '../errors.js'
import { Reader } from '../wire/bytes.js'
import { recordWithPayload } from '../wire/batch.js'
import { cut } from '../wire/messages.js'
import { keyOf } from './line.js'
import { Machine } from './session.js'

const CALLBACK_RESULT = 42

/** The items of one record, each as bytes ([P-114]). */
export function splitItems(count, payload) {
    if (count === 1) return [payload]
    const reader = new Reader(payload)
    const made = []
    while (reader.left && made.length < count) {
        if (reader.left < 4) throw bad('an item is not whole')
        const size = reader.u32()
        if (size > reader.left) throw bad('an item is longer than its record')
        made.push(reader.raw(size))
    }
    if (made.length !== count || reader.left) throw bad('there are not as many items as it says')
    return made
}

/** Whether all the nested calls that a worker may hold would wait, if this one did, too ([P-117]). */
function allWouldWait(link, call) {
    const waiting = new Set([call])
    for (const asked of link.callbacks.values()) {
        if (asked.call.options.nested) waiting.add(asked.call)
    }
    return waiting.size >= link.limits.callsPerWorkerMax
}

/** The part of a manager's machine for records of calls that run. */
export class Conversation extends Machine {
    itemCame(call, count, payload, now) {
        if (!count) throw bad('an item record of no items')
        if (!call.signature.items) throw bad('an item of what is no stream')
        const items = splitItems(count, payload)
        call.delivered += count
        call.runsSince = now
        call.creditItems -= count
        if (call.creditItems < 0 || call.creditBytes <= 0) throw bad('more items than there was credit for')
        for (const each of items) call.creditBytes -= each.length
        this.out.push(['item', call, items])
    }

    /** Items were read: as many more may come. */
    giveCredit(call, items, bytes) {
        if (call.state !== 'sent') return
        call.creditItems += items
        call.creditBytes += bytes
        call.link.batch.add('more', { call: call.number, attempt: call.attempt, items, bytes })
    }

    callbackCame(link, call, fields, payload) {
        const { callback: number, function: index } = fields
        if (link.callbacks.has(number)) throw bad('the number of a callback is used twice')
        if (link.callbacks.size >= this.settings.limits.callbacksMax) {
            return this.callbackFailed(link, fields, number, 'overloaded', 'too many callbacks (callbacks_max)')
        }
        if (call.options.nested && allWouldWait(link, call)) {
            return this.callbackFailed(link, fields, number, 'overloaded', 'all nested calls of the worker would wait')
        }
        if (index >= call.callables.length) {
            return this.callbackFailed(link, fields, number, 'bad_arguments', 'there is no such callable')
        }
        const asked = { link, call, attempt: call.attempt, number, callable: call.callables[index], payload }
        link.callbacks.set(number, asked)
        call.callbacks++
        this.out.push(['callback', asked])
    }

    /** What a callable said: bytes, or {code, type, text}. Dropped if nobody waits for it any more. */
    callbackAnswered(asked, failed, payload, now) {
        const { link, call, attempt, number } = asked
        if (link.callbacks.get(number) !== asked) return
        link.callbacks.delete(number)
        if (call.link === link && call.attempt === attempt) {
            call.callbacks--
            call.runsSince = now
        }
        if (link.group) this.dirty.add(link.group)
        const fields = { call: call.number, attempt }
        if (failed) return this.callbackFailed(link, fields, number, failed.code, failed.text, failed.type)
        const [most] = link.session.payloadMost(link.limits, '', link.outlet.isOn)
        if (payload.length > most) return this.callbackFailed(link, fields, number, 'too_large', 'the result is too large')
        const record = recordWithPayload(CALLBACK_RESULT, out => {
            out.u64(call.number)
            out.u32(attempt)
            out.u64(number)
        }, payload)
        link.outlet.add(keyOf(call.number, attempt), record.bytes, record.apart)
    }

    callbackFailed(link, { call, attempt }, callback, code, text, type = '') {
        const most = link.limits.textBytesMax
        link.batch.add('callback_failed', {
            call, attempt, callback, error: numberOf(code), type: cut(type, most), text: cut(text, most),
        })
    }

    /** Nobody waits for the call any more: what it has asked is answered with cancelled ([P-110]). */
    callbacksOver(link, call) {
        for (const [number, asked] of link.callbacks) {
            if (asked.call !== call) continue
            link.callbacks.delete(number)
            const fields = { call: call.number, attempt: asked.attempt }
            this.callbackFailed(link, fields, number, 'cancelled', 'nobody waits for it')
        }
    }
}
