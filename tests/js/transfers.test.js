/** [P-82] to [P-86]: what is cut at one end is put together at the other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Arrivals, Outlet } from '../../lib/js/src/core/transfers.js'
import { Violation } from '../../lib/js/src/errors.js'
import { Batch, recordWithPayload } from '../../lib/js/src/wire/batch.js'
import { Reader } from '../../lib/js/src/wire/bytes.js'
import { payloadOf, readLink } from '../../lib/js/src/wire/messages.js'

class Pipe {
    constructor(pieceMost = 10_000_000) {
        this.batch = new Batch()
        this.outlet = new Outlet(this.batch, 'manager_part', pieceMost)
        this.arrivals = new Arrivals()
        this.outlet.isOn = this.arrivals.isOn = true
        this.came = []
        this.frames = []
        this.now = 0
    }

    add(key, payload) {
        const { bytes, apart } = recordWithPayload(35, out => {
            out.u64(key)
            out.u32(1)
        }, payload)
        this.outlet.add(key, bytes, apart)
    }

    passOn() {
        this.outlet.pump(this.now)
        for (const frames of this.batch.take()) {
            this.frames.push(...frames.slice(1).map(each => each.length))
            for (const record of readLink(frames)) {
                if (record.apart !== undefined) {
                    record.apart = this.arrivals.frame(record, 10_000_000)
                    if (record.apart === undefined) continue
                }
                this.came.push([new Reader(record.body).u64(), payloadOf(record, 12).payload])
            }
        }
    }

    takeAll() {
        while (this.outlet.queue.length) {
            assert.ok(this.outlet.sent - this.outlet.taken <= this.outlet.window)
            this.now += 1
            this.outlet.wasTaken(this.arrivals.taken, this.now)
            this.passOn()
        }
    }
}

const some = (count, value = 7) => new Uint8Array(count).fill(value)

test('small records pass what is large', () => {
    const pipe = new Pipe()
    const large = Uint8Array.from({ length: 5_000_000 }, (_, i) => i % 251)
    pipe.add(1, large)
    pipe.add(2, some(40_000))
    pipe.add(3, some(5))
    pipe.passOn()
    assert.deepEqual(pipe.came, [[3, some(5)]])
    pipe.takeAll()
    assert.deepEqual(pipe.came.slice(1), [[1, large], [2, some(40_000)]])
    assert.ok(pipe.frames.length > 5)
    assert.deepEqual([pipe.outlet.waitingBytes, pipe.arrivals.taken], [0, 5_040_000])
})

test('no piece is larger than a frame may be', () => {
    const pipe = new Pipe(100_000)
    pipe.add(1, some(3_000_000))
    pipe.passOn()
    pipe.takeAll()
    assert.equal(pipe.came[0][1].length, 3_000_000)
    assert.ok(Math.max(...pipe.frames) <= 100_000)
})

test('records of one call keep their order', () => {
    const pipe = new Pipe()
    pipe.add(1, some(1_000_000))
    pipe.add(1, some(1))
    pipe.passOn()
    assert.deepEqual(pipe.came, [])
    pipe.takeAll()
    assert.deepEqual(pipe.came.map(each => each[1].length), [1_000_000, 1])
})

test('what is given up in the middle never was', () => {
    const pipe = new Pipe()
    pipe.add(1, some(1_000_000))
    pipe.add(2, some(50_000))
    pipe.passOn()
    pipe.outlet.giveUp(1)
    pipe.outlet.wasTaken(pipe.arrivals.taken, pipe.now)
    pipe.passOn()
    assert.deepEqual(pipe.came.map(([key, payload]) => [key, payload.length]), [[2, 50_000]])
    assert.equal(pipe.outlet.waitingBytes, 0)
})

test('violations', () => {
    const { outlet, arrivals } = new Pipe()
    assert.throws(() => outlet.wasTaken(1, 0), Violation)
    const part = (offset, apart) => ({ number: 40, flags: 1, body: Uint8Array.of(offset, 0, 0, 0, 0, 0, 0, 0), apart })
    assert.throws(() => arrivals.frame(part(5, some(1)), 100), Violation)
    assert.throws(() => arrivals.frame({ number: 35, flags: 17, body: new Uint8Array(12), apart: some(1) }, 100), Violation)
    assert.throws(() => arrivals.frame(part(0, some(101)), 100), { code: 'too_large' })
})

test('[P-86] a link is stuck if nothing is taken for the heartbeat timeout', () => {
    const pipe = new Pipe()
    pipe.add(1, some(1_000_000))
    pipe.passOn()
    assert.ok(!pipe.outlet.isStuck(pipe.now + 1000, 3000))
    assert.ok(pipe.outlet.isStuck(pipe.now + 3000, 3000))
})
