/** What drives the machines: a thread that was kept busy reads what came before it holds anybody lost. */
import assert from 'node:assert/strict'
import { createServer, connect } from 'node:net'
import { test } from 'node:test'

import { now } from '../../lib/js/src/shell/clock.js'
import { Driver } from '../../lib/js/src/shell/driver.js'

class Machine {
    constructor() {
        this.said = []
        this.deadline = now() + 50
    }

    advance(moment) {
        this.said.push('advance')
        this.deadline = moment + 50
    }

    flush() {}

    take() {
        return []
    }

    nextDeadline() {
        return this.deadline
    }
}

test('what came while a function ran is read before the clock is looked at', async t => {
    const machine = new Machine()
    const driver = new Driver(machine, {})
    t.after(() => driver.end())
    let server
    const sent = new Promise(resolve => {
        server = createServer(socket => socket.end('news', resolve))
    })
    t.after(() => server.close())
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    driver.turn()
    assert.deepEqual(machine.said, ['advance'])
    const socket = connect(server.address().port, '127.0.0.1').pause()
    await sent // the news is here, and not read
    await new Promise(setImmediate) // from here on timers come before what is to be read
    const heard = new Promise(resolve => socket.on('data', () => {
        machine.said.push('heard')
        resolve()
    }).resume())
    machine.said = []
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900) // a long function
    await heard
    while (machine.said.length < 2) await new Promise(setImmediate)
    assert.deepEqual(machine.said.slice(0, 2), ['heard', 'advance'])
})
