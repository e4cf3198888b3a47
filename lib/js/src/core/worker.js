/**
 * A worker: registers, takes an offer, links to its manager, hands calls out and answers them.
 *
 * | state | event | next |
 * |---|---|---|
 * | free | assign | linking |
 * | linking | welcome | serving |
 * | linking | reject, lease_ended, link_timeout | draining |
 * | serving | goodbye, lease run out, lease_ended, parkserver lost | draining |
 * | draining | nothing runs any more | free: available to all |
 * | any | stop | leaving, then stopped |
 *
 * Besides those of Machine, its effects are ['calls', calls], ['forget']: calls that were not started are not wanted any
 * more; ['more', call, items, bytes], ['callback', call, number, answer], ['cancelled', call], ['over', calls],
 * ['refused', error], ['stopped'].
 */
import { Violation, bad, numberOf } from '../errors.js'
import { TAG, leaseKey, leaseOfRelay, textsToBytes } from '../wire/messages.js'
import { Line } from './line.js'
import { Machine, doubled } from './session.js'

const REST = 50
const REST_MOST = 5000

export class WorkerMachine extends Machine {
    /** `signatures`: of its functions, as Signature. */
    constructor(settings, type, signatures, concurrency, urls) {
        super(settings, urls)
        this.type = type
        this.concurrency = concurrency
        const plain = signatures.filter(each => !each.isDynamic && !each.takesFunctions)
        const dynamic = signatures.filter(each => each.isDynamic)
        const taking = signatures.filter(each => each.takesFunctions)
        this.functions = [...plain, ...dynamic, ...taking] // their numbers on a link
        this.signatures = plain.map(each => each.text)
        this.extensions = [[TAG.dynamicFunctions, dynamic], [TAG.referenceFunctions, taking]]
            .filter(each => each[1].length)
            .map(([tag, some]) => [tag, textsToBytes(some.map(each => each.text))])
        this.line = null
        this.restUntil = 0
        this.failures = 0
        this.ended = null // the lease that is to be said available later
        this.stopped = false
    }

    // What is registered, and said by parkservers.

    registration(session, now) {
        const { line } = this
        const serves = line && (line.state === 'linking' || line.state === 'serving')
        const body = {
            worker: this.id, incarnation: this.incarnation, type: this.type, signatures: this.signatures,
            concurrency: this.concurrency, free: !line && !this.stopping && now >= this.restUntil,
            serving: serves ? { lease: line.lease, manager: line.manager, token: line.token } : null,
            ...this.aboutMe(session),
        }
        return { name: 'register_worker', body, extensions: this.extensions }
    }

    registered() {}

    sessionLost(session, now) {
        if (this.line && this.line.session === session) this.endLine(now)
    }

    sessionRefused(session) {
        this.out.push(['refused', session.lastError])
    }

    parkSaid(session, name, body, extensions, now) {
        const { line } = this
        if (name === 'assign') {
            this.assigned(session, body, now)
        } else if (name === 'lease_ended') {
            if (line && line.session === session && leaseKey(line.lease) === leaseKey(body.lease)) this.endLine(now)
        } else if (name === 'rejected') {
            session.loseForLonger(now)
        }
    }

    assigned(session, offer, now) {
        const { lease, token, manager } = offer
        if (this.stopping) return this.refuse(session, lease, 'shutdown', 'this worker leaves')
        if (this.line || now < this.restUntil) return this.refuse(session, lease, 'overloaded', 'this worker is not free')
        session.send('accepted', { lease })
        this.ended = null
        this.line = new Line(this, session, offer)
        for (const each of this.allUp()) {
            if (each !== session) each.send('occupied', { lease, manager, token })
        }
        this.line.hello(now)
    }

    refuse(session, lease, code, why) {
        session.send('refused', { lease, error: numberOf(code), why })
    }

    // The end of a lease.

    /** Its manager did not take it: it rests, longer each time ([P-33]). */
    fruitless(line, now) {
        this.endLine(now, doubled(this.failures++, REST, REST_MOST))
    }

    /** The link is over. What runs goes on; then the worker is free. */
    endLine(now, rest = 0) {
        const { line } = this
        if (line.state === 'draining') return
        line.flush(now)
        line.state = 'draining'
        this.out.push(['forget'])
        if (line.held.size) {
            this.out.push(['over', [...line.held.values()]])
            line.held.clear()
        }
        if (rest) this.restUntil = now + rest
    }

    get isDraining() {
        return this.line !== null && this.line.state === 'draining'
    }

    /** Nothing of the last lease holds a slot any more. */
    drained(now) {
        const { lease } = this.line
        this.line = null
        if (this.stopping) return this.finishStop(now)
        if (now >= this.restUntil) this.sayAvailable(lease)
        else this.ended = lease
    }

    sayAvailable(lease) {
        for (const each of this.allUp()) each.send('available', { lease })
    }

    // What comes.

    relayed(session, frames, now) {
        const { line } = this
        session.heardAt = now
        const lease = leaseOfRelay(frames[0])
        if (!line || line.session !== session || line.state === 'draining') return
        if (leaseKey(line.lease) !== leaseKey(lease)) return
        try {
            if (frames.length < 2) throw bad('a relay message without a link message')
            line.heard(frames.slice(1), now)
        } catch (wrong) {
            if (!(wrong instanceof Violation)) throw wrong
            this.counters.violations++
            this.violated(line, wrong, now)
        }
    }

    violated(line, wrong, now) {
        if (line.state === 'linking') return this.fruitless(line, now)
        if (line.state !== 'serving') return
        line.goodbye(wrong.code, wrong.message)
        this.endLine(now)
    }

    // Time, and the end.

    advance(now) {
        this.now = now
        for (const each of this.sessions) each.advance(now)
        const { line } = this
        if (!line) {
            if (this.ended && now >= this.restUntil) {
                const lease = this.ended
                this.ended = null
                this.sayAvailable(lease)
            }
        } else if (line.state === 'linking') {
            if (now >= line.deadline) this.fruitless(line, now)
        } else if (line.state === 'serving') {
            this.serve(line, now)
        }
    }

    serve(line, now) {
        if (now >= line.until || line.outlet.isStuck(now, line.timeout)) {
            this.endLine(now)
        } else if (line.outlet.waitingBytes > this.settings.limits.queuedBytesMax) {
            line.goodbye('overloaded', 'larger results wait than queued_bytes_max')
            this.endLine(now)
        } else if (now >= line.nextPing) {
            line.ping(now)
        }
    }

    flush(now) {
        if (this.line) this.line.flush(now)
    }

    nextDeadline() {
        let made = Infinity
        for (const each of this.sessions) made = Math.min(made, each.nextDeadline())
        if (this.line) return Math.min(made, this.line.nextDeadline())
        return this.ended ? Math.min(made, this.restUntil) : made
    }

    /** Returns what was not started; leaves once nothing runs any more (finishStop). */
    stop(unstarted, now) {
        this.stopping = true
        const { line } = this
        if (!line) return this.finishStop(now)
        if (line.state === 'serving') {
            for (const each of unstarted) {
                if (line.settle(each)) line.batch.attempt(4, each.call, each.attempt)
            }
        } else if (line.state === 'linking') {
            this.endLine(now)
        }
    }

    finishStop(now) {
        const { line } = this
        if (this.stopped) return
        if (line && line.state === 'serving') {
            // All that came is answered: what is still on its way was not started, as this code says ([P-107]).
            line.goodbye(line.held.size ? 'shutdown' : 'cancelled', 'this worker leaves')
            this.endLine(now)
        }
        this.line = null
        this.stopped = true
        for (const each of this.sessions) each.stop('this worker leaves')
        this.out.push(['stopped'])
    }
}
