/** What a function can know and say of the call that it serves. */
import { cut } from '../wire/messages.js'
import { now } from './clock.js'

const PROGRESS_EVERY = 20

let current = null

/** The context of the call whose function runs now. It is known until the function first awaits something: keep it. */
export function currentCall() {
    return current
}

/** Runs a function with a context as `this` and as currentCall(). */
export function runWithin(context, run, args) {
    const before = current
    current = context
    try {
        return run.apply(context, args)
    } finally {
        current = before
    }
}

export class CallContext {
    constructor(functions, call) {
        this.functions = functions
        this.call = call
        this.progressAt = -Infinity
        this.controller = null
    }

    /** Whether nobody waits for the answer any more. */
    get cancelled() {
        return this.call.isCancelled
    }

    /** An AbortSignal that is aborted then. */
    get signal() {
        if (!this.controller) {
            this.controller = new AbortController()
            if (this.call.isCancelled) this.controller.abort()
        }
        return this.controller.signal
    }

    get label() {
        return this.call.label
    }

    /** The W3C traceparent of the call, or null. */
    get trace() {
        return this.call.trace
    }

    /** Milliseconds until the call's deadline; Infinity if it has none. */
    get timeLeft() {
        return Math.max(0, this.call.deadline - now())
    }

    get attempt() {
        return this.call.attempt
    }

    /** [lease epoch, lease sequence, worker, incarnation, call, attempt] ([P-43]). */
    get fence() {
        const { machine, lease } = this.call.line
        return [...lease, machine.id, machine.incarnation, this.call.call, this.call.attempt]
    }

    /** Tells the caller how far this is: a fraction from 0 to 1, or NaN. Sent every 20 ms at most. */
    progress(fraction, text = '') {
        const { line, call, attempt } = this.call
        const moment = now()
        if (moment - this.progressAt < PROGRESS_EVERY || !line.holds(this.call)) return
        this.progressAt = moment
        line.batch.add('progress', { call, attempt, fraction, text: cut(String(text), line.limits.textBytesMax) })
        this.functions.driver.wake()
    }
}
