/**
 * A manager: requests workers, welcomes them, sends them calls, and loses no call.
 *
 * Besides those of Machine, its effects are ['settle', call, error, signature, payload], ['item', call, [bytes, ...]],
 * ['progress', call, fraction, text], ['callback', asked], ['group', group]: its workers changed; ['refused', error].
 */
import { MausError, Violation, bad, codeOf, numberOf } from '../errors.js'
import { Reader } from '../wire/bytes.js'
import {
    APART, EXTENDED, LINK, NO_ID, NO_LEASE, channelOf, cut, leaseKey, leaseOfRelay, payloadOf, readLink, readRecord,
    recordKind,
} from '../wire/messages.js'
import { Group } from './calls.js'
import { Dispatcher } from './dispatcher.js'
import { amountOf, choose, rangeExtension, shareCame } from './elastic.js'
import { keyOf } from './line.js'
import { Link } from './link.js'
import { agreed } from './session.js'
import { Timers } from './timers.js'

const RESULT = 2
const QUIET = new Set(['progress', 'started', 'detached', 'item'])

export class ManagerMachine extends Dispatcher {
    constructor(settings, urls) {
        super(settings, urls)
        this.groups = new Map()
        this.links = new Map()
        this.lastRequest = 0
        this.lastCall = 0
        this.timers = new Timers()
        this.dirty = new Set() // groups that may have something to send
        Object.assign(this.counters, { staleAnswers: 0, reassigned: 0, givenBack: 0 })
    }

    // Registration and requests.

    registration(session) {
        const body = { manager: this.id, incarnation: this.incarnation, endpoints: [], ...this.aboutMe(session) }
        return { name: 'register_manager', body, extensions: [] }
    }

    registered(session) {
        for (const each of this.groups.values()) {
            each.bounds.delete(session)
            this.sayRequest(each, session)
        }
    }

    sessionLost(session, now) {
        for (const each of this.groups.values()) {
            if (each.bounds.delete(session)) choose(this, each, now)
        }
        for (const each of [...this.links.values()]) {
            if (each.session === session) this.lose(each, 'the connection to its parkserver was lost', now)
        }
    }

    sessionRefused(session) {
        this.out.push(['refused', session.lastError])
    }

    sayRequest(group, session) {
        if (!session.isUp) return
        const held = group.links.map(each => ({ lease: each.lease, worker: each.worker }))
        const body = { request: group.number, token: group.token, type: group.type, amount: amountOf(group), held }
        session.send('request', body, rangeExtension(group, session))
    }

    /** Requests so many workers, or [min, max] of them. */
    request(type, amount, range) {
        const group = new Group(++this.lastRequest, this.settings.newId(), type, amount, range)
        this.groups.set(group.number, group)
        for (const each of this.sessions) this.sayRequest(group, each)
        return group
    }

    /** Gives its workers back; its calls that are not settled are cancelled. */
    release(group, now) {
        if (!this.groups.delete(group.number)) return
        const why = 'its workers were released'
        group.isReleased = true
        for (const each of this.allUp()) each.send('cancel', { request: group.number })
        for (const each of [...group.calls]) this.settle(each, new MausError('cancelled', why), now)
        for (const each of group.links) {
            this.goodbye(each, 'cancelled', why)
            this.drop(each)
        }
        group.links = []
        this.out.push(['group', group])
    }

    parkSaid(session, name, body, extensions, now) {
        if (name === 'lease_ended') {
            const link = this.links.get(this.nameOf(session, body.lease))
            if (link) this.lose(link, body.why || 'its parkserver says that the lease ended', now)
        } else if (name === 'fair_share' && this.groups.has(body.request)) {
            shareCame(this, this.groups.get(body.request), session, body, now)
        }
    }

    // What comes.

    nameOf(session, lease) {
        return `${this.sessions.indexOf(session)}/${leaseKey(lease)}`
    }

    relayed(session, frames, now) {
        session.heardAt = now
        const lease = leaseOfRelay(frames[0])
        const name = this.nameOf(session, lease)
        let link = this.links.get(name)
        if (!link) {
            link = new Link(session, lease, name)
            link.timeout = this.settings.interval * this.settings.liveness
            this.links.set(name, link)
            this.timers.add(now + link.timeout, link)
        }
        try {
            if (channelOf(frames[1]) !== LINK) throw bad('no link message')
            this.linkSaid(link, frames.slice(1), now)
        } catch (wrong) {
            if (!(wrong instanceof Violation)) throw wrong
            this.counters.violations++
            this.refuse(link, wrong, now)
        }
    }

    /** Answers a violation: `goodbye` once there is a link, else `reject`; the link ends. */
    refuse(link, wrong, now) {
        if (link.isOver) return
        if (link.state === 'linked') {
            this.goodbye(link, wrong.code, wrong.message)
            this.lose(link, `${wrong.code}: ${wrong.message}`, now)
        } else {
            link.batch.add('rejected_by', { manager: this.id })
            const why = cut(wrong.message, link.limits.textBytesMax)
            link.batch.add('reject', { error: numberOf(wrong.code), why })
            this.drop(link)
        }
    }

    linkSaid(link, frames, now) {
        link.heardAt = now
        const before = link.answered
        for (const record of readLink(frames)) {
            if (link.isOver) return
            if (record.apart !== undefined) {
                record.apart = link.arrivals.frame(record, this.settings.limits.messageBytesMax)
                if (record.apart === undefined) continue
            }
            if (record.number === RESULT && link.state === 'linked') this.resultCame(link, record, now)
            else this.recordCame(link, record, now)
        }
        if (link.isOver) return
        if (link.answered > before) link.measure(link.answered - before, now, this.settings.limits.prefetchMax)
        link.arrivals.tell(link.batch, 'manager_taken')
        if (link.group) this.dirty.add(link.group)
    }

    resultCame(link, record, now) {
        const { body, flags } = record
        if (body.length < 12) throw bad('a result is not whole')
        const reader = new Reader(body)
        const number = reader.u64()
        const attempt = reader.u32()
        const call = this.forget(link, keyOf(number, attempt))
        link.answered++
        if (call) link.returnedTimes = 0
        if (!call || call.link !== link || call.attempt !== attempt) {
            this.counters.staleAnswers++
            return
        }
        this.settle(call, null, now, flags & (APART | EXTENDED) ? payloadOf(record, 12).payload : body.subarray(12))
    }

    recordCame(link, record, now) {
        const { number } = record
        const kind = recordKind(number)
        if (link.state === 'greeting' && (kind ? kind.name !== 'hello' : number < 128)) throw bad('the first record is hello')
        if (!kind) {
            if (number < 128) link.batch.add('manager_unimplemented', { type: number })
            return
        }
        const read = readRecord(kind, record.body, this.settings.limits.textBytesMax)
        const { fields } = read
        if (link.state === 'greeting') return this.hello(link, fields, read.extensions, now)
        if ((number >= 33 && number <= 128) || kind.name === 'hello') throw bad('a worker does not say this now')
        if ('attempt' in fields) return this.saidOfCall(link, kind.name, fields, record, read.at, now)
        this.said(link, kind.name, fields, now)
    }

    /** What a worker says of itself. */
    said(link, name, fields, now) {
        if (name === 'ping') {
            link.batch.add('pong', { stamp: fields.stamp })
            link.hasReturned = false
        } else if (name === 'goodbye') {
            this.lose(link, fields.why || 'it said goodbye', now, { refused: codeOf(fields.error) === 'cancelled' })
        } else if (name === 'taken') {
            link.outlet.wasTaken(fields.bytes, now)
        } else if (name === 'unimplemented') {
            this.counters.unimplemented++
        } else if (name === 'part') {
            throw bad('a part without a further frame')
        }
    }

    /** What it says of a call. */
    saidOfCall(link, name, fields, record, at, now) {
        if (name === 'callback' && !this.has(link, 'functions')) throw bad('without the feature functions')
        if (name === 'item' && !this.has(link, 'streams')) throw bad('without the feature streams')
        const key = keyOf(fields.call, fields.attempt)
        const call = link.find(key)
        if (name === 'detached' && call && link.held.delete(key)) link.detached.set(key, call)
        if (name === 'failed' || name === 'returned') {
            this.forget(link, key)
            link.answered++
        }
        if (!call || call.link !== link || call.attempt !== fields.attempt) return this.stale(link, name, fields)
        if (name === 'failed') {
            this.settle(call, new MausError(codeOf(fields.error), fields.text, { remoteType: fields.type }), now)
        } else if (name === 'returned') {
            link.answered--
            this.wasReturned(link, call, now)
        } else if (name === 'progress') {
            this.out.push(['progress', call, fields.fraction, fields.text])
        } else if (name === 'item') {
            this.itemCame(call, fields.items, payloadOf(record, at).payload, now)
        } else if (name === 'callback') {
            this.callbackCame(link, call, fields, payloadOf(record, at).payload)
        }
    }

    has(link, feature) {
        return link.features.has(feature) && this.settings.features.includes(feature)
    }

    /** Nobody waits for this (any more); that is no violation ([P-41]). */
    stale(link, name, fields) {
        if (!QUIET.has(name)) this.counters.staleAnswers++
        if (name === 'callback') {
            this.callbackFailed(link, fields, fields.callback, 'cancelled', 'nobody waits for the call')
        }
    }

    // Hello.

    hello(link, fields, extensions, now) {
        if (fields.token === NO_ID) throw bad('a relayed link without a token')
        const group = [...this.groups.values()].find(each => each.token === fields.token)
        if (!group) throw new Violation('cancelled', 'nobody requests by this token (any more)')
        if (leaseKey(fields.lease) === leaseKey(NO_LEASE)) throw bad('a hello without a lease')
        link.takeHello(fields, extensions, this.settings.limits.functionsMax)
        for (const older of [...this.links.values()]) {
            if (older === link || older.state !== 'linked' || older.worker !== fields.worker) continue
            if (older.incarnation > fields.incarnation) throw bad('an older incarnation of a worker that is here')
            this.lose(older, 'the same worker came again', now)
        }
        if (group.isFull) throw new Violation('cancelled', 'there are as many workers as were requested')
        this.welcome(link, group, fields, now)
    }

    welcome(link, group, fields, now) {
        const { interval, liveness, timeout } = agreed(this.settings, fields)
        link.timeout = timeout
        link.state = 'linked'
        const { features, limits } = this.aboutMe(link.session)
        link.batch.add('welcome', {
            manager: this.id, incarnation: this.incarnation, interval_ms: interval, liveness, stamp: fields.stamp, features,
            limits,
        })
        link.outlet.isOn = link.arrivals.isOn = this.has(link, 'transfer')
        this.timers.add(now + timeout, link)
        link.group = group
        group.links.push(link)
        this.dirty.add(group)
        this.out.push(['group', group])
        if (this.sessions.length > 1) {
            for (const each of this.sessions) this.sayRequest(group, each)
        }
    }

    // Sending.

    sendBatch(link) {
        for (const frames of link.batch.take()) link.session.sendFrames([link.header, ...frames])
    }

    flush(now) {
        for (const link of this.links.values()) {
            if (link.outlet.queue.length) link.outlet.pump(now)
            if (!link.batch.isEmpty) this.sendBatch(link)
        }
    }

    // Time.

    advance(now) {
        this.now = now
        for (const each of this.sessions) each.advance(now)
        for (let what = this.timers.due(now); what !== undefined; what = this.timers.due(now)) {
            if (what instanceof Link) this.linkTimer(what, now)
            else if (what.state !== 'settled') this.callTimer(what, now)
        }
        while (this.dirty.size) {
            const [group] = this.dirty
            this.dirty.delete(group)
            if (group.isReleased) continue
            if (group.bounds.size) choose(this, group, now)
            this.dispatch(group, now)
        }
    }

    linkTimer(link, now) {
        if (link.isOver) return
        const silent = now >= link.heardAt + link.timeout
        if (silent || link.outlet.isStuck(now, link.timeout)) {
            const why = `nothing ${silent ? 'came' : 'was taken'} for the heartbeat timeout`
            if (link.state === 'linked') return this.lose(link, why, now, { goodbye: 'worker_lost' })
            return this.drop(link)
        }
        if (link.group) this.dirty.add(link.group)
        const movedAt = link.outlet.sent > link.outlet.taken ? link.outlet.movedAt : link.heardAt
        this.timers.add(Math.min(link.heardAt, Math.max(movedAt, now - link.timeout + 1)) + link.timeout, link)
    }

    callTimer(call, now) {
        if (now >= call.deadline) {
            return this.cancel(call, now, 'deadline_exceeded', 'its deadline passed')
        }
        const patience = call.options.attemptTimeout
        if (!patience || call.state !== 'sent') return
        const { link } = call
        if (!mayRun(link, call)) call.runsSince = now
        if (now >= call.runsSince + patience) {
            const text = `${call.name} took longer than its attempt_timeout`
            this.settle(call, new MausError('attempt_timeout', text), now)
            return this.lose(link, 'a call took longer than its attempt_timeout', now, { goodbye: 'attempt_timeout' })
        }
        this.timers.add(Math.min(call.runsSince + patience, now + patience / 4 + 1), call)
    }

    nextDeadline() {
        let made = this.timers.next()
        for (const each of this.sessions) made = Math.min(made, each.nextDeadline())
        return made
    }

    stop(now) {
        this.stopping = true
        for (const each of [...this.groups.values()]) this.release(each, now)
        for (const each of this.sessions) each.stop('the manager stops')
    }
}

/** Whether a call that was sent may be running, and its attempt's time runs ([P-52]). */
function mayRun(link, call) {
    if (call.isSending || call.callbacks) return false
    if (call.signature.items && (call.creditItems <= 0 || call.creditBytes <= 0)) return false
    if (link.detached.has(call.key)) return true
    let place = 0
    for (const each of link.held.values()) {
        if (each === call) return true
        if (++place >= link.concurrency) return false
    }
    return false
}
