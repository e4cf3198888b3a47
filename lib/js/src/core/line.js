/**
 * One lease of a worker, from the offer until nothing of it runs any more: what its manager says, and is told.
 *
 * A WebSocket is one connection, so there are no links of their own: each lease is relayed by its parkserver.
 */
import { bad, numberOf } from '../errors.js'
import { DEFAULT_LIMITS, heard } from '../limits.js'
import { NOTHING, Reader, fromUtf8 } from '../wire/bytes.js'
import { Batch, recordWithPayload } from '../wire/batch.js'
import {
    AT_MOST_ONCE, EXTENDED, APART, LINK, TAG, channelOf, cut, idOf, payloadOf, readLink, readRecord,
    recordKind, relayHeader, writeFields,
} from '../wire/messages.js'
import { isGoodTypeName } from '../wire/signature.js'
import { LINK_TIMEOUT, agreed, stampOf } from './session.js'
import { Arrivals, Outlet } from './transfers.js'

const CALL = 35
const FAILED = 3
const RETURNED = 4

/** What names an attempt among those that a peer holds. */
export function keyOf(call, attempt) {
    return attempt === 1 ? call : `${call}.${attempt}`
}

/** One attempt at one call, as its worker has it. */
export class WorkerCall {
    constructor(line, call, attempt, signature, payload, atMostOnce) {
        this.line = line
        this.call = call
        this.attempt = attempt
        this.key = keyOf(call, attempt)
        this.signature = signature
        this.payload = payload
        this.atMostOnce = atMostOnce
        this.deadline = Infinity
        this.label = ''
        this.trace = null
        this.isNested = false
        this.isCancelled = false
        this.isDetached = false
        this.creditItems = 0
        this.creditBytes = 0
        this.skip = 0
        /** What its function uses (shell/functions.js). */
        this.run = null
    }
}

export class Line {
    constructor(machine, session, offer) {
        this.machine = machine
        this.session = session
        this.lease = offer.lease
        this.token = offer.token
        this.manager = offer.manager
        this.header = relayHeader(offer.lease)
        this.state = 'linking'
        this.deadline = 0
        this.until = 0
        this.interval = 0
        this.timeout = 0
        this.nextPing = 0
        this.held = new Map()
        this.nested = 0
        this.batch = new Batch()
        this.outlet = new Outlet(this.batch, 'part', session.pieceMost)
        this.arrivals = new Arrivals()
        this.limits = DEFAULT_LIMITS
        this.features = new Set()
        this.rejectedBy = null
        this.lastCallback = 0
        this.callbacksOpen = 0
        this.callbacksWaiting = []
    }

    hello(now) {
        const { machine } = this
        const { type, signatures, concurrency, extensions, incarnation } = machine
        this.deadline = now + LINK_TIMEOUT
        this.batch.add('hello', {
            token: this.token, worker: machine.id, incarnation, lease: this.lease, type, signatures, concurrency,
            stamp: stampOf(now), ...machine.aboutMe(this.session),
        }, extensions)
    }

    // What the manager says.

    /** A link message, by its frames. Throws a Violation. */
    heard(frames, now) {
        if (channelOf(frames[0]) !== LINK) throw bad('no link message')
        let calls = []
        for (const record of readLink(frames)) {
            if (record.apart !== undefined) {
                record.apart = this.arrivals.frame(record, this.machine.settings.limits.messageBytesMax)
                if (record.apart === undefined) continue
            }
            if (record.number === CALL && this.state === 'serving') {
                const call = this.callCame(record, now)
                if (call) calls.push(call)
                continue
            }
            if (calls.length) {
                this.machine.out.push(['calls', calls])
                calls = []
            }
            if (this.state === 'draining') return
            this.recordCame(record, now)
        }
        if (calls.length) this.machine.out.push(['calls', calls])
        if (this.state === 'serving') this.arrivals.tell(this.batch, 'taken')
    }

    callCame(record, now) {
        const { machine } = this
        if (record.body.length < 12) throw bad('a call is not whole')
        const reader = new Reader(record.body)
        const number = reader.u64()
        const attempt = reader.u32()
        let extensions
        let payload
        if (record.flags & (APART | EXTENDED)) ({ payload, extensions } = payloadOf(record, 12))
        else payload = record.body.subarray(12)
        if (machine.stopping) return this.batch.attempt(RETURNED, number, attempt)
        const signature = machine.functions[record.function]
        const call = new WorkerCall(this, number, attempt, signature, payload, (record.flags & AT_MOST_ONCE) !== 0)
        if (extensions) readCallExtensions(call, extensions, now)
        const wrong = this.whyNot(call, record.function)
        if (wrong) return this.fail(call, wrong[0], '', wrong[1])
        if (call.isNested) this.nested++
        this.held.set(call.key, call)
        return call
    }

    whyNot(call, index) {
        const { callsPerWorkerMax } = this.machine.settings.limits
        if (!call.signature) return ['no_such_function', `there is no function ${index}`]
        if (call.signature.items && !this.has('streams')) {
            return ['unimplemented', 'its manager did not name the feature streams']
        }
        const isFull = call.isNested ? this.nested >= callsPerWorkerMax : this.held.size - this.nested >= callsPerWorkerMax
        return isFull && ['overloaded', 'this worker holds as many calls as it can']
    }

    has(feature) {
        return this.features.has(feature) && this.machine.settings.features.includes(feature)
    }

    recordCame(record, now) {
        const { number } = record
        const kind = recordKind(number)
        if (!kind) {
            if (number < 128 && this.state === 'serving') this.batch.add('unimplemented', { type: number })
            return
        }
        if (number < 33 || number === 129) throw bad('this is said by workers only')
        const feature = { 40: 'transfer', 42: 'functions', 43: 'functions', 44: 'streams' }[number]
        if (feature && !this.has(feature)) throw bad(`without the feature ${feature}`)
        const { fields, at } = readRecord(kind, record.body, this.machine.settings.limits.textBytesMax)
        if (this.state === 'linking') this.answered(kind.name, fields, now)
        else this.said(kind.name, fields, record, at, now)
    }

    /** Before there is a link. */
    answered(name, fields, now) {
        if (name === 'welcome') this.welcomed(fields, now)
        else if (name === 'rejected_by') this.rejectedBy = fields.manager
        else if (name === 'reject' || name === 'manager_goodbye') this.machine.fruitless(this, now)
        else throw bad('this is said before welcome')
    }

    welcomed(fields, now) {
        if (fields.stamp > stampOf(now)) throw bad('a stamp from the future')
        const { interval, timeout } = agreed(this.machine.settings, fields)
        this.state = 'serving'
        this.deadline = Infinity
        this.manager = fields.manager
        this.interval = interval
        this.timeout = timeout
        this.until = fields.stamp / 1000 + timeout
        this.limits = heard(fields.limits)
        this.features = new Set(fields.features)
        this.outlet.isOn = this.arrivals.isOn = this.has('transfer')
        this.machine.failures = 0
        this.ping(now)
    }

    ping(now) {
        this.nextPing = now + this.interval
        this.batch.add('ping', { stamp: stampOf(now) })
    }

    said(name, fields, record, at, now) {
        const { machine } = this
        if (name === 'pong') {
            if (fields.stamp > stampOf(now)) throw bad('a stamp from the future')
            this.until = Math.max(this.until, fields.stamp / 1000 + this.timeout)
        } else if (name === 'manager_taken') {
            this.outlet.wasTaken(fields.bytes, now)
        } else if (name === 'manager_goodbye') {
            machine.endLine(now)
        } else if (name === 'welcome' || name === 'reject') {
            throw bad('there is a link already')
        } else if ('attempt' in fields) {
            const call = this.held.get(keyOf(fields.call, fields.attempt))
            if (call) this.saidOfCall(name, call, fields, record, at)
        }
    }

    saidOfCall(name, call, fields, record, at) {
        const { out } = this.machine
        if (name === 'cancel') {
            call.isCancelled = true
            out.push(['cancelled', call])
        } else if (name === 'more') {
            out.push(['more', call, fields.items, Number(fields.bytes)])
        } else if (name === 'callback_result') {
            out.push(['callback', call, fields.callback, { payload: payloadOf(record, at).payload }])
        } else if (name === 'callback_failed') {
            out.push(['callback', call, fields.callback, { failed: fields }])
        }
    }

    // What functions say of their calls. Whatever comes after the last word is dropped.

    holds(call) {
        return this.held.get(call.key) === call
    }

    /** The call is answered; whether anybody waits for it. */
    settle(call) {
        if (!this.holds(call)) return false
        this.held.delete(call.key)
        if (call.isNested) this.nested--
        return true
    }

    fail(call, code, type, text) {
        const most = this.limits.textBytesMax
        const fields = {
            call: call.call, attempt: call.attempt, error: numberOf(code), type: cut(type, most), text: cut(text, most),
        }
        if (this.outlet.holds(call.key)) { // behind what its function said before
            this.outlet.add(call.key, recordWithPayload(FAILED, out => writeFields('failed', fields, out), NOTHING).bytes)
        } else {
            this.batch.add('failed', fields)
        }
    }

    goodbye(code, why) {
        this.batch.add('goodbye', { error: numberOf(code), why: cut(why, this.limits.textBytesMax) })
    }

    flush(now) {
        if (this.outlet.queue.length) this.outlet.pump(now)
        if (this.batch.isEmpty) return
        for (const frames of this.batch.take()) {
            if (this.session.isUp) this.session.sendFrames([this.header, ...frames])
        }
    }

    nextDeadline() {
        if (this.state === 'linking') return this.deadline
        return this.state === 'serving' ? Math.min(this.until, this.nextPing) : Infinity
    }
}

/** What travels with a call ([P-92], [P-114], [P-117]). */
function readCallExtensions(call, extensions, now) {
    for (let i = extensions.length - 1; i >= 0; i--) { // the first of two counts
        const [tag, raw] = extensions[i]
        const reader = new Reader(raw)
        if (tag === TAG.timeLeft) {
            if (raw.length !== 8) throw bad('time_left has 8 bytes')
            call.deadline = now + Number(reader.u64()) / 1e6
        } else if (tag === TAG.label) {
            call.label = fromUtf8(raw)
            if (!isGoodTypeName(call.label)) throw bad('a label is no good name')
        } else if (tag === TAG.trace) {
            if (raw.length !== 25) throw bad('a trace has 25 bytes')
            call.trace = raw.subarray(0, 16).some(Boolean) ? traceText(raw) : null
        } else if (tag === TAG.streamCredit) {
            if (raw.length !== 20) throw bad('stream_credit has 20 bytes')
            call.creditItems = reader.u32()
            call.creditBytes = Number(reader.u64())
            call.skip = Number(reader.u64())
        } else if (tag === TAG.nested) {
            call.isNested = true
        }
    }
}

/** The traceparent of W3C Trace Context. */
function traceText(raw) {
    const text = idOf(raw)
    return `00-${text.slice(0, 32)}-${text.slice(32, 48)}-${text.slice(48)}`
}
