/** Everything fails while calls run; at the end each is settled once, as the promise says. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { Chance } from './chance.js'
import { Site, eventually, range } from './site.js'

const CALLS = 3000
const FAULTS = 12

test('[P-47] workers, gateway and parkserver are killed, stopped and started again', async t => {
    const seed = Number(process.env.MAUS_SEED || Date.now() % 100000)
    t.diagnostic(`MAUS_SEED=${seed}`)
    const chance = new Chance(seed)
    const site = await Site.start(t)
    const workers = range(3).map(() => site.zoo())
    site.python('zoo')
    const group = await site.workers(0, 'zoo', { heartbeat: 200 })
    const path = `${site.folder}/marks`
    const outcomes = []
    const settled = (index, made) => made.then(value => ['ok', value], failed => [failed.code, failed])
        .then(outcome => {
            outcomes[index] = outcome
        })
    const faults = [
        async () => {
            const place = chance.below(workers.length)
            await site.kill(workers[place])
            workers[place] = site.zoo()
        },
        async () => {
            await site.kill(site.gateway)
            await site.startGateway()
        },
        async () => {
            await site.kill(site.park)
            await site.startPark(site.endpoint)
        },
        async () => {
            const worker = chance.of(workers)
            worker.kill('SIGSTOP')
            const { length } = outcomes.filter(Boolean)
            await eventually(() => outcomes.filter(Boolean).length > Math.min(length + 20, CALLS - 1))
            worker.kill('SIGCONT')
        },
    ]
    const again = group.with({ maxCrashes: 1000 })
    const once = group.with({ atMostOnce: true })
    const pending = range(CALLS).map(index => {
        if (index % 50 === 1) return settled(index, once.call('leaves_a_mark', path))
        return settled(index, index % 10 ? again.call('add', index, 1) : again.call('sleeps', 0.005))
    })
    for (let i = 0; i < FAULTS; i++) {
        const done = outcomes.filter(Boolean).length
        await eventually(() => outcomes.filter(Boolean).length > Math.min(done + CALLS / FAULTS / 2, CALLS - 1))
        await chance.of(faults)()
    }
    await Promise.all(pending)
    let certain = 0
    let uncertain = 0
    outcomes.forEach(([code, value], index) => {
        if (index % 50 === 1) {
            assert.ok(['ok', 'maybe_executed', 'cancelled'].includes(code), String(value))
            if (code === 'ok') certain++
            if (code === 'maybe_executed') uncertain++
        } else {
            assert.equal(code, 'ok', String(value))
            assert.equal(value, index % 10 ? index + 1 : 0.005)
        }
    })
    const marks = certain + uncertain ? readFileSync(path).length : 0
    assert.ok(certain <= marks && marks <= certain + uncertain, `${marks} marks of ${certain} to ${certain + uncertain} calls`)
})
