/** Calls and groups of workers, as a manager has them. */
import { MausError } from '../errors.js'
import { FunctionOf, Reference } from '../wire/codecs.js'
import { convertible } from '../wire/signature.js'
import { Writer, utf8 } from '../wire/bytes.js'
import { TAG } from '../wire/messages.js'
import { Heap } from './heap.js'

/** How a call is made if nothing else is said. Times are milliseconds. */
export const DEFAULT_OPTIONS = Object.freeze({
    atMostOnce: false,
    maxCrashes: 3,
    attemptTimeout: 0,
    label: '',
    trace: null, // 25 bytes
    replayable: false,
    nested: false,
    worker: '', // only this worker of the group, by its id
})

const NO_ATTEMPTS = []

/** One call, from when it is made until it is settled. `stream` has room(): [items, bytes]; null if it is no stream. */
export class Call {
    constructor(name, wanted, args, options, deadline, stream) {
        this.number = 0
        this.name = name
        this.wanted = wanted
        this.args = args
        this.options = options
        this.deadline = deadline
        this.stream = stream
        this.group = null
        this.madeAt = 0
        this.state = 'queued'
        this.link = null
        this.attempt = 0
        this.key = 0
        this.attempts = NO_ATTEMPTS
        this.starts = 0
        this.isAlone = false
        this.runsSince = 0
        this.index = 0
        this.signature = null
        this.callbacks = 0
        this.callables = []
        this.delivered = 0
        this.creditItems = 0
        this.creditBytes = 0
        this.isBlamed = false
        this.isSending = false
    }

    tried(worker, after, why) {
        if (this.attempts === NO_ATTEMPTS) this.attempts = []
        this.attempts.push({ worker, after, why })
    }

    /** Whether it may be made by this function of that worker ([P-98]). */
    fits(signature, link) {
        if (this.wanted ? !convertible(this.wanted, signature) :
            !signature.isDynamic && signature.parameters.length !== this.args.length) return false
        if (Boolean(signature.items) !== Boolean(this.stream)) return false
        if (signature.items && !link.features.has('streams')) return false
        if (signature.takesFunctions) return link.features.has('functions') && this.functionsFit(signature, link)
        return !this.args.some(isFunction)
    }

    /** Whether functions are passed where they are taken, and the worker exposes those that have names ([P-109]). */
    functionsFit(signature, link) {
        return signature.parameters.every((codec, index) => {
            const value = this.args[index]
            if (!(codec instanceof FunctionOf)) return !isFunction(value)
            if (!(value instanceof Reference)) return typeof value === 'function'
            return (link.byName.get(value.name) || []).some(each => each.signature.text === codec.signatureOf(value.name))
        })
    }

    /** Why no worker of the group may be called so. */
    whyNot(group) {
        const named = group.links.flatMap(each => each.byName.get(this.name) || []).map(each => each.signature.text)
        const shown = [...new Set(named)].join(', ')
        if (this.options.worker && group.links.every(each => each.worker !== this.options.worker)) {
            return new MausError('worker_lost', `the worker ${this.options.worker} does not serve this group (any more)`)
        }
        if (!named.length) {
            const all = new Set(group.links.flatMap(each => each.functions).map(each => each.signature.text))
            return new MausError('no_such_function',
                `no worker exposes ${this.name}; exposed are: ${[...all].sort().join(', ') || 'none'}`)
        }
        if (this.args.some(each => each instanceof Reference)) {
            return new MausError('no_such_function', `no worker exposes what is passed by name to ${shown}`)
        }
        const how = this.wanted ? `as ${this.wanted.text}` : this.stream ? 'as a stream' :
            this.args.some(isFunction) ? 'with a function' : `with ${this.args.length} arguments`
        return new MausError('signature_mismatch', `it is called ${how}, and exposed as ${shown}`)
    }

    /** Its arguments, with references in the place of functions. */
    argumentsFor(signature) {
        if (!signature.takesFunctions) return this.args
        this.callables = []
        return signature.parameters.map((codec, index) => {
            const value = this.args[index]
            if (!(codec instanceof FunctionOf) || value instanceof Reference) return value
            this.callables.push({ codec, run: value })
            return new Reference(undefined, this.callables.length - 1)
        })
    }

    /** What travels with it; undefined if that is nothing. */
    extensions(now) {
        const { label, trace, nested } = this.options
        if (this.deadline === Infinity && !this.stream && !label && !trace && !nested) return undefined
        const made = []
        if (this.deadline !== Infinity) {
            const nanoseconds = BigInt(Math.round(Math.max(0, this.deadline - now) * 1000)) * 1000n
            made.push([TAG.timeLeft, bytesBy(out => out.u64(nanoseconds))])
        }
        if (label) made.push([TAG.label, utf8(label)])
        if (trace) made.push([TAG.trace, trace])
        if (this.stream) made.push([TAG.streamCredit, this.firstCredit()])
        if (nested) made.push([TAG.nested, new Uint8Array(0)])
        return made
    }

    firstCredit() {
        const [items, bytes] = this.stream.room()
        this.creditItems = items
        this.creditBytes = bytes
        return bytesBy(out => {
            out.u32(items)
            out.u64(bytes)
            out.u64(this.delivered)
        })
    }
}

function bytesBy(write) {
    const out = new Writer(24)
    write(out)
    return out.done()
}

function isFunction(value) {
    return typeof value === 'function' || value instanceof Reference
}

/** A request, the workers that serve it and its calls: oldest first, whatever became of them before. */
export class Group {
    constructor(number, token, type, amount, range) {
        this.number = number
        this.token = token
        this.type = type
        this.amount = amount
        this.range = range || null // [min, max or 0] of an elastic request
        this.bounds = new Map() // what parkservers allow: session -> {workers, newest}
        this.links = []
        this.calls = new Set()
        this.isReleased = false
        this.queue = new Heap()
        this.alone = new Heap() // calls that are to be tried alone
        this.nested = new Heap()
        this.hasAddressed = false // whether a call was ever for one worker only
    }

    get isFull() {
        const most = this.range ? this.range[1] : this.amount
        return most > 0 && this.links.length >= most
    }

    heapOf(call) {
        return call.options.nested ? this.nested : call.isAlone ? this.alone : this.queue
    }

    push(call) {
        this.heapOf(call).push(call.number, call)
    }

    /** The oldest call that waits and need not be alone. */
    pop() {
        for (;;) {
            const call = this.queue.pop()
            if (!call || call.state === 'queued') return call
        }
    }
}

/** The calls of a heap that wait, in order. */
export function waitingIn(heap) {
    if (!heap.size) return []
    heap.keep(each => each.state === 'queued')
    return heap.entries.map(each => each.what).sort((a, b) => a.number - b.number)
}
