/**
 * Runs a worker's functions, and says what becomes of their calls.
 *
 * `concurrency` functions hold a slot at a time: from when they begin until they have returned, or their promise is
 * settled. A function that waits for a callable or for credit holds none. Short functions run one after the other; at the
 * latest after SLICE everything else has a turn, so that pings are sent.
 */
import { MausError, Unfit } from '../errors.js'
import { Reference } from '../wire/codecs.js'
import { recordWithPayload } from '../wire/batch.js'
import { APART_FROM } from '../wire/messages.js'
import { Callables } from './callables.js'
import { now, soon } from './clock.js'
import { CallContext, runWithin } from './context.js'
import { Stream } from './streams.js'

const SLICE = 4
const RESULT = 2
const RETURNED = 4
const DETACHED = 5
const STARTED = 6

/** What a thrown thing is called, and what it says. */
export function describe(thrown) {
    try {
        if (thrown instanceof MausError) return ['MausError', `${thrown.code}: ${thrown.message}`]
        if (thrown instanceof Error) return [String(thrown.name), String(thrown.message)]
        return [typeof thrown, String(thrown)]
    } catch {
        return ['Error', 'what was thrown cannot be shown']
    }
}

function isPromise(value) {
    return typeof value === 'object' && value !== null && typeof value.then === 'function'
}

/** What one call has while its function runs. */
class Run {
    constructor(context) {
        this.context = context
        this.holdsSlot = true
        this.hasStarted = false
        this.stream = null
        this.callbacks = null
        this.asked = 0
    }
}

export class Functions {
    /** `exposed`: a Map from the text of a signature to its function. `driver` is set by its owner. */
    constructor(exposed, concurrency, limits) {
        this.exposed = exposed
        this.concurrency = concurrency
        this.limits = limits
        this.driver = null
        this.queue = []
        this.head = 0
        this.active = 0
        this.running = new Set() // runs that are not over, whether they hold a slot or not
        this.streams = new Set() // those with items that are not said yet
        this.isScheduled = false
        this.calls = 0
        this.callables = new Callables(this)
        this.sliceEnd = 0
        this.runSoon = () => {
            this.isScheduled = false
            this.beginSlice()
            this.run()
            this.driver.turn()
        }
    }

    get isIdle() {
        return this.active === 0 && this.callables.waiting === 0
    }

    // What the machine says.

    put(calls) {
        for (const each of calls) this.queue.push(each)
        this.beginSlice()
        this.run()
    }

    /** What was not started is not wanted any more; it is returned. */
    forget() {
        const unstarted = this.queue.slice(this.head)
        this.queue = []
        this.head = 0
        return unstarted
    }

    /** Nobody waits for the answers of these any more. */
    over(calls) {
        for (const each of calls) {
            each.isCancelled = true
            this.callables.over(each)
            this.cancel(each)
        }
    }

    cancel(call) {
        const { run } = call
        if (!run) return
        if (run.context.controller) run.context.controller.abort()
        if (run.stream) run.stream.goOn()
    }

    credit(call, items, bytes) {
        call.creditItems += items
        call.creditBytes += bytes
        if (call.run && call.run.stream) call.run.stream.goOn()
    }

    // Slots.

    later() {
        if (this.isScheduled) return
        this.isScheduled = true
        soon(this.runSoon)
    }

    beginSlice() {
        this.sliceEnd = now() + SLICE
    }

    /** Starts what waits, while there are slots and time. */
    run() {
        while (this.head < this.queue.length && this.active < this.concurrency) {
            if (!this.start(this.queue[this.head]) || now() >= this.sliceEnd) return this.later()
        }
    }

    takeFromQueue() {
        this.queue[this.head++] = undefined
        if (this.head === this.queue.length || this.head > 4096) {
            this.queue = this.queue.slice(this.head)
            this.head = 0
        }
    }

    giveSlotBack(run) {
        if (!run.holdsSlot) return
        run.holdsSlot = false
        this.active--
        this.later()
    }

    takeSlotAgain(run) {
        if (run.holdsSlot || !this.running.has(run)) return
        run.holdsSlot = true
        this.active++
    }

    /** Starts the first of the queue; false: everything else is to have a turn first. */
    start(call) {
        const { line } = call
        const moment = now()
        if (moment >= line.until) return false // its lease has run out: the machine ends the link
        if (call.atMostOnce && !call.hasStarted && !call.isCancelled && moment < call.deadline) {
            call.hasStarted = true
            line.batch.attempt(STARTED, call.call, call.attempt)
            return false
        }
        this.takeFromQueue()
        if (call.isCancelled) {
            if (line.settle(call)) line.batch.attempt(RETURNED, call.call, call.attempt)
        } else if (moment >= call.deadline) {
            this.fail(call, 'deadline_exceeded', '', 'its deadline passed before it could start')
        } else {
            this.invoke(call)
        }
        return true
    }

    invoke(call) {
        const { signature } = call
        const run = call.run = new Run(new CallContext(this, call))
        let args
        try {
            args = signature.decodeArguments(call.payload)
            if (signature.takesFunctions) args = this.withFunctions(call, args)
        } catch (wrong) {
            return this.fail(call, 'bad_arguments', '', `${wrong.message}, in a call of ${signature.text}`)
        }
        call.payload = null
        this.active++
        this.running.add(run)
        this.calls++
        try {
            const result = runWithin(run.context, this.exposed.get(signature.text), args)
            if (signature.items) return this.stream(call, result)
            if (isPromise(result)) {
                result.then(value => this.ended(call, value), thrown => this.ended(call, undefined, thrown, true))
                return
            }
            this.succeed(call, result)
        } catch (thrown) {
            this.threw(call, thrown)
        }
        this.finish(run)
    }

    /** A promise was settled. */
    ended(call, value, thrown, isThrown) {
        if (isThrown) this.threw(call, thrown)
        else this.succeed(call, value)
        this.finish(call.run)
        if (now() < this.sliceEnd) this.run()
        this.later()
    }

    /** The function of a call is over. */
    finish(run) {
        if (!this.running.delete(run)) return
        if (run.holdsSlot) {
            run.holdsSlot = false
            this.active--
        }
        if (run.callbacks) this.callables.forget(run)
    }

    stream(call, result) {
        const stream = call.run.stream = new Stream(this, call, result)
        stream.run().then(() => {
            this.finish(call.run)
            this.later()
        })
    }

    // Answers.

    succeed(call, value) {
        const { line, signature } = call
        if (!line.settle(call)) return
        const out = line.batch.begin(RESULT)
        out.u64(call.call)
        out.u32(call.attempt)
        const at = out.at
        try {
            signature.result.encode(out, value, 0)
        } catch (wrong) {
            line.batch.undo()
            if (!(wrong instanceof Unfit)) return line.fail(call, 'remote_exception', ...describe(wrong))
            return line.fail(call, 'remote_exception', 'TypeError',
                `${wrong.message}: what ${signature.text} returned is no such result`)
        }
        const size = out.at - at
        if (size < APART_FROM && size <= line.limits.messageBytesMax && !line.outlet.holds(call.key)) return line.batch.end()
        const payload = out.bytes.slice(at, out.at)
        line.batch.undo()
        this.sendLarge(call, payload)
    }

    sendLarge(call, payload) {
        const wrong = this.tooLarge(call, payload.length)
        if (wrong) return call.line.fail(call, 'too_large', '', wrong)
        this.add(call, recordWithPayload(RESULT, out => {
            out.u64(call.call)
            out.u32(call.attempt)
        }, payload))
    }

    /** Why a payload of so many bytes cannot be sent. */
    tooLarge(call, size) {
        const { line } = call
        const [most, whose] = line.session.payloadMost(line.limits, 'its manager', line.outlet.isOn)
        return size > most && `the result has ${size} bytes; ${whose} takes ${most} (message_bytes_max)`
    }

    add(call, { bytes, apart }) {
        if (call.line.state === 'serving') call.line.outlet.add(call.key, bytes, apart)
    }

    fail(call, code, type, text) {
        if (call.line.settle(call)) call.line.fail(call, code, type, text)
    }

    threw(call, thrown) {
        if (call.isCancelled && thrown && thrown.name === 'AbortError') {
            return this.fail(call, 'cancelled', '', 'it was cancelled')
        }
        this.fail(call, 'remote_exception', ...describe(thrown))
    }

    detach(call) {
        const { line } = call
        if (call.isDetached || !line.holds(call)) return
        call.isDetached = true
        line.batch.attempt(DETACHED, call.call, call.attempt)
    }

    /** What streams gave is put into records; before everything is sent. */
    sayItems() {
        for (const each of this.streams) each.sayItems()
        this.streams.clear()
    }

    // Functions as arguments.

    withFunctions(call, args) {
        return args.map((each, index) => {
            if (!(each instanceof Reference)) return each
            const codec = call.signature.parameters[index]
            return each.name === undefined ? this.callables.proxy(call, each.number, codec) : this.named(each.name, codec)
        })
    }

    /** Another function of this worker ([P-109]). */
    named(name, codec) {
        const text = codec.signatureOf(name)
        return async (...args) => {
            const found = this.exposed.get(text)
            if (!found) throw new MausError('no_such_function', `this worker has no ${text}`)
            return found(...args)
        }
    }
}
