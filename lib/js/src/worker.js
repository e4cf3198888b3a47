/**
 * A worker: exposes functions, and serves managers with them.
 *
 *     const worker = new Worker('ws://127.0.0.1:8501/maus#TOKEN', { type: 'common' })
 *     worker.expose('add', (x, y) => x + y)
 *     worker.expose('mul(i32,i32)->i32', (x, y) => x * y)
 *     await worker.start()
 *
 * Functions may be async, and generators (streams of items).
 */
import { WorkerMachine } from './core/worker.js'
import { settingsOf } from './core/session.js'
import { MausError, Unfit } from './errors.js'
import { now, randomBytes } from './shell/clock.js'
import { Driver } from './shell/driver.js'
import { Functions } from './shell/functions.js'
import { here } from './shell/here.js'
import { addressOf } from './shell/socket.js'
import { isGoodTypeName, parse } from './wire/signature.js'

export function addressesOf(urls) {
    const made = (Array.isArray(urls) ? urls : [urls]).map(String)
    if (!made.length) throw new MausError('invalid_argument', 'no address of a gateway')
    made.forEach(addressOf)
    return made
}

/** Settings of a peer from its options. */
export function settingsFrom({ heartbeat, liveness, limits, features }) {
    return settingsOf({ interval: heartbeat, liveness, limits, features, ...here, random: Math.random, randomBytes })
}

function parsed(text) {
    try {
        return parse(text)
    } catch (wrong) {
        throw new MausError('invalid_argument', wrong instanceof Unfit ? wrong.message : String(wrong))
    }
}

function isGenerator(made) {
    return /^\[object (Async)?GeneratorFunction\]$/.test(Object.prototype.toString.call(made))
}

/** Dispatches `change` when its state changes, `call` when it has answered some, `error` when it is turned away. */
export class Worker extends EventTarget {
    constructor(urls, { type = 'default', concurrency = 1, functions = {}, liveness = 10, ...options } = {}) {
        super()
        if (!isGoodTypeName(type)) throw new MausError('invalid_argument', `${type} is no type of a worker`)
        if (!(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 1024)) {
            throw new MausError('invalid_argument', 'concurrency is 1 to 1024')
        }
        this.urls = addressesOf(urls)
        this.type = type
        this.concurrency = concurrency
        this.settings = settingsFrom({ ...options, liveness })
        this.exposed = new Map()
        this.machine = null
        this.functions = null
        this.driver = null
        this.error = null
        this.lastState = 'new'
        this.lastCalls = 0
        this.closed = new Promise(resolve => {
            this.resolveClosed = resolve
        })
        for (const [name, made] of Object.entries(functions)) this.expose(name, made)
    }

    /** Exposes a function by its name, or by its signature: `add(i32,i32)->i32`. Without one it takes any values. */
    expose(name, made) {
        if (this.machine) throw new MausError('invalid_argument', 'functions are exposed before the worker starts')
        if (typeof made !== 'function') throw new MausError('invalid_argument', `${name} is no function`)
        const text = name.includes('(') ? name : `${name}(...)->${isGenerator(made) ? 'stream<any>' : 'any'}`
        const signature = parsed(text)
        if (this.exposed.has(signature.text)) throw new MausError('invalid_argument', `${text} is exposed already`)
        this.exposed.set(signature.text, made)
        return this
    }

    /** Registers. The promise is of the first registration (or stop); it is rejected if the gateway turns it away. */
    async start() {
        if (!this.machine) this.begin()
        return this.registered
    }

    begin() {
        const signatures = [...this.exposed.keys()].map(parse)
        this.machine = new WorkerMachine(this.settings, this.type, signatures, this.concurrency, this.urls)
        this.functions = new Functions(this.exposed, this.concurrency, this.settings.limits)
        this.driver = new Driver(this.machine, this.handlers())
        this.functions.driver = this.driver
        this.registered = new Promise((resolve, reject) => {
            this.resolveRegistered = resolve
            this.rejectRegistered = reject
        })
        this.driver.turn()
    }

    handlers() {
        const { functions } = this
        return {
            calls: calls => functions.put(calls),
            forget: () => functions.forget(),
            more: (call, items, bytes) => functions.credit(call, items, bytes),
            callback: (call, number, answer) => functions.callables.answered(call, number, answer),
            cancelled: call => functions.cancel(call),
            over: calls => functions.over(calls),
            refused: error => this.wasRefused(error),
            stopped: () => this.ended(),
            beforeFlush: moment => this.beforeFlush(moment),
        }
    }

    beforeFlush(moment) {
        const { machine, functions } = this
        functions.sayItems()
        if (machine.isDraining && functions.isIdle) machine.drained(moment)
        else if (machine.stopping && !machine.stopped && functions.isIdle && !(machine.line && machine.line.held.size)) {
            machine.finishStop(moment)
        }
        this.tell()
    }

    /** What it is doing: new, connecting, free, linking, serving, draining or stopped. */
    get state() {
        const { machine } = this
        if (!machine) return 'new'
        if (machine.stopped) return 'stopped'
        if (machine.line) return machine.line.state
        return machine.sessions.some(each => each.isUp) ? 'free' : 'connecting'
    }

    get id() {
        return this.machine ? this.machine.id : ''
    }

    /** How many calls it has begun. */
    get calls() {
        return this.functions ? this.functions.calls : 0
    }

    tell() {
        const { state, calls } = this
        if (state !== this.lastState) {
            if (state !== 'connecting' && state !== 'stopped') this.resolveRegistered(this)
            this.lastState = state
            this.dispatchEvent(new Event('change'))
        }
        if (calls !== this.lastCalls) {
            this.lastCalls = calls
            this.dispatchEvent(new Event('call'))
        }
    }

    wasRefused(error) {
        this.error = error
        if (!this.machine.sessions.every(each => each.state === 'refused')) return
        this.rejectRegistered(error)
        this.dispatchEvent(new Event('error'))
        this.machine.finishStop(now())
    }

    ended() {
        this.tell()
        this.resolveRegistered(this)
        this.driver.end()
        this.resolveClosed(this.error)
    }

    /** Returns what was not started, answers what runs (for `grace` ms at most) and leaves. */
    async stop({ grace = 10000 } = {}) {
        const { machine, functions, driver } = this
        if (!machine || machine.stopped) return
        if (!machine.stopping) {
            machine.stop(functions.forget(), now())
            driver.turn()
        }
        const timer = setTimeout(() => {
            machine.finishStop(now())
            driver.turn()
        }, grace)
        await this.closed
        clearTimeout(timer)
    }
}
