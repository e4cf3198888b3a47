/** One worker that serves a manager. Its link is relayed: a WebSocket is one connection. */
import { bad, Unfit, Violation } from '../errors.js'
import { DEFAULT_LIMITS, heard } from '../limits.js'
import { Batch } from '../wire/batch.js'
import { NO_ID, TAG, extension, relayHeader, textsOfBytes } from '../wire/messages.js'
import { parse } from '../wire/signature.js'
import { Arrivals, Outlet } from './transfers.js'

export class Link {
    constructor(session, lease, name) {
        this.session = session
        this.lease = lease
        this.name = name // among the links of its manager
        this.header = relayHeader(lease)
        this.group = null
        this.state = 'greeting'
        this.isOver = false
        this.worker = NO_ID
        this.incarnation = 0
        this.concurrency = 1
        this.functions = []
        this.byName = new Map()
        this.features = new Set()
        this.limits = DEFAULT_LIMITS
        this.timeout = 0
        this.heardAt = 0
        this.held = new Map() // key -> Call, in the order in which they were sent; those that are not detached
        this.detached = new Map()
        this.nested = 0
        this.answered = 0
        this.alone = null // the call that this worker runs alone, or is kept free for
        this.batch = new Batch()
        this.outlet = new Outlet(this.batch, 'manager_part', session.pieceMost)
        this.arrivals = new Arrivals()
        this.restsUntil = 0
        this.returnedTimes = 0
        this.hasReturned = false
        this.window = 0
        this.pace = 0
        this.busySince = 0
        this.callbacks = new Map()
        this.givesBack = false
    }

    get load() {
        return this.held.size / this.concurrency
    }

    get isIdle() {
        return !this.held.size && !this.detached.size
    }

    find(key) {
        return this.held.get(key) || this.detached.get(key)
    }

    /** How many of its calls wait for callables. */
    waitingNow() {
        return this.callbacks.size ? new Set([...this.callbacks.values()].map(each => each.call)).size : 0
    }

    /** Takes over what a hello says. Throws a Violation. */
    takeHello(fields, extensions, functionsMax) {
        const plain = fields.signatures
        const texts = [...plain]
        for (const tag of [TAG.dynamicFunctions, TAG.referenceFunctions]) {
            const raw = extension(extensions, tag)
            if (raw) texts.push(...textsOfBytes(raw))
        }
        if (texts.length > functionsMax) throw new Violation('too_large', 'too many functions')
        if (new Set(texts).size !== texts.length) throw bad('one signature stands twice')
        texts.forEach((text, index) => this.addFunction(text, index, index < plain.length))
        this.worker = fields.worker
        this.incarnation = fields.incarnation
        this.concurrency = Math.max(1, fields.concurrency)
        this.features = new Set(fields.features)
        this.limits = heard(fields.limits)
        this.window = this.concurrency + 1
    }

    addFunction(text, index, isPlain) {
        let signature
        try {
            signature = parse(text)
        } catch (wrong) {
            if (wrong instanceof Unfit) return // newer than this: it cannot be called
            throw wrong
        }
        if (isPlain && (signature.isDynamic || signature.takesFunctions)) {
            throw bad('such a signature stands in an extension only')
        }
        const made = { index, signature }
        this.functions.push(made)
        if (!this.byName.has(signature.name)) this.byName.set(signature.name, [])
        this.byName.get(signature.name).push(made)
    }

    /** How long a call takes here, and so how many may wait here that it never starves. */
    measure(answered, now, prefetchMax) {
        const pace = Math.max(0.001, now - this.busySince) / answered
        this.busySince = now
        this.pace = this.pace ? this.pace * 0.8 + pace * 0.2 : pace
        const wanted = this.concurrency + 1 + Math.floor(5 / this.pace)
        this.window = Math.min(wanted, this.concurrency + 1 + this.answered, prefetchMax)
    }
}
