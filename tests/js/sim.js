/**
 * Managers and workers that ship, with simulated time and network and a small parkserver, under faults by a seed.
 *
 * At the end all is healthy, and every call must have been settled once, as the promise says.
 */
import assert from 'node:assert/strict'

import { Call, DEFAULT_OPTIONS } from '../../lib/js/src/core/calls.js'
import { Heap } from '../../lib/js/src/core/heap.js'
import { ManagerMachine } from '../../lib/js/src/core/manager.js'
import { settingsOf } from '../../lib/js/src/core/session.js'
import { WorkerMachine } from '../../lib/js/src/core/worker.js'
import { recordWithPayload } from '../../lib/js/src/wire/batch.js'
import { RELAY, control, leaseKey, leaseOfRelay, readControl } from '../../lib/js/src/wire/messages.js'
import { decodeOne, encodeOne, parse, parseType } from '../../lib/js/src/wire/signature.js'

const ECHO = parse('echo(i64)->i64')
const COUNT = parse('count(i64)->stream<i64>')
const I64 = parseType('i64')
const POISON = 2 ** 40
const EVENTS_MAX = 300000
const BYTES_MAX = 1 << 20
const NO_BYTES = new Uint8Array(0)

/** One connection of a peer to the parkserver: messages in order, each after its delay. */
class Connection {
    constructor(sim, process, id) {
        Object.assign(this, { sim, process, id, isUp: true, last: { up: 0, down: 0 }, peer: null })
    }

    later(way, run) {
        const when = Math.max(this.last[way], this.sim.now + this.sim.delay()) + 0.001
        this.last[way] = when
        this.sim.at(when, () => this.isUp && run())
    }

    /** To the parkserver. */
    send(frames) {
        this.later('up', () => this.sim.park.heard(this, frames))
    }

    /** To the peer. */
    answer(frames) {
        this.later('down', () => this.process.hear(machine => machine.heard(this.id, frames, this.sim.now)))
    }

    say(name, body, extensions) {
        this.answer([control(name, body, extensions)])
    }

    cut() {
        if (!this.isUp) return
        this.isUp = false
        this.sim.at(this.sim.now + this.sim.delay(), () => {
            this.sim.park.lost(this)
            this.process.hear(machine => machine.closed(this.id, this.sim.now))
        })
    }
}

/** Knows who is free, brings them together and relays. */
class Park {
    constructor(sim) {
        this.sim = sim
        this.epoch = 0
        this.restart()
    }

    restart() {
        this.epoch += 1000
        this.sequence = 0
        this.free = new Set() // connections of workers
        this.leases = new Map() // key -> {lease, worker, manager}
        this.requests = new Map() // manager's connection -> request
    }

    heard(connection, frames) {
        if (frames[0][4] === RELAY) return this.relay(connection, frames)
        const { name, body } = readControl(frames[0], 16384)
        if (name === 'register_worker' || name === 'register_manager') {
            connection.peer = body
            if (body.free) this.free.add(connection)
            if (body.serving) this.leases.set(leaseKey(body.serving.lease), { lease: body.serving.lease, worker: connection, manager: null })
            const { interval_ms, liveness } = body
            connection.say('registered', {
                parkserver: 'cc'.repeat(16), epoch: this.epoch, interval_ms, liveness, features: [], limits: new Map(),
            })
        } else if (!connection.peer) {
            connection.say('register_again', {})
        } else if (name === 'ping') {
            connection.say('pong', body)
        } else if (name === 'request') {
            this.requests.set(connection, body)
        } else if (name === 'available') {
            this.endLeases(each => each.worker === connection)
            this.free.add(connection)
        } else if (name === 'refused' || name === 'worker_lost') {
            this.endLeases(each => leaseKey(each.lease) === leaseKey(body.lease))
        }
        this.match()
    }

    match() {
        for (const [manager, request] of this.requests) {
            for (const worker of this.free) {
                const lease = [this.epoch, ++this.sequence]
                this.free.delete(worker)
                this.leases.set(leaseKey(lease), { lease, worker, manager })
                worker.say('assign', { lease, token: request.token, manager: manager.peer.manager, endpoints: [] })
            }
        }
    }

    relay(connection, frames) {
        const lease = leaseOfRelay(frames[0])
        const known = this.leases.get(leaseKey(lease))
        const other = known && (known.worker === connection ? known.manager : known.manager === connection ? known.worker : null)
        if (other) other.answer(frames)
        else connection.say('lease_ended', { lease, why: 'no such lease' })
    }

    endLeases(isMeant) {
        for (const [key, each] of this.leases) {
            if (!isMeant(each)) continue
            this.leases.delete(key)
            for (const end of [each.worker, each.manager]) {
                if (end && end.isUp) end.say('lease_ended', { lease: each.lease, why: 'its other end is gone' })
            }
        }
    }

    lost(connection) {
        this.free.delete(connection)
        this.requests.delete(connection)
        this.endLeases(each => each.worker === connection || each.manager === connection)
    }
}

/** A machine that may be paused, and die. */
class Process {
    constructor(sim, machine) {
        Object.assign(this, { sim, machine, isAlive: true, awakeAt: 0, inbox: [], timer: 0, connections: new Map() })
        sim.at(sim.now, () => this.turn())
    }

    hear(action) {
        if (!this.isAlive) return
        if (this.sim.now < this.awakeAt) return this.inbox.push(action)
        action(this.machine)
        this.turn()
    }

    wake() {
        while (this.inbox.length && this.isAlive) this.inbox.shift()(this.machine)
        this.turn()
    }

    turn() {
        const { sim, machine } = this
        if (!this.isAlive || sim.now < this.awakeAt) return
        machine.advance(sim.now)
        this.beforeFlush()
        for (let effects = this.flushed(); effects.length && this.isAlive; effects = this.flushed()) {
            for (const [name, ...more] of effects) this[name](...more)
            this.beforeFlush()
        }
        const timer = ++this.timer
        const due = Math.max(machine.nextDeadline(), sim.now + 1)
        if (due < Infinity) sim.at(due, () => timer === this.timer && this.turn())
    }

    flushed() {
        this.machine.flush(this.sim.now)
        return this.machine.take()
    }

    beforeFlush() {}

    connect(id) {
        const made = new Connection(this.sim, this, id)
        this.connections.set(id, made)
        made.later('down', () => this.hear(machine => machine.connected(id, this.sim.now, BYTES_MAX)))
    }

    close(id) {
        const connection = this.connections.get(id)
        this.connections.delete(id)
        if (connection) this.sim.at(Math.max(connection.last.up, this.sim.now) + 0.002, () => connection.cut())
    }

    send(id, frames) {
        const connection = this.connections.get(id)
        if (connection && connection.isUp) connection.send(frames)
    }

    cut() {
        for (const each of this.connections.values()) each.cut()
    }
}

class WorkerProcess extends Process {
    constructor(sim) {
        super(sim, new WorkerMachine(sim.settings(), 'sim', [ECHO, COUNT], sim.chance.of([1, 1, 2, 4]), ['ws://park']))
        this.queue = []
        this.running = 0
    }

    beforeFlush() {
        if (this.machine.isDraining && !this.running) this.machine.drained(this.sim.now)
    }

    calls(calls) {
        this.queue.push(...calls)
        this.start()
    }

    forget() {
        this.queue = []
    }

    over() {}

    more(call, items, bytes) {
        call.creditItems += items
        call.creditBytes += bytes
        if (call.run) this.give(call)
    }

    cancelled(call) {
        if (!call.run) return
        call.run = null
        if (call.line.settle(call)) call.line.fail(call, 'cancelled', '', 'cancelled')
    }

    say(call, number, payload, more = () => {}) {
        const { bytes, apart } = recordWithPayload(number, out => {
            out.u64(call.call)
            out.u32(call.attempt)
            more(out)
        }, payload)
        call.line.outlet.add(call.key, bytes, apart)
    }

    start() {
        const { sim } = this
        while (this.queue.length && this.running < this.machine.concurrency) {
            const call = this.queue.shift()
            const { line } = call
            if (call.isCancelled) {
                if (line.settle(call)) line.batch.attempt(4, call.call, call.attempt)
                continue
            }
            if (sim.now >= line.until) continue
            const [number] = call.signature.decodeArguments(call.payload)
            sim.executed(call)
            if (call.atMostOnce) line.batch.attempt(6, call.call, call.attempt)
            if (number >= POISON) {
                this.running++
                sim.at(sim.now + 1, () => this.die())
            } else if (call.signature === COUNT) {
                call.run = { given: 0, number }
                line.batch.attempt(5, call.call, call.attempt)
                this.give(call)
            } else {
                this.running++
                sim.at(sim.now + sim.chance.of([0, 1, 1, 20]), () => this.finish(call, number))
            }
        }
    }

    finish(call, number) {
        if (!this.isAlive) return
        if (this.sim.now < this.awakeAt) return this.sim.at(this.awakeAt, () => this.finish(call, number))
        this.running--
        if (call.line.settle(call)) this.say(call, 2, encodeOne(I64, number))
        this.start()
        this.turn()
    }

    /** Items while there is credit; each is its place in the stream. */
    give(call) {
        const { run } = call
        for (; run.given < run.number; run.given++) {
            if (call.skip) {
                call.skip--
                continue
            }
            if (call.creditItems <= 0 || call.creditBytes <= 0) return
            call.creditItems--
            call.creditBytes -= 8
            this.say(call, 14, encodeOne(I64, run.given), out => out.u32(1))
        }
        call.run = null
        if (call.line.settle(call)) this.say(call, 2, NO_BYTES)
    }

    die() {
        if (!this.isAlive) return
        this.isAlive = false
        this.cut()
        this.sim.at(this.sim.now + this.sim.chance.below(500), () => this.sim.newWorker())
    }
}

class ManagerProcess extends Process {
    constructor(sim) {
        super(sim, new ManagerMachine(sim.settings(), ['ws://park']))
    }

    settle(call, failed, signature, payload) {
        this.sim.settled(call, failed, payload)
    }

    item(call, items) {
        assert.deepEqual(items.map(each => decodeOne(I64, each)), [call.stream.read], 'an item is lost or comes twice')
        call.stream.read++
        this.machine.giveCredit(call, 1, 8)
    }

    group() {}
}

export class Sim {
    constructor(chance) {
        this.chance = chance
        this.now = 10000
        this.heap = new Heap()
        this.count = 0
        this.workers = []
        this.all = new Map() // call -> number
        this.outcomes = new Map()
        this.starts = new Map()
        this.chaos = true
        this.isSlow = chance.is(0.3)
        this.park = new Park(this)
        this.manager = new ManagerProcess(this)
        this.group = this.manager.machine.request('sim', 0)
        for (let i = chance.below(4); i >= 0; i--) this.newWorker()
    }

    settings() {
        const { random, randomBytes } = this.chance
        return settingsOf({ interval: 100, liveness: 3, random, randomBytes })
    }

    delay() {
        return this.chance.below(this.isSlow && this.chaos ? 100 : 3) / 2
    }

    at(when, run) {
        this.heap.push(when + this.count++ * 1e-7, run) // of one moment, in order
    }

    run(until) {
        while (this.heap.least <= until) {
            this.now = Math.max(this.now, this.heap.least)
            this.heap.pop()()
            assert.ok(this.count < EVENTS_MAX, 'it goes round in circles')
        }
        this.now = until
    }

    newWorker() {
        this.workers = this.workers.filter(each => each.isAlive)
        this.workers.push(new WorkerProcess(this))
    }

    call() {
        const { chance } = this
        const options = {
            ...DEFAULT_OPTIONS, atMostOnce: chance.is(0.2), maxCrashes: chance.of([1, 3, 3]),
            attemptTimeout: chance.of([0, 0, 500]), replayable: chance.is(0.5),
        }
        const deadline = chance.is(0.1) ? this.now + 1 + chance.below(2000) : Infinity
        const kind = chance.next()
        const isStream = kind < 0.1
        const number = isStream ? chance.below(20) : this.all.size + 1 + (kind < 0.13 ? POISON : 0)
        const stream = isStream ? { read: 0, room: () => [5, 1000] } : null
        const call = new Call(isStream ? 'count' : 'echo', null, [number], options, deadline, stream)
        this.all.set(call, number)
        this.manager.machine.call(this.group, call, this.now)
        if (chance.is(0.03)) this.at(this.now + chance.below(100), () => this.manager.machine.cancel(call, this.now))
        this.manager.turn()
    }

    executed(call) {
        const starts = (this.starts.get(call.call) || 0) + 1
        this.starts.set(call.call, starts)
        if (call.atMostOnce) assert.equal(starts, 1, 'an at_most_once call was started twice')
    }

    settled(call, failed, payload) {
        assert.ok(!this.outcomes.has(call), 'a call was settled twice')
        this.outcomes.set(call, failed)
        const number = this.all.get(call)
        if (!failed) {
            assert.ok(this.starts.get(call.number) >= 1)
            if (call.stream) assert.equal(call.stream.read, number, 'a stream is not whole')
            else assert.equal(decodeOne(I64, payload), number, 'the value of another call')
            return
        }
        const { options } = call
        const isAllowed = {
            poisoned: !options.atMostOnce && failed.attempts.length >= options.maxCrashes,
            maybe_executed: options.atMostOnce,
            stream_broken: call.stream && !options.replayable && failed.delivered === call.stream.read,
            deadline_exceeded: call.deadline < Infinity,
            attempt_timeout: options.attemptTimeout > 0,
            cancelled: true,
        }[failed.code]
        assert.ok(isAllowed, `${failed.code} for no reason: ${failed.message}`)
    }

    fault() {
        const { chance } = this
        const kind = chance.next()
        if (!this.workers.length) return
        const worker = chance.of(this.workers)
        if (kind < 0.3) return worker.die()
        if (kind < 0.5) return worker.cut()
        if (kind < 0.6) return this.manager.cut()
        if (kind < 0.7) return this.restartPark()
        const process = kind < 0.9 ? worker : this.manager
        process.awakeAt = this.now + chance.below(1000)
        this.at(process.awakeAt, () => process.wake())
    }

    restartPark() {
        for (const each of [this.manager, ...this.workers]) each.cut()
        this.park.restart()
    }

    play() {
        const { chance } = this
        const end = this.now + 1000 * (1 + chance.below(4))
        while (this.now < end) {
            this.run(this.now + 1 + chance.below(40))
            for (let i = chance.of([0, 1, 1, 5]); i > 0; i--) this.call()
            if (chance.is(0.15)) this.fault()
        }
        this.chaos = false
        this.run(this.now + 60000)
        const left = [...this.all.keys()].filter(each => !this.outcomes.has(each))
        assert.equal(left.length, 0, `calls were never settled: ${left.slice(0, 5).map(each => `${each.number} ${each.state}`)}`)
        for (const each of this.manager.machine.links.values()) assert.ok(each.isIdle, 'calls are held though all are settled')
    }
}
