/** JavaScript workers with the real parkserver and gateway: served to C++ managers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Site, eventually } from './site.js'

async function withZoo(t) {
    const site = await Site.start(t)
    site.zoo()
    await eventually(async () => (await site.maus('functions'))[1].includes('twice'), 'the worker')
    return site
}

test('the C++ command line calls a JavaScript worker', async t => {
    const site = await withZoo(t)
    assert.deepEqual(await site.maus('call', 'twice', '21', '--timeout', '50s'), [0, '42', ''])
    assert.deepEqual((await site.maus('call', 'typed', '"ab"', '[1,2.5]', '{"a":7}', '--json')).slice(0, 2),
        [0, '["AB",3.5,7]'])
    assert.deepEqual((await site.maus('call', 'echo', '{"a":[null,true,1.5,"x"]}', '--json')).slice(0, 2),
        [0, '{"a":[null,true,1.5,"x"]}'])
    assert.deepEqual((await site.maus('call', 'counts', '3')).slice(0, 2), [0, '0\n1\n2'])
    const [code, , said] = await site.maus('call', 'throws', '"k"')
    assert.equal(code, 1)
    assert.match(said, /TypeError: k/)
})

test('its functions are shown', async t => {
    const site = await withZoo(t)
    const [, said] = await site.maus('functions')
    for (const each of ['add(i32,i32)->i32', 'echo(...)->any', 'apply(i64,fn<i64(i64)>)->i64', 'counts(i64)->stream<i64>']) {
        assert.ok(said.includes(each), each)
    }
})

test('[P-114] items that go beyond their credit (1 MiB): what is beyond is owed', async t => {
    const site = await withZoo(t)
    const [code, said, wrong] = await site.maus('call', 'blobs', '12', '700000', '--json')
    assert.deepEqual([code, wrong, said.split('$bytes').length - 1], [0, '', 12])
})

test('results that are larger than a message to the gateway are cut ([P-83])', async t => {
    const site = await Site.start(t)
    await site.newWorker({ 'large(i64)->list<u8>': size => new Uint8Array(size).fill(5) })
    const [code, said] = await site.maus('call', 'large', '5000000', '--type', 'zoo', '--json', '--timeout', '50s')
    assert.equal(code, 0)
    assert.equal(Buffer.from(JSON.parse(said).$bytes, 'base64').length, 5_000_000)
})

test('a worker that is stopped answers what runs, and leaves', async t => {
    const site = await Site.start(t)
    let begun
    const hasBegun = new Promise(resolve => {
        begun = resolve
    })
    let go
    const worker = await site.newWorker({ slow: () => new Promise(resolve => {
        go = resolve
        begun()
    }) })
    const called = site.maus('call', 'slow', '--type', 'zoo', '--timeout', '50s')
    await hasBegun
    const stopped = worker.stop()
    go('done')
    assert.deepEqual((await called).slice(0, 2), [0, 'done'])
    await stopped
    assert.equal(worker.state, 'stopped')
    await eventually(async () => !(await site.maus('functions'))[1].includes('slow'), 'the worker to be gone')
    assert.equal((await site.maus('status'))[0], 0) // the parkserver is not
})

test('a wrong token is turned away for good, with a reason', async t => {
    const site = await Site.start(t)
    const address = `http://${site.web}/#worker=wrong`
    const { Worker, Manager } = await import('../../lib/js/src/index.js')
    const worker = new Worker(address, { functions: { f: () => 1 } })
    await assert.rejects(worker.start(), { code: 'auth_failed' })
    assert.equal((await worker.closed).code, 'auth_failed')
    const manager = new Manager(address)
    await assert.rejects(manager.getWorkers(), { code: 'auth_failed' })
    await assert.rejects(manager.getWorkers(), { code: 'auth_failed' })
})

test('a worker\'s token makes no manager, and the other way round', async t => {
    const site = await Site.start(t)
    const { Worker, Manager } = await import('../../lib/js/src/index.js')
    await assert.rejects(new Worker(site.manager, { functions: { f: () => 1 } }).start(), { code: 'auth_failed' })
    await assert.rejects(new Manager(site.worker).getWorkers(), { code: 'auth_failed' })
})
