/** The worker's machine without sockets: what it says, word for word. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MausError } from '../../lib/js/src/errors.js'
import { WorkerMachine } from '../../lib/js/src/core/worker.js'
import { parse } from '../../lib/js/src/wire/signature.js'
import { TAG, control, readControl } from '../../lib/js/src/wire/messages.js'
import { Writer } from '../../lib/js/src/wire/bytes.js'
import { ABOUT, BYTES_MAX, Desk, LEASE, MANAGER, TOKEN, callRecord, record, settings } from './desk.js'

const ADD = parse('add(i32,i32)->i32')
const EACH = parse('each(...)->stream<any>')
const APPLY = parse('apply(fn<i32(i32)>)->i32')
const names = said => said.map(each => each[0])

function registered(more) {
    const desk = new Desk(new WorkerMachine(settings(more), 'zoo', [EACH, ADD, APPLY], 1, ['ws://here/maus']))
    desk.registration = desk.registered()
    return desk
}

function assigned(desk, lease = LEASE) {
    desk.hearsControl('assign', { lease, token: TOKEN, manager: MANAGER, endpoints: ['tcp://127.0.0.1:1'] })
}

function linked(more) {
    const desk = registered(more)
    assigned(desk)
    const [[name, hello]] = desk.records()
    assert.equal(name, 'hello')
    assert.equal(hello.token, TOKEN)
    assert.deepEqual(hello.lease, LEASE)
    desk.take()
    desk.hearsRecords(LEASE, record('welcome', { manager: MANAGER, incarnation: 1, stamp: hello.stamp, ...ABOUT }))
    desk.hello = hello
    return desk
}

test('registers: plain signatures in the body, the others in extensions, and its limit', () => {
    const desk = registered()
    const { name, body, extensions } = readControl(desk.registration[0][2][0], 1000)
    assert.equal(name, 'register_worker')
    assert.deepEqual(body.signatures, ['add(i32,i32)->i32'])
    assert.deepEqual(extensions.map(each => each[0]), [TAG.dynamicFunctions, TAG.referenceFunctions])
    assert.equal(body.limits.get(1), BYTES_MAX - 65536)
    assert.ok(body.free)
})

test('serves a lease, over the relay whatever addresses its manager has', () => {
    const desk = linked()
    assert.deepEqual(names(desk.records()), ['ping'])
    desk.hearsRecords(LEASE, callRecord(), callRecord(2))
    const [[, calls]] = desk.take('calls')
    assert.deepEqual(calls.map(each => ADD.decodeArguments(each.payload)), [[1, 2], [1, 2]])
    const { line } = desk.machine
    for (const each of calls) {
        assert.ok(line.settle(each))
        line.batch.attempt(2, each.call, each.attempt)
    }
    assert.deepEqual(desk.records(), [['result', { call: 1, attempt: 1 }], ['result', { call: 2, attempt: 1 }]])
    assert.ok(!line.settle(calls[0])) // nobody waits for a second answer
    desk.hearsRecords(LEASE, record('manager_goodbye', { error: 6, why: '' }))
    assert.ok(desk.machine.isDraining)
    desk.machine.drained(desk.now)
    assert.deepEqual(desk.controls(), [['available', { lease: LEASE }]])
})

test('refuses a second offer', () => {
    const desk = registered()
    assigned(desk)
    assert.deepEqual(desk.controls(), [['accepted', { lease: LEASE }]])
    assigned(desk, [7, 2])
    assert.deepEqual(names(desk.controls()), ['refused'])
})

test('[P-35] a lease runs out; an old stamp prolongs nothing', () => {
    const desk = linked()
    desk.now += 2000
    desk.hearsRecords(LEASE, record('pong', { stamp: 100000 * 1000 }))
    desk.turn()
    assert.ok(!desk.machine.isDraining)
    desk.now += 1000
    desk.turn()
    assert.ok(desk.machine.isDraining)
})

test('a stamp from the future ends the link', () => {
    const desk = linked()
    desk.take()
    desk.hearsRecords(LEASE, record('pong', { stamp: (desk.now + 1) * 1000 }))
    assert.deepEqual(names(desk.records()), ['goodbye'])
    assert.ok(desk.machine.isDraining)
})

test('a manager that does not take it: it rests, longer each time', () => {
    const desk = registered()
    const rests = [1, 2, 3].map(sequence => {
        assigned(desk, [7, sequence])
        desk.take()
        desk.hearsRecords([7, sequence], record('rejected_by', { manager: MANAGER }), record('reject', { error: 6, why: 'no' }))
        desk.machine.drained(desk.now)
        assert.deepEqual(desk.controls(), [])
        const before = desk.now
        while (!desk.controls().length) desk.now += 1
        return desk.now - before
    })
    assert.deepEqual(rests, [50, 100, 200])
})

test('its manager does not answer: link_timeout', () => {
    const desk = registered()
    assigned(desk)
    desk.take()
    desk.hearsControl('pong', { stamp: 1 })
    for (let i = 0; i < 5; i++) {
        desk.now += 1000
        desk.hearsControl('pong', { stamp: 1 })
        desk.turn()
    }
    assert.ok(desk.machine.isDraining)
})

test('a lost parkserver ends the relayed lease, and it registers again ([P-19], [P-46])', () => {
    const desk = linked()
    desk.take()
    desk.machine.closed(desk.park, desk.now)
    desk.turn()
    assert.ok(desk.machine.isDraining)
    desk.machine.drained(desk.now)
    assert.equal(desk.take('connect').length, 0)
    desk.now += 500
    assert.equal(desk.take('connect').length, 1)
})

test('the delays are doubled while registrations do not last', () => {
    const desk = new Desk(new WorkerMachine(settings({ random: () => 0 }), 'zoo', [ADD], 1, ['ws://here/maus']))
    const waits = []
    for (let i = 0; i < 8; i++) {
        const before = desk.now
        let made = desk.take('connect')
        while (!made.length) {
            desk.now += 1
            made = desk.take('connect')
        }
        waits.push(desk.now - before)
        desk.machine.closed(made[0][1], desk.now)
    }
    assert.deepEqual(waits, [0, 100, 200, 400, 800, 1600, 3200, 5000])
})

test('a token that is turned away is not tried again', () => {
    const desk = new Desk(new WorkerMachine(settings(), 'zoo', [ADD], 1, ['ws://here/maus']))
    const [[, connection]] = desk.take('connect')
    desk.machine.closed(connection, desk.now, new MausError('auth_failed', 'the token is unknown'))
    const [[, error]] = desk.take('refused')
    assert.equal(error.code, 'auth_failed')
    desk.now += 60000
    assert.equal(desk.take('connect').length, 0)
    assert.equal(desk.machine.nextDeadline(), Infinity)
})

test('unknown types are answered, or skipped from 128 upward', () => {
    const desk = linked()
    desk.take()
    const unknown = number => Uint8Array.of(1, 0, 0, 0, number, 0, 0, 0, 65)
    desk.hearsRecords(LEASE, unknown(100), unknown(200))
    assert.deepEqual(desk.records(), [['unimplemented', { type: 100 }]])
    for (const number of [100, 200]) desk.hears([Uint8Array.of(0x4d, 0x41, 0x55, 1, 1, number, 0, 0)])
    assert.deepEqual(desk.controls(), [['unimplemented', { type: 100 }]])
})

test('leaves: returns what it has not started, answers what it has', () => {
    const desk = linked()
    desk.take()
    desk.hearsRecords(LEASE, callRecord(1), callRecord(2))
    const [[, [runs, waits]]] = desk.take('calls')
    desk.machine.stop([waits], desk.now)
    desk.hearsRecords(LEASE, callRecord(3)) // it was on its way
    assert.deepEqual(desk.records(), [['returned', { call: 2, attempt: 1 }], ['returned', { call: 3, attempt: 1 }]])
    const { line } = desk.machine
    line.settle(runs)
    line.batch.attempt(2, runs.call, runs.attempt)
    desk.machine.finishStop(desk.now)
    assert.deepEqual(names(desk.records()), ['result', 'goodbye'])
    assert.deepEqual(desk.controls(), [['goodbye', { why: 'this worker leaves' }]])
    assert.deepEqual(names(desk.take()).slice(-1), ['stopped'])
})

test('holds as many calls as its limit says', () => {
    const desk = linked({ limits: { callsPerWorkerMax: 2 } })
    desk.take()
    const nested = [[TAG.nested, new Uint8Array(0)]]
    desk.hearsRecords(LEASE, callRecord(1), callRecord(2), callRecord(3), callRecord(4, { extensions: nested }))
    const [[name, fields]] = desk.records()
    assert.equal(name, 'failed')
    assert.deepEqual([fields.call, fields.error], [3, 13])
    assert.equal(desk.machine.line.held.size, 3) // a nested one has room of its own
})

test('what travels with a call', () => {
    const desk = linked()
    const bytes = write => {
        const out = new Writer()
        write(out)
        return out.done()
    }
    desk.hearsRecords(LEASE, callRecord(1, {
        index: 1,
        extensions: [
            [TAG.timeLeft, bytes(out => out.u64(2_000_000_000))], [TAG.label, bytes(out => out.raw(Buffer.from('nightly')))],
            [TAG.trace, Uint8Array.from({ length: 25 }, (_, i) => i)],
            [TAG.streamCredit, bytes(out => { out.u32(3); out.u64(1000); out.u64(2) })], [40000, new Uint8Array(3)],
        ],
    }))
    const [[, [call]]] = desk.take('calls')
    assert.equal(call.signature, EACH)
    assert.equal(call.deadline, desk.now + 2000)
    assert.equal(call.label, 'nightly')
    assert.equal(call.trace, '00-000102030405060708090a0b0c0d0e0f-1011121314151617-18')
    assert.deepEqual([call.creditItems, call.creditBytes, call.skip], [3, 1000, 2])
})

test('violations end the link: a wrong extension, a feature that was not named', () => {
    for (const wrong of [
        callRecord(1, { extensions: [[TAG.timeLeft, new Uint8Array(3)]] }), callRecord(1, { extensions: [[TAG.label, new Uint8Array(0)]] }),
        record('manager_taken', { bytes: 1 }), record('hello', desk0().hello), Uint8Array.of(1, 0, 0, 0, 35, 8, 0, 0, 1),
    ]) {
        const desk = linked()
        desk.take()
        desk.hearsRecords(LEASE, wrong)
        assert.deepEqual(names(desk.records()), ['goodbye'])
        assert.ok(desk.machine.isDraining)
    }
})

function desk0() {
    return linked()
}

test('lease_ended ends a lease, and only this one', () => {
    const desk = linked()
    desk.hearsControl('lease_ended', { lease: [7, 9], why: '' })
    assert.ok(!desk.machine.isDraining)
    desk.hearsControl('lease_ended', { lease: LEASE, why: '' })
    assert.ok(desk.machine.isDraining)
})

test('register_again: it says what it is serving', () => {
    const desk = linked()
    desk.take()
    desk.hears([control('register_again', {})])
    const [[name, body]] = desk.controls()
    assert.equal(name, 'register_worker')
    assert.deepEqual(body.serving, { lease: LEASE, manager: MANAGER, token: TOKEN })
    assert.ok(!body.free)
})
