/**
 * The interface of the first Maus, on the new one.
 *
 *     registerParkserver(url, 'common', { add: (x, y) => x + y })         // a worker
 *
 *     connectParkserver(url)                                              // a manager
 *     getWorker({ amount: 2, workerType: 'common' }).do(workers => {
 *         workers.add(1, 2, result => console.log(result))                // or await workers.add(1, 2)
 *     })
 *     end()
 */
import { MausError } from './errors.js'
import { Manager } from './manager.js'
import { Worker } from './worker.js'

/** Starts a worker with these functions; it serves until it is stopped. */
export function registerParkserver(url, type = 'default', functions = {}, options = {}) {
    const made = new Worker(url, { ...options, type, functions })
    made.addEventListener('error', () => console.error(`maus: ${made.error.message}`))
    made.start().catch(() => {}) // its event says it
    return made
}

/** Whether a worker takes a function as the last of these arguments. */
function takesFunction(workers, name, args) {
    return workers.group.links.some(link => (link.byName.get(name) || []).some(({ signature }) =>
        signature.takesFunctions && signature.parameters.length === args.length))
}

/** Workers with a method for each function. The last argument may be a callback: it gets the result, or the error. */
function withMethods(workers) {
    return new Proxy(workers, {
        get(target, name) {
            if (name === 'then' || typeof name === 'symbol' || name in target) {
                const found = Reflect.get(target, name, target)
                return typeof found === 'function' ? found.bind(target) : found
            }
            return (...args) => {
                const last = args[args.length - 1]
                if (typeof last !== 'function' || takesFunction(target, name, args)) return target.call(name, ...args)
                const made = target.call(name, ...args.slice(0, -1))
                made.then(last, last)
                return made
            }
        },
    })
}

/** A request: `do` has a function called with its workers once they are there. It is a promise of them, too. */
class Request {
    constructor(promise) {
        this.promise = promise.then(withMethods)
        this.promise.catch(() => {})
    }

    do(callback) {
        this.promise.then(callback).catch(thrown => queueMicrotask(() => { throw thrown }))
        return this
    }

    then(resolve, reject) {
        // What a promise is settled with must have no method `then`; the workers have none.
        return this.promise.then(resolve, reject)
    }
}

/** `new manager()`, connectParkserver(url), getWorker(...).do(...), end(). */
export class FirstManager {
    constructor() {
        this.manager = null
    }

    connectParkserver(url, options) {
        if (this.manager) this.manager.end()
        this.manager = new Manager(url, options)
        return this
    }

    getWorker({ amount, workerType = 'default', ...options } = {}) {
        if (!this.manager) throw new MausError('invalid_argument', 'connectParkserver comes first')
        return new Request(this.manager.getWorkers({ ...options, amount, type: workerType }))
    }

    async end() {
        const { manager } = this
        this.manager = null
        if (manager) await manager.end()
    }
}

const only = new FirstManager()

/** Connects the one manager of this program. */
export function connectParkserver(url, options) {
    return only.connectParkserver(url, options)
}

/** Requests workers for it. */
export function getWorker(config) {
    return only.getWorker(config)
}

/** Gives all its workers back, and ends it. */
export function end() {
    return only.end()
}

/** `require('maus').worker` of the first Maus. */
export const worker = { registerParkserver }
