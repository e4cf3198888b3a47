/** A parkserver that Node starts, and servers that are none. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { createServer as createHttpServer } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test } from 'node:test'

import * as maus from '../../lib/js/src/index.js'
import { packFrames } from '../../lib/js/src/wire/frames.js'
import { control } from '../../lib/js/src/wire/messages.js'
import { Chance } from './chance.js'
import { filesOf, framesOf } from './golden_files.js'
import { PATIENCE, Site, eventually, program } from './site.js'

const require = createRequire(import.meta.url)
const { WebSocketServer } = (() => {
    try {
        return require('ws')
    } catch {
        return require('/usr/share/nodejs/ws')
    }
})()

test('new Parkserver starts a parkserver with its web door', async t => {
    const { folder } = new Site(t)
    const tokens = join(folder, 'tokens.json')
    const park = new maus.parkserver(0, { program: program('maus-parkserver'), tokens })
    t.after(() => park.end())
    await park.ready
    const worker = maus.registerParkserver(park.worker, 'common', { add: (x, y) => x + y })
    t.after(() => worker.stop())
    const manager = new maus.manager().connectParkserver(park.manager)
    const workers = await manager.getWorker({ amount: 1, workerType: 'common', timeout: PATIENCE })
    assert.equal(await workers.add(1, 2), 3)
    await manager.end()
    assert.match(park.endpoint, /^tcp:/)
    await park.end()
    await eventually(() => worker.state === 'connecting')
})

test('a parkserver that cannot be started says why', async () => {
    await assert.rejects(new maus.Parkserver(0, { program: '/nowhere/maus-parkserver' }).ready, { code: 'invalid_argument' })
    const failed = new maus.Parkserver(0, { program: program('maus-parkserver'), args: ['--no-such-flag'] })
    await assert.rejects(failed.ready, { code: 'invalid_argument', message: /no-such-flag/ })
})

test('addresses that are none', () => {
    for (const address of ['', 'tcp://127.0.0.1:8500', 'nothing', []]) {
        assert.throws(() => new maus.Worker(address), { code: 'invalid_argument' })
        assert.throws(() => new maus.Manager(address), { code: 'invalid_argument' })
    }
})

/** A worker and a manager that speak to a server; they must go on whatever it says, and so must this process. */
async function speaksTo(t, port, enough) {
    const address = `ws://127.0.0.1:${port}/maus#T`
    const worker = new maus.Worker(address, { functions: { f: () => 1 } })
    worker.start()
    const manager = new maus.Manager(address)
    const asked = manager.getWorkers({ timeout: PATIENCE })
    asked.catch(() => {})
    t.after(() => worker.stop({ grace: 0 }))
    t.after(() => manager.end())
    await eventually(enough, 'enough of it')
    assert.ok(['connecting', 'free', 'linking', 'serving', 'draining'].includes(worker.state))
    await manager.end()
    await assert.rejects(asked, { code: 'cancelled' })
    await worker.stop({ grace: 0 })
}

test('garbage from a gateway', async t => {
    const golden = ['link', 'control', 'frames'].flatMap(filesOf).map(each => framesOf(each).frames)
    const chance = new Chance(5)
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
    let count = 0
    const says = [
        () => chance.randomBytes(chance.below(100)),
        () => packFrames(chance.of(golden)),
        () => {
            const made = packFrames(chance.of(golden))
            made[chance.below(made.length)] = chance.below(256)
            return made
        },
    ]
    server.on('connection', socket => {
        socket.on('error', () => {})
        let isFirst = true
        socket.on('message', data => {
            count++
            const isToken = isFirst
            isFirst = false
            if (isToken) return socket.send('{"role":"worker","message_bytes_max":1048576}')
            const registered = control('registered', { parkserver: '00'.repeat(16), epoch: 1, interval_ms: 10, liveness: 2,
                features: ['transfer'], limits: new Map() })
            socket.send(packFrames([registered]))
            for (let i = 0; i < 30; i++) socket.send(chance.of(says)())
            if (data.length % 2) socket.send('text')
        })
    })
    t.after(() => server.close())
    await new Promise(resolve => server.on('listening', resolve))
    await speaksTo(t, server.address().port, () => count > 20)
    for (const each of server.clients) each.terminate()
})

test('a server that is no gateway: of HTTP, of nothing, of bytes', async t => {
    let count = 0
    const http = createHttpServer((request, response) => {
        count++
        response.end('hello')
    })
    const bytes = createServer(socket => {
        count++
        socket.on('error', () => {})
        socket.end('MAUS\r\n\r\n')
    })
    for (const server of [http, bytes]) {
        count = 0
        await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
        t.after(() => server.close())
        await speaksTo(t, server.address().port, () => count >= 4)
    }
})
