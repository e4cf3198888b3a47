/** JavaScript managers with the real parkserver and gateway, and workers in JavaScript, C++ and Python. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { test } from 'node:test'

import * as maus from '../../lib/js/src/index.js'
import { PATIENCE, Site, eventually, range } from './site.js'

const { Regexp, Time, named } = maus

async function withZoo(t, concurrency) {
    const site = await Site.start(t)
    site.zoo('zoo', concurrency)
    site.group = await site.workers()
    return site
}

async function collected(items) {
    const made = []
    for await (const each of items) made.push(each)
    return made
}

const VALUES = [
    null, true, 0, -1, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), 1.5, NaN, Infinity, '', 'häß\0😀', new Uint8Array(0),
    Uint8Array.of(255, 0), [], [1, [2, { a: null }]], {}, { b: 1, a: [2] }, new Date('2026-01-02T03:04:05.006Z'),
    new Date('1960-01-01T00:00:00Z'), /^a+$/i, new Time(1, 1), new Regexp('a', 'q'),
]

for (const language of ['JavaScript', 'Python']) {
    test(`values come back from ${language} as they went`, async t => {
        const site = await Site.start(t)
        if (language === 'Python') site.python()
        else site.zoo()
        const workers = await site.workers()
        for (const value of VALUES) assert.deepEqual(await workers.call('echo', value), value)
        const error = await workers.call('echo', new RangeError('x'))
        assert.deepEqual([error.name, error.message], ['RangeError', 'x'])
        for (const value of [2n ** 64n, () => 1, Symbol('x')]) {
            await assert.rejects(workers.call('echo', value), each => ['bad_arguments', 'signature_mismatch'].includes(each.code))
        }
    })
}

test('types', async t => {
    const { group } = await withZoo(t)
    assert.deepEqual(await group.call('typed', 'ab', [1, 2.5], { a: 7 }), ['AB', 3.5, 7])
    assert.deepEqual(await group.call('moved', [1, true, 'p'], 4), [5, false, 'p'])
    assert.deepEqual(await group.call('moved', [1, true, 'p'], null), [1, false, 'p'])
    assert.equal(await group.call('add(i32,i32)->i32', 1, 2), 3)
    assert.equal(await group.call('add(any,any)->any', 1, 2), 3)
    assert.equal(await group.call('add', 2n ** 60n, 1n), 2n ** 60n + 1n)
    await assert.rejects(group.call('add(i32,i32)->i32', 2 ** 31, 2), { code: 'bad_arguments' })
    await assert.rejects(group.call('add(str,str)->str', '1', '2'), { code: 'signature_mismatch' })
    await assert.rejects(group.call('add', 1), { code: 'signature_mismatch' })
    await assert.rejects(group.call('nothing'), { code: 'no_such_function' })
    await assert.rejects(group.call('add('), { code: 'invalid_argument' })
})

test('exceptions', async t => {
    const { group } = await withZoo(t)
    await assert.rejects(group.call('throws', 'k'), each => {
        assert.ok(each instanceof maus.MausError)
        assert.deepEqual([each.code, each.remoteType, each.message, each.function, each.retryable],
            ['remote_exception', 'TypeError', 'k', 'throws', false])
        return true
    })
})

test('large payloads', async t => {
    const { group } = await withZoo(t)
    for (const size of [32767, 32768, 900_000]) {
        const raw = new Uint8Array(randomBytes(size))
        assert.deepEqual(await group.call('blob', raw), raw)
        assert.deepEqual(await group.call('echo', raw), raw)
    }
    await assert.rejects(group.call('blob', new Uint8Array(1_000_000)), { code: 'too_large' })
    assert.equal(await group.call('twice', 2), 4)
})

test('many at a time', async t => {
    const { group } = await withZoo(t)
    assert.deepEqual(await Promise.all(range(5000).map(each => group.call('add', each, 1))), range(5000).map(each => each + 1))
    assert.deepEqual(await collected(group.map('add', range(3000), range(3000))), range(3000).map(each => 2 * each))
})

test('async functions hold their slot until they are settled; concurrency says how many', async t => {
    const { group } = await withZoo(t, 30)
    assert.deepEqual(await Promise.all(range(30).map(() => group.call('dreams', 0.2))), range(30).map(() => 0.2))
})

test('deadlines, AbortSignal', async t => {
    const { group, folder } = await withZoo(t)
    await assert.rejects(group.with({ timeout: 50 }).call('sleeps', 1), { code: 'deadline_exceeded' })
    const abort = new AbortController()
    const waits = group.with({ signal: abort.signal }).call('waits_until_cancelled', folder)
    await eventually(() => existsSync(`${folder}/begun`))
    abort.abort()
    await assert.rejects(waits, { code: 'cancelled' })
    await eventually(() => existsSync(`${folder}/cancelled`))
    await assert.rejects(group.with({ signal: abort.signal }).call('twice', 2), { code: 'cancelled' })
    assert.equal(await group.call('twice', 2), 4)
    await assert.rejects(async () => group.with({ tiemout: 5 }), { code: 'invalid_argument' })
})

test('what travels with a call', async t => {
    const { group } = await withZoo(t)
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const said = await group.with({ label: 'nightly', trace, timeout: 50000 }).call('about')
    assert.deepEqual([said.label, said.trace, said.attempt], ['nightly', trace, 1])
    assert.ok(said.timeLeft > 0 && said.timeLeft <= 50000)
    assert.equal(said.fence[2], group.ids[0])
})

test('progress', async t => {
    const { group } = await withZoo(t)
    const heard = []
    assert.equal(await group.with({ progress: (...said) => heard.push(said) }).call('progresses', 4), 4)
    assert.deepEqual(heard.at(-1), [0.75, 'step 3'])
})

test('functions as arguments', async t => {
    const { group } = await withZoo(t)
    assert.equal(await group.call('apply', 5, each => each * each), 30)
    assert.equal(await group.call('apply', 5, async each => each), 10)
    assert.equal(await group.call('apply', 5, named('twice')), 20)
    await assert.rejects(group.call('apply', 5, named('thrice')), { code: 'no_such_function' })
    // the callable calls the same worker, which runs one function at a time
    assert.equal(await group.call('apply', 5, each => group.call('twice', each)), 20)
    assert.equal(await group.call('apply', 5, async each => {
        await null
        return group.call('twice', each)
    }), 20)
    await assert.rejects(group.call('apply', 5, () => {
        throw new RangeError('not this')
    }), { code: 'remote_exception', message: /not this/ })
    await assert.rejects(group.call('apply', 5, () => 'no number'), { code: 'remote_exception' })
})

test('streams', async t => {
    const { group } = await withZoo(t)
    for (const name of ['counts', 'acounts']) {
        assert.deepEqual(await collected(group.stream(name, 10_000)), range(10_000))
        assert.deepEqual(await collected(group.with({ itemsMax: 3 }).stream(name, 100)), range(100))
        const some = []
        for await (const each of group.with({ itemsMax: 10 }).stream(name, 2 ** 40)) {
            if (some.push(each) === 25) break
        }
        assert.deepEqual(some, range(25))
    }
    assert.deepEqual((await collected(group.stream('blobs', 12, 700_000))).map(each => each.length), range(12).map(() => 700_000))
    // a reader that is slow stops its function and nothing else
    const slow = group.with({ itemsMax: 2 }).stream('counts', 100)
    assert.deepEqual(await slow.next(), { done: false, value: 0 })
    assert.equal(await group.call('twice', 4), 8)
    assert.deepEqual(await collected(slow), range(100).slice(1))
    await assert.rejects(group.call('counts', 3), { code: 'signature_mismatch' })
})

test('a group is given back, and requested again', async t => {
    const site = await withZoo(t)
    site.group.release()
    await assert.rejects(site.group.call('twice', 1), { code: 'cancelled' })
    assert.equal(await (await site.workers(0)).call('twice', 3), 6)
})

test('no workers', async t => {
    const site = await Site.start(t)
    const manager = site.newManager()
    await assert.rejects(manager.getWorkers({ type: 'nobody', timeout: 50 }), { code: 'no_workers' })
    await assert.rejects(manager.getWorkers({ type: 'nobody', signal: AbortSignal.timeout(50) }), { code: 'cancelled' })
    await manager.end()
    await assert.rejects(manager.getWorkers(), { code: 'shutdown' })
})

test('C++ workers', async t => {
    const site = await Site.start(t)
    site.demo()
    const workers = await site.workers(1, 'default')
    assert.equal(await workers.call('add', 20, 22), 42)
    assert.equal(await workers.call('fib', 20), 6765)
    const day = new Date('2026-01-01T00:00:00Z')
    assert.deepEqual(await workers.call('days_later', day, 3), new Date('2026-01-04T00:00:00Z'))
    await assert.rejects(workers.call('divide', 1, 0), { code: 'remote_exception' })
    const readings = range(100_000).map(each => [`city ${each}`, each, day]) // 3 MB, cut into parts
    assert.match(JSON.stringify(await workers.call('warmest', readings)), /city 99999/)
    assert.deepEqual(await collected(workers.map('add', range(5000), range(5000))), range(5000).map(each => 2 * each))
})

test('a C++, a Python and a JavaScript worker of one type serve one manager', async t => {
    const site = await Site.start(t)
    site.demo('mixed')
    site.python('mixed')
    site.zoo('mixed')
    const workers = await site.workers(3, 'mixed')
    assert.deepEqual(await collected(workers.map('add', range(2000), range(2000))), range(2000).map(each => 2 * each))
    assert.equal(await workers.call('fib', 10), 55)
    assert.equal(await workers.call('twice', 10), 20)
    for (const worker of workers.ids) assert.equal(await workers.with({ worker }).call('add', 1, 2), 3)
})

test('elastic managers share', async t => {
    const site = await Site.start(t)
    range(4).forEach(() => site.zoo())
    const first = await site.newManager().getWorkers({ min: 1, type: 'zoo', timeout: PATIENCE })
    await eventually(() => first.length === 4, 'all workers')
    const calls = range(500).map(() => first.call('sleeps', 0.002))
    const second = await site.newManager().getWorkers({ min: 1, type: 'zoo', timeout: PATIENCE })
    await eventually(() => first.length === 2 && second.length === 2, 'fair shares')
    assert.equal(await second.call('twice', 2), 4)
    await Promise.all(calls)
    second.release()
    await eventually(() => first.length === 4, 'all workers again')
    await assert.rejects(site.newManager().getWorkers({ min: 3, max: 2 }), { code: 'invalid_argument' })
})

test('the interface of the first Maus', async t => {
    const site = await Site.start(t)
    const worker = maus.registerParkserver(site.worker, 'common', { add: (x, y) => x + y, fails: () => { throw new Error('no') } })
    t.after(() => worker.stop())
    maus.connectParkserver(site.manager)
    t.after(() => maus.end())
    const request = maus.getWorker({ amount: 1, workerType: 'common' })
    const came = await new Promise(resolve => request.do(workers => {
        workers.add(1, 2, resolve)
    }))
    assert.equal(came, 3)
    const workers = await request
    assert.equal(await workers.add(3, 4), 7)
    assert.match(await new Promise(resolve => workers.fails(resolve)).then(String), /no/)
    await maus.end()
    await assert.rejects(workers.add(1, 2))
})
