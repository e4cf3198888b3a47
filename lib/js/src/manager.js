/**
 * A manager: requests workers and calls functions on them.
 *
 *     const manager = new Manager('ws://127.0.0.1:8501/maus#TOKEN')
 *     const workers = await manager.getWorkers({ amount: 2, type: 'common' })
 *     await workers.call('add', 1, 2)
 *     await workers.with({ timeout: 1000, signal }).call('add', 1, 2)
 *     for await (const item of workers.stream('count', 10)) ...
 *     await manager.end()
 *
 * Every call completes exactly once: with the value or the exception of one complete execution, or with a named error.
 */
import { ManagerMachine } from './core/manager.js'
import { MausError } from './errors.js'
import { runCallable } from './shell/called_back.js'
import { now } from './shell/clock.js'
import { Driver } from './shell/driver.js'
import { addressesOf, settingsFrom } from './worker.js'
import { Workers } from './workers.js'
import { isGoodTypeName } from './wire/signature.js'

function invalid(text) {
    return new MausError('invalid_argument', text)
}

function isCount(value, least) {
    return Number.isInteger(value) && value >= least && value < 2 ** 32
}

export class Manager {
    constructor(urls, { liveness = 10, ...options } = {}) {
        this.urls = addressesOf(urls)
        const settings = settingsFrom({ ...options, liveness })
        this.machine = new ManagerMachine(settings, this.urls)
        this.driver = new Driver(this.machine, this.handlers())
        this.groups = new Map()
        this.error = null
        this.isEnded = false
        this.driver.turn()
    }

    handlers() {
        return {
            settle: (call, failed, signature, payload) => call.settled(failed, signature, payload),
            item: (call, items) => call.stream.came(items),
            progress: (call, fraction, text) => call.progressed(fraction, text),
            callback: asked => runCallable(this.driver, asked),
            group: group => {
                const workers = this.groups.get(group)
                if (workers) workers.changed()
            },
            refused: error => this.wasRefused(error),
        }
    }

    /**
     * Requests workers and waits until they are there. amount 0: all that are free, at least one. With min or max the
     * request is elastic: it grows while nobody else waits. Without any number amount is 1.
     */
    async getWorkers({ amount, min, max, type = 'default', timeout, signal, wait = true } = {}) {
        if (this.isEnded) throw this.error || new MausError('shutdown', 'the manager ended')
        if (!isGoodTypeName(type)) throw invalid(`${type} is no type of a worker`)
        let range = null
        if (min !== undefined || max !== undefined) {
            range = [min === undefined ? 1 : min, max || 0]
            if (amount !== undefined || !isCount(range[0], 1) || !isCount(range[1], 0) || (range[1] && range[1] < range[0])) {
                throw invalid('an elastic request has a min of 1 at least, a max that is no less, and no amount')
            }
        }
        const wanted = range ? range[0] : amount === undefined ? 1 : amount
        if (!isCount(wanted, 0)) throw invalid(`${wanted} is no amount of workers`)
        const group = this.machine.request(type, wanted, range)
        const workers = new Workers(this, group)
        this.groups.set(group, workers)
        this.driver.wake()
        if (!wait) return workers
        try {
            return await workers.ready({ timeout, signal })
        } catch (wrong) {
            workers.release()
            throw wrong
        }
    }

    /** What happened: violations, staleAnswers, reassigned, and so on. */
    get counters() {
        return { ...this.machine.counters }
    }

    wasRefused(error) {
        this.error = error
        if (this.machine.sessions.every(each => each.state === 'refused')) this.finish(error)
    }

    /** Gives all workers back, and ends. What is not settled fails with `cancelled`. */
    async end() {
        if (!this.isEnded) this.finish(new MausError('cancelled', 'the manager ended'))
    }

    finish(error) {
        const { machine, driver } = this
        this.isEnded = true
        for (const group of this.groups.keys()) {
            for (const each of [...group.calls]) machine.settle(each, new MausError(error.code, error.message), now())
        }
        machine.stop(now())
        for (const each of this.groups.values()) each.fail(error)
        if (driver.inTurn) return queueMicrotask(() => this.close())
        driver.turn()
        this.close()
    }

    close() {
        this.driver.turn()
        this.driver.end()
    }
}
