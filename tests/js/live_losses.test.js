/** The promise: every call completes exactly once, whoever dies, stops or starts again. */
import assert from 'node:assert/strict'
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'

import * as maus from '../../lib/js/src/index.js'
import { PATIENCE, Site, eventually, range } from './site.js'

/** Promises that tell how many of them are settled. */
function watched(promises) {
    promises.done = 0
    for (const each of promises) {
        each.then(() => promises.done++, () => promises.done++)
    }
    return promises
}

function all(value, count) {
    return range(count).map(() => value)
}

test('kill -9 of workers while calls run', async t => {
    const site = await Site.start(t)
    const processes = range(3).map(() => site.zoo())
    const group = (await site.workers(3)).with({ maxCrashes: 100 })
    const calls = watched(range(1500).map(() => group.call('sleeps', 0.001)))
    for (const each of processes.slice(0, 2)) {
        const { done } = calls
        await eventually(() => calls.done > done + 50)
        each.kill('SIGKILL')
        site.zoo()
    }
    assert.deepEqual(await Promise.all(calls), all(0.001, 1500))
})

test('a worker that is stopped is lost, and its calls go on', async t => {
    const site = await Site.start(t)
    const processes = range(2).map(() => site.zoo())
    await eventually(async () => / 2$/m.test((await site.maus('functions'))[1]), 'both workers')
    const manager = new maus.Manager(site.manager, { heartbeat: 100, liveness: 10 })
    t.after(() => manager.end())
    const group = (await manager.getWorkers({ amount: 2, type: 'zoo', timeout: PATIENCE })).with({ maxCrashes: 100 })
    const calls = range(500).map(() => group.call('sleeps', 0.001))
    processes[0].kill('SIGSTOP')
    assert.deepEqual(await Promise.all(calls), all(0.001, 500))
    processes[0].kill('SIGCONT')
})

test('[P-49] poison: it fails with its attempts, its neighbours do not', async t => {
    const site = await Site.start(t)
    range(6).forEach(() => site.zoo())
    const group = await site.workers()
    const calls = range(20).map(each => group.call('twice', each))
    const poison = group.call('dies')
    calls.push(...range(20).map(each => group.call('twice', 20 + each)))
    await assert.rejects(poison, failed => {
        assert.equal(failed.code, 'poisoned')
        // three of its starts count; one more may not, if the worker died before its answers to others were heard
        assert.ok([3, 4].includes(new Set(failed.attempts.map(each => each.worker)).size))
        assert.ok(failed.attempts.every(each => each.after >= 0 && each.why))
        return true
    })
    assert.deepEqual(await Promise.all(calls), range(40).map(each => 2 * each))
})

test('[P-50] at_most_once', async t => {
    const site = await Site.start(t)
    range(2).forEach(() => site.zoo())
    const group = (await site.workers()).with({ atMostOnce: true })
    await assert.rejects(group.call('dies'), failed => failed.code === 'maybe_executed' && failed.attempts.length === 1)
    assert.equal(await group.call('twice', 1), 2)
    const path = `${site.folder}/mark`
    assert.equal(await group.call('leaves_a_mark', path), 1)
    assert.equal(statSync(path).size, 1)
})

test('[P-50] calls for one worker', async t => {
    const site = await Site.start(t)
    range(2).forEach(() => site.zoo())
    const group = await site.workers(2)
    const [first, second] = group.ids
    const pids = await Promise.all([first, second].map(worker => group.with({ worker }).call('pid')))
    assert.notEqual(...pids)
    const only = group.with({ worker: first })
    const calls = [only.call('dreams', 30), ...range(20).map(each => only.call('twice', each))]
    process.kill(pids[0], 'SIGKILL')
    for (const each of calls) await assert.rejects(each, { code: 'worker_lost' })
    await assert.rejects(only.call('twice', 1), { code: 'worker_lost' })
    assert.equal(await group.with({ worker: second }).call('pid'), pids[1])
})

test('[P-52] attempt_timeout', async t => {
    const site = await Site.start(t)
    range(2).forEach(() => site.zoo())
    const group = await site.workers()
    const hangs = group.with({ attemptTimeout: 200 }).call('sleeps', 5)
    const others = range(20).map(each => group.with({ attemptTimeout: 30000 }).call('twice', each))
    await assert.rejects(hangs, { code: 'attempt_timeout' })
    assert.deepEqual(await Promise.all(others), range(20).map(each => 2 * each))
})

test('a worker that leaves: what it has not started goes to another', async t => {
    const site = await Site.start(t)
    const first = site.zoo()
    const group = (await site.workers()).with({ maxCrashes: 1 })
    const calls = watched(range(100).map(() => group.call('sleeps', 0.01)))
    await eventually(() => calls.done > 2)
    site.zoo()
    first.kill('SIGTERM')
    assert.deepEqual(await Promise.all(calls), all(0.01, 100))
    assert.equal(await first.over, 0)
})

for (const [who, restart] of [
    ['gateway', async site => {
        await site.kill(site.gateway)
        await site.startGateway()
    }],
    ['parkserver', async site => {
        await site.kill(site.park)
        await site.startPark(site.endpoint)
    }],
]) {
    test(`the ${who} is restarted while calls run: all complete`, async t => {
        const site = await Site.start(t)
        range(2).forEach(() => site.zoo())
        site.python('zoo')
        const group = (await site.workers(3)).with({ maxCrashes: 100 })
        const calls = watched(range(400).map(each => group.call('add', each, 1)))
        calls.push(...range(200).map(() => group.call('sleeps', 0.005)))
        await eventually(() => calls.done > 5)
        await restart(site)
        const [sums, rest] = [await Promise.all(calls.slice(0, 400)), await Promise.all(calls.slice(400))]
        assert.deepEqual(sums, range(400).map(each => each + 1))
        assert.deepEqual(rest, all(0.005, 200))
        assert.equal(await group.call('twice', 4), 8)
    })
}

test('[P-116] a stream whose worker dies is broken, or replayed', async t => {
    const site = await Site.start(t)
    range(2).forEach(() => site.zoo())
    const group = await site.workers()
    const came = []
    await assert.rejects(async () => {
        for await (const each of group.stream('counts_and_dies', 100, site.folder)) {
            if (came.push(each) === 100) writeFileSync(`${site.folder}/read`, '')
        }
    }, failed => failed.code === 'stream_broken' && failed.delivered === 100)
    assert.deepEqual(came, range(100))
    assert.ok(existsSync(`${site.folder}/died`))
    const other = await Site.start(t)
    range(2).forEach(() => other.zoo())
    const items = []
    const replayed = (await other.workers()).with({ replayable: true })
    for await (const each of replayed.stream('counts_and_dies', 100, other.folder)) {
        if (items.push(each) === 100) writeFileSync(`${other.folder}/read`, '')
    }
    assert.deepEqual(items, range(200))
})

test('the worker of a manager that was killed serves the next one', async t => {
    const site = await Site.start(t)
    site.zoo()
    const code = `import { Manager } from ${JSON.stringify(new URL('../../lib/js/src/index.js', import.meta.url).href)}
        const workers = await new Manager(${JSON.stringify(site.manager)}).getWorkers({ type: 'zoo' })
        workers.call('sleeps', 0.2)
        await workers.call('sleeps', 0.01)
        process.kill(process.pid, 'SIGKILL')`
    await site.spawn(process.execPath, ['--input-type=module', '-e', code]).over
    assert.equal(await (await site.workers()).call('twice', 2), 4)
})
