/** A group of workers that serve one request, and the calls that are made on them. */
import { Call, DEFAULT_OPTIONS } from './core/calls.js'
import { MausError, Unfit } from './errors.js'
import { offAbort, onAbort } from './shell/aborts.js'
import { isWithinCallable } from './shell/called_back.js'
import { now } from './shell/clock.js'
import { currentCall } from './shell/context.js'
import { Stream } from './stream.js'
import { Reference } from './wire/codecs.js'
import { bytesOfId } from './wire/messages.js'
import { isGoodTypeName, parse } from './wire/signature.js'

const MAP_AHEAD = 1000 // calls of a map at a time
const CALL_OPTIONS = new Set([...Object.keys(DEFAULT_OPTIONS), 'timeout', 'signal', 'progress', 'itemsMax', 'bytesMax'])

function invalid(text) {
    return new MausError('invalid_argument', text)
}

/** A function of the worker as an argument: `workers.call('apply', 3, named('twice'))`. */
export function named(name) {
    return new Reference(String(name))
}

/** A call as its caller has it. */
class PendingCall extends Call {
    settled(failed, signature, payload) {
        if (this.signal) offAbort(this.signal, this.abort)
        if (this.stream) return this.stream.ended(failed)
        if (failed) return this.reject(failed)
        try {
            this.resolve(signature.decodeResult(payload))
        } catch (wrong) {
            this.reject(new MausError('bad_result', `${wrong.message}, of ${signature.text}`, { function: this.name }))
        }
    }

    progressed(fraction, text) {
        if (!this.progress) return
        try {
            this.progress(fraction, text)
        } catch (thrown) {
            queueMicrotask(() => { throw thrown })
        }
    }
}

function bytesOfTrace(text) {
    if (typeof text !== 'string' || !/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)) {
        throw invalid(`${text} is no traceparent`)
    }
    return bytesOfId(text.slice(3).replace(/-/g, ''))
}

function checked(options) {
    for (const name of Object.keys(options)) {
        if (!CALL_OPTIONS.has(name)) throw invalid(`a call has no option ${name}`)
    }
    if (options.label && !isGoodTypeName(options.label)) throw invalid(`${options.label} is no label`)
    if (options.maxCrashes !== undefined && !(options.maxCrashes >= 1)) throw invalid('maxCrashes is 1 at least')
    for (const name of ['timeout', 'attemptTimeout']) {
        if (options[name] !== undefined && !(options[name] >= 0)) throw invalid(`${name} is a number of milliseconds`)
    }
    const made = { ...options }
    if (options.trace) made.trace = bytesOfTrace(options.trace)
    return made
}

/** What a function calls has no later deadline, and the same trace ([P-93]). */
function inherited(call) {
    const around = currentCall()
    if (!around) return
    call.deadline = Math.min(call.deadline, around.call.deadline)
    if (!call.options.trace && around.trace) call.options = { ...call.options, trace: bytesOfTrace(around.trace) }
}

export class Workers {
    constructor(manager, group, options = {}) {
        this.manager = manager
        this.driver = manager.driver
        this.group = group
        this.options = options
        this.waiting = new Set()
        this.failed = null
    }

    /** The same workers, and options for the calls that are made on what this returns. */
    with(options) {
        const made = Object.create(this)
        made.options = { ...this.options, ...checked(options) }
        return made
    }

    // Workers.

    /** How many workers there are. */
    get length() {
        return this.group.links.length
    }

    get type() {
        return this.group.type
    }

    /** The ids of its workers, 32 hexadecimal digits each. */
    get ids() {
        return this.group.links.map(each => each.worker)
    }

    /** The signatures of the functions that its workers expose. */
    get functions() {
        return [...new Set(this.group.links.flatMap(each => each.functions).map(each => each.signature.text))].sort()
    }

    /** Waits until so many workers are there (what was requested; at least 1). */
    ready({ amount = Math.max(1, this.group.amount), timeout, signal } = {}) {
        return new Promise((resolve, reject) => {
            const waits = { amount, resolve: () => resolve(this), reject }
            this.waiting.add(waits)
            if (signal) {
                waits.signal = signal
                waits.abort = () => this.giveUp(waits, new MausError('cancelled', 'its caller cancelled it'))
                onAbort(signal, waits.abort)
            }
            if (timeout !== undefined) {
                waits.timer = setTimeout(() => this.giveUp(waits, new MausError('no_workers',
                    `${this.length} of ${amount} workers of type ${this.type} came in time`)), timeout)
            }
            this.changed()
        })
    }

    giveUp(waits, error) {
        if (this.done(waits)) waits.reject(error)
    }

    /** False: it was done already. */
    done(waits) {
        if (!this.waiting.delete(waits)) return false
        clearTimeout(waits.timer)
        if (waits.signal) offAbort(waits.signal, waits.abort)
        return true
    }

    changed() {
        if (this.failed) return this.fail(this.failed)
        if (this.group.isReleased) return this.fail(new MausError('cancelled', 'its workers were released'))
        for (const each of this.waiting) {
            if (this.length >= each.amount && this.done(each)) each.resolve()
        }
    }

    fail(error) {
        this.failed = error
        for (const each of [...this.waiting]) this.giveUp(each, error)
    }

    // Calls.

    /** Calls a function; the promise is of its result. The name may be a whole signature, to choose among several. */
    call(name, ...args) {
        return new Promise((resolve, reject) => {
            const { signal, progress } = this.options
            if (signal && signal.aborted) throw new MausError('cancelled', 'its caller cancelled it', { function: name })
            const call = this.made(name, args, null)
            call.resolve = resolve
            call.reject = reject
            call.progress = progress
            this.begin(call)
            if (signal) this.listen(call, signal)
        })
    }

    /** Calls a stream function; what it gives is read by `for await`. */
    stream(name, ...args) {
        const { limits } = this.driver.machine.settings
        const { itemsMax = limits.streamItemsMax, bytesMax = limits.streamBytesMax, signal } = this.options
        const stream = new Stream(this.driver, itemsMax, bytesMax)
        const call = stream.call = this.made(name, args, stream)
        this.begin(call)
        if (signal) this.listen(call, signal)
        return stream
    }

    made(name, args, stream) {
        if (this.group.calls.size >= this.driver.machine.settings.limits.callsMax) {
            throw new MausError('overloaded', 'too many calls are not settled (callsMax)')
        }
        let wanted = null
        if (name.includes('(')) {
            try {
                wanted = parse(name)
            } catch (wrong) {
                throw wrong instanceof Unfit ? invalid(wrong.message) : wrong
            }
        }
        const { timeout } = this.options
        const options = Object.keys(this.options).length ? { ...DEFAULT_OPTIONS, ...this.options } : DEFAULT_OPTIONS
        const deadline = timeout === undefined ? Infinity : now() + timeout
        const call = new PendingCall(wanted ? wanted.name : name, wanted, args, options, deadline, stream)
        inherited(call)
        if (!stream && isWithinCallable()) call.options = { ...call.options, nested: true }
        return call
    }

    begin(call) {
        const { machine } = this.driver
        if (this.manager.isEnded) {
            call.group = this.group
            const error = this.failed || this.manager.error || new MausError('shutdown', 'the manager ended')
            return call.settled(error)
        }
        machine.call(this.group, call, now())
        this.driver.wake()
    }

    listen(call, signal) {
        call.signal = signal
        call.abort = () => {
            this.driver.machine.cancel(call, now())
            this.driver.wake()
        }
        onAbort(signal, call.abort)
    }

    /** Calls it for each tuple of arguments; gives the results in order, 1,000 calls at a time. */
    async *map(name, ...iterables) {
        const iterators = iterables.map(each => each[Symbol.iterator]())
        const pending = []
        const abort = new AbortController()
        const workers = this.with({ signal: abort.signal })
        try {
            for (;;) {
                while (pending.length < MAP_AHEAD) {
                    const some = iterators.map(each => each.next())
                    if (!some.length || some.some(each => each.done)) break
                    const made = workers.call(name, ...some.map(each => each.value))
                    made.catch(() => {})
                    pending.push(made)
                }
                if (!pending.length) return
                yield await pending.shift()
            }
        } finally {
            abort.abort()
        }
    }

    /** Gives the workers back. What is not settled fails with `cancelled`. */
    release() {
        const { machine } = this.driver
        machine.release(this.group, now())
        this.manager.groups.delete(this.group)
        this.changed()
        this.driver.wake()
    }

    /** As in the first Maus. */
    end() {
        this.release()
    }
}
