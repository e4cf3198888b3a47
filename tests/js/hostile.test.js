/** Whatever a peer says, a machine goes on: bytes by chance, made of the golden ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Call, DEFAULT_OPTIONS } from '../../lib/js/src/core/calls.js'
import { ManagerMachine } from '../../lib/js/src/core/manager.js'
import { WorkerMachine } from '../../lib/js/src/core/worker.js'
import { relayHeader } from '../../lib/js/src/wire/messages.js'
import { unpackFrames } from '../../lib/js/src/wire/frames.js'
import { parse } from '../../lib/js/src/wire/signature.js'
import { forSeeds } from './chance.js'
import { ABOUT, Desk, LEASE, MANAGER, TOKEN, WORKER, record, settings } from './desk.js'
import { filesOf, framesOf } from './golden_files.js'

const GOLDEN = ['link', 'control', 'frames'].flatMap(filesOf).map(each => framesOf(each).frames)
const SIGNATURES = ['add(i32,i32)->i32', 'count(i32)->stream<any>', 'any(...)->any'].map(parse)

function framesBy(chance) {
    const frames = chance.of(GOLDEN).map(each => each.slice())
    for (let i = chance.below(3); i > 0; i--) {
        const frame = chance.of(frames)
        if (frame.length) frame[chance.below(frame.length)] = chance.of([0, 1, 255, chance.below(256)])
    }
    if (chance.is(0.2)) frames[0] = frames[0].slice(0, chance.below(frames[0].length + 1))
    if (frames[0][4] === 2 && chance.is(0.9)) frames.unshift(relayHeader(chance.is(0.9) ? LEASE : [1, chance.below(3)]))
    return frames
}

test('a worker', () => forSeeds(300, chance => {
    const desk = new Desk(new WorkerMachine(settings(), 'zoo', SIGNATURES, 1, ['ws://here']))
    desk.registered()
    for (let i = 0; i < 60; i++) {
        if (i % 20 === 0) {
            desk.hearsControl('assign', { lease: LEASE, token: TOKEN, manager: MANAGER, endpoints: [] })
            desk.hearsRecords(LEASE, record('welcome', { manager: MANAGER, incarnation: 1, stamp: 1, ...ABOUT }))
        }
        desk.hears(framesBy(chance))
        desk.turn()
        if (desk.machine.isDraining) desk.machine.drained(desk.now)
    }
}))

test('a manager: and every call is settled', () => forSeeds(300, chance => {
    const desk = new Desk(new ManagerMachine(settings(), ['ws://here']))
    desk.registered()
    const group = desk.machine.request('zoo', 0)
    const calls = []
    for (let i = 0; i < 60; i++) {
        if (i % 20 === 0) {
            desk.hearsRecords(LEASE, record('hello', {
                token: group.token, worker: WORKER, incarnation: 1, lease: LEASE, type: 'zoo', concurrency: 1, host: '', pid: 1,
                signatures: ['add(i32,i32)->i32', 'count(i32)->stream<any>'], stamp: 1, ...ABOUT,
            }))
            calls.push(new Call('add', null, [1, 2], DEFAULT_OPTIONS, Infinity, null))
            calls.push(new Call('count', null, [1], DEFAULT_OPTIONS, Infinity, { room: () => [5, 100] }))
            for (const each of calls.slice(-2)) desk.machine.call(group, each, desk.now)
        }
        desk.hears(framesBy(chance))
        desk.turn()
    }
    desk.machine.stop(desk.now)
    const settled = desk.take('settle').map(each => each[1].number).sort((a, b) => a - b)
    assert.deepEqual(settled, calls.map(each => each.number))
}))

test('messages of a WebSocket', () => forSeeds(2000, chance => {
    const raw = Uint8Array.from({ length: chance.below(40) }, () => chance.of([0, 1, 4, 255]))
    const frames = unpackFrames(raw)
    if (frames) assert.equal(frames.reduce((sum, each) => sum + 4 + each.length, 0), raw.length)
}))
