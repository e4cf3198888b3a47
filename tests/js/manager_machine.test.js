/** The manager's machine without sockets: what it says, word for word, and what becomes of calls. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Call, DEFAULT_OPTIONS } from '../../lib/js/src/core/calls.js'
import { splitItems } from '../../lib/js/src/core/conversation.js'
import { ManagerMachine } from '../../lib/js/src/core/manager.js'
import { Violation } from '../../lib/js/src/errors.js'
import { parse } from '../../lib/js/src/wire/signature.js'
import { ABOUT, Desk, LEASE, WORKER, answerRecord, record, settings } from './desk.js'

const OTHER = 'dd'.repeat(16)
const names = said => said.map(each => each[0])

function requested(amount = 1, range) {
    const desk = new Desk(new ManagerMachine(settings(), ['ws://here/maus']))
    desk.registered()
    desk.take()
    desk.group = desk.machine.request('zoo', amount, range)
    const [[name, body]] = desk.controls()
    assert.equal(name, 'request')
    desk.token = body.token
    return desk
}

function hello(desk, { lease = LEASE, worker = WORKER, concurrency = 1, incarnation = 1, token = desk.token,
    signatures = ['add(i32,i32)->i32'], about = ABOUT } = {}) {
    desk.hearsRecords(lease, record('hello', {
        token, worker, incarnation, lease, type: 'zoo', signatures, concurrency, host: 'h', pid: 1, stamp: 5, ...about,
    }))
}

function called(desk, options = {}, name = 'add', args = [1, 2]) {
    const { deadline = Infinity, stream = null, ...more } = options
    const call = new Call(name, null, args, { ...DEFAULT_OPTIONS, ...more }, deadline, stream)
    desk.machine.call(desk.group, call, desk.now)
    return call
}

const settled = desk => desk.take('settle').map(([, call, failed]) => [call, failed ? failed.code : null])
const result = call => answerRecord('result', { call: call.number, attempt: call.attempt }, Uint8Array.of(3, 0, 0, 0))

test('registers without endpoints, so that it is relayed', () => {
    const desk = new Desk(new ManagerMachine(settings(), ['ws://here/maus']))
    const [connection] = desk.take('connect')
    desk.machine.connected(connection[1], desk.now, 1 << 20)
    const [[name, body]] = desk.controls()
    assert.equal(name, 'register_manager')
    assert.deepEqual(body.endpoints, [])
})

test('calls, and takes the first answer only', () => {
    const desk = requested()
    hello(desk)
    assert.equal(desk.records()[0][0], 'welcome')
    const call = called(desk)
    assert.deepEqual(desk.records(), [['call', { call: call.number, attempt: 1 }]])
    desk.hearsRecords(LEASE, result(call), result(call))
    assert.deepEqual(settled(desk), [[call, null]])
    assert.equal(desk.machine.counters.staleAnswers, 1)
})

test('an unknown token is rejected', () => {
    const desk = requested()
    hello(desk, { token: OTHER })
    assert.deepEqual(names(desk.records()), ['rejected_by', 'reject'])
    hello(desk, { token: '00'.repeat(16) })
    assert.deepEqual(names(desk.records()), ['rejected_by', 'reject'])
    assert.equal(desk.machine.links.size, 0)
})

test('items of one record', () => {
    const bytes = (...some) => Uint8Array.from(some)
    assert.deepEqual(splitItems(1, bytes(1, 2)), [bytes(1, 2)])
    assert.deepEqual(splitItems(3, bytes(1, 0, 0, 0, 9, 0, 0, 0, 0, 2, 0, 0, 0, 8, 7)), [bytes(9), bytes(), bytes(8, 7)])
    for (const [count, raw] of [[2, bytes()], [2, bytes(1, 0, 0, 0, 9)], [2, bytes(255, 0, 0, 0, 9)], [2, new Uint8Array(12)],
        [2, bytes(0, 0)]]) assert.throws(() => splitItems(count, raw), Violation)
})

/** Calls of one worker that is lost. */
function lostWith(count, { concurrency = 1, ...options } = {}) {
    const desk = requested()
    hello(desk, { concurrency })
    const calls = Array.from({ length: count }, () => called(desk, options))
    desk.take()
    desk.hearsControl('lease_ended', { lease: LEASE, why: 'gone' })
    desk.turn()
    return [desk, calls]
}

test('[P-49] the first call of a lost worker counts a start, the others none; all are tried alone', () => {
    const [desk, calls] = lostWith(2)
    assert.deepEqual(calls.map(each => each.starts), [1, 0])
    assert.ok(calls.every(each => each.isAlone && each.state === 'queued'))
    assert.deepEqual(names(desk.controls()), ['worker_lost'])
    hello(desk, { lease: [7, 2], worker: OTHER })
    const said = desk.records().filter(each => each[0] === 'call')
    assert.deepEqual(said.map(each => [each[1].call, each[1].attempt]), [[1, 2]])
    assert.deepEqual(calls[0].attempts.map(each => [each.worker, each.why]), [[WORKER, 'gone']])
})

test('[P-49] poisoned at the cap', () => {
    const [desk, [call]] = lostWith(1, { maxCrashes: 1 })
    assert.deepEqual(settled(desk), [[call, 'poisoned']])
})

test('[P-50] at_most_once: maybe_executed', () => {
    const [desk, calls] = lostWith(2, { atMostOnce: true })
    assert.deepEqual(settled(desk), calls.map(each => [each, 'maybe_executed']))
})

test('[P-50] a call for one worker', () => {
    const [desk, [call]] = lostWith(1, { worker: WORKER })
    assert.deepEqual(settled(desk), [[call, 'worker_lost']])
    hello(desk, { lease: [7, 2], worker: OTHER })
    const next = called(desk, { worker: WORKER })
    assert.deepEqual(settled(desk), [[next, 'worker_lost']])
})

test('[P-107] a worker that refuses its lease counts no start', () => {
    const desk = requested()
    hello(desk)
    const call = called(desk)
    desk.take()
    desk.hearsRecords(LEASE, record('goodbye', { error: 6, why: 'no' }))
    assert.deepEqual([call.starts, call.isAlone, call.state], [0, false, 'queued'])
})

test('[P-37] returned: nothing more until its next ping', () => {
    const desk = requested()
    hello(desk)
    const call = called(desk)
    desk.take()
    desk.hearsRecords(LEASE, record('returned', { call: call.number, attempt: 1 }))
    desk.now += 1000
    assert.deepEqual(desk.records(), [])
    desk.hearsRecords(LEASE, record('ping', { stamp: 1 }))
    assert.deepEqual(names(desk.records()), ['pong', 'call'])
})

test('[P-36] silence', () => {
    const desk = requested()
    hello(desk)
    desk.take()
    desk.now += 2000
    desk.hearsControl('pong', { stamp: 1 })
    desk.turn()
    assert.equal(desk.group.links.length, 1)
    desk.now += 1001
    assert.deepEqual(names(desk.controls()), ['worker_lost'])
})

test('[P-72] a worker that has answered nothing holds what it runs and one more', () => {
    const desk = requested()
    hello(desk, { concurrency: 2 })
    for (let i = 0; i < 10; i++) called(desk)
    assert.equal(desk.records().filter(each => each[0] === 'call').length, 3)
})

test('no more workers than were requested', () => {
    const desk = requested()
    hello(desk)
    desk.take()
    hello(desk, { lease: [7, 2], worker: OTHER })
    const [, [name, fields]] = desk.records()
    assert.deepEqual([name, fields.error], ['reject', 6])
})

test('the same worker on a new lease: its older link ends', () => {
    const desk = requested()
    hello(desk)
    const call = called(desk)
    desk.take()
    hello(desk, { lease: [7, 2] })
    assert.equal(desk.group.links.length, 1)
    assert.deepEqual(desk.records([7, 2]).map(each => each[0]), ['welcome', 'call'])
    assert.equal(call.attempt, 2)
})

test('[P-51] a deadline settles a call, whether it was sent or not', () => {
    const desk = requested()
    const waits = called(desk, { deadline: desk.now + 100 })
    hello(desk, { signatures: ['add(i32,i32)->i32'] })
    const runs = called(desk, { deadline: desk.now + 200 })
    const other = called(desk, { deadline: desk.now + 100 })
    desk.take('send')
    desk.now += 100
    assert.deepEqual(settled(desk).sort((a, b) => a[0].number - b[0].number), [[waits, 'deadline_exceeded'], [other, 'deadline_exceeded']])
    desk.now += 100
    assert.deepEqual(settled(desk), [[runs, 'deadline_exceeded']])
    assert.ok(desk.records().some(each => each[0] === 'cancel'))
})

test('[P-52] attempt_timeout: the call fails, its link ends, the others go elsewhere', () => {
    const desk = requested(0)
    hello(desk)
    const hangs = called(desk, { attemptTimeout: 500 })
    const next = called(desk, { attemptTimeout: 500 })
    desk.take()
    desk.now += 501
    assert.deepEqual(settled(desk), [[hangs, 'attempt_timeout']])
    assert.equal(desk.group.links.length, 0)
    assert.deepEqual([next.state, next.starts], ['queued', 0])
})

test('functions that are not there, or are called wrongly', () => {
    const desk = requested()
    hello(desk)
    const codes = (...calls) => calls.map(each => [each, ...settled(desk).filter(some => some[0] === each).map(some => some[1])][1])
    assert.deepEqual(codes(called(desk, {}, 'sub')), ['no_such_function'])
    assert.deepEqual(codes(called(desk, {}, 'add', [1])), ['signature_mismatch'])
    assert.deepEqual(codes(called(desk, {}, 'add', [1, 'x'])), ['bad_arguments'])
    assert.deepEqual(codes(called(desk, {}, 'add', [1, () => 1])), ['signature_mismatch'])
})

test('a connection that was lost: its workers are, it registers again, and says its requests', () => {
    const desk = requested()
    hello(desk)
    const call = called(desk)
    desk.take()
    desk.machine.closed(desk.park, desk.now)
    desk.turn()
    assert.deepEqual([desk.group.links.length, call.state, call.starts], [0, 'queued', 1])
    desk.now += 500
    desk.registered()
    assert.equal(desk.group.links.length, 0)
})

test('[P-102] fair_share: workers without calls are given back first, never below min', () => {
    const desk = requested(1, [1, 0])
    for (let i = 1; i <= 3; i++) hello(desk, { lease: [7, i], worker: `0${i}`.repeat(16) })
    const call = called(desk)
    desk.take()
    desk.hearsControl('fair_share', { request: desk.group.number, workers: 1, newest: [7, 3] })
    desk.turn()
    assert.equal(desk.group.links.length, 1)
    assert.equal(desk.group.links[0], call.link)
    assert.equal(desk.machine.counters.givenBack, 2)
})

test('[P-116] a stream of which items came: stream_broken, or replayed with skip', () => {
    const signatures = ['count(i32)->stream<i32>']
    for (const replayable of [false, true]) {
        const desk = requested()
        hello(desk, { signatures })
        const call = called(desk, { replayable, stream: { room: () => [10, 1000] } }, 'count', [3])
        desk.take()
        const item = answerRecord(14, { call: call.number, attempt: 1 }, Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0))
        desk.hearsRecords(LEASE, item)
        assert.equal(desk.take('item').length, 1)
        desk.hearsControl('lease_ended', { lease: LEASE, why: '' })
        if (replayable) {
            hello(desk, { lease: [7, 2], worker: OTHER, signatures })
            desk.turn()
            assert.deepEqual([call.state, call.attempt, call.delivered], ['sent', 2, 1])
        } else {
            assert.deepEqual(settled(desk), [[call, 'stream_broken']])
        }
    }
})

test('release: its calls are cancelled, its workers are given back', () => {
    const desk = requested()
    hello(desk)
    const call = called(desk)
    desk.take()
    desk.machine.release(desk.group, desk.now)
    assert.deepEqual(settled(desk), [[call, 'cancelled']])
    assert.deepEqual(names(desk.records()), ['manager_goodbye'])
    assert.deepEqual(desk.controls(), [['cancel', { request: 1 }]])
})
