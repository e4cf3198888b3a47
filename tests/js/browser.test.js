/** Pages and Web Workers of a real browser as peers. MAUS_SHOTS is a folder for screenshots. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { createServer, get } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'

import { Browser } from './browser.js'
import { PATIENCE, Site, eventually, program, range } from './site.js'

async function shot(page, name) {
    if (!process.env.MAUS_SHOTS) return
    mkdirSync(process.env.MAUS_SHOTS, { recursive: true })
    await page.screenshot(join(process.env.MAUS_SHOTS, `${name}.png`))
}

async function begin(t) {
    const site = await Site.start(t)
    site.browser = await Browser.start(site, site.folder)
    return site
}

/** A tab that became a worker. */
async function workerTab(site) {
    const page = await site.browser.open(site.worker)
    await page.click('#toggle')
    await page.until('["free", "serving"].includes(document.body.dataset.state)')
    return page
}

const PART = [960, 400, 300, 40, 40]

test('a page becomes a worker with one click, draws as C++ does, and stops', async t => {
    const site = await begin(t)
    const page = await workerTab(site)
    const job = site.spawn(program('maus-demo'), ['job-worker', '--parkserver', site.endpoint])
    const group = await site.workers(2, 'jobs')
    const answers = await Promise.all(group.ids.map(worker => group.with({ worker }).call('draw_tile', PART)))
    assert.deepEqual(answers[0][1], answers[1][1]) // the same pixels
    assert.deepEqual(new Set(answers.map(([[worker]]) => worker)), new Set(group.ids))
    await Promise.all(range(60).map(each => group.call('draw_tile', [960, each * 16, 200, 40, 40])))
    await page.until('document.querySelectorAll("#tiles canvas").length > 3')
    await shot(page, 'worker')
    await page.click('#toggle')
    await page.until('document.body.dataset.state === "stopped"')
    await eventually(() => group.length === 1, 'the page to be gone')
    assert.deepEqual(page.complaints, [])
    await site.kill(job)
})

test('the C++ program has its picture drawn by a page: not a pixel is different', async t => {
    const site = await begin(t)
    await workerTab(site)
    const made = site.spawn(program('maus-demo'), ['picture', '--parkserver', site.endpoint, '--width', '400', '--output',
        `${site.folder}/page.pgm`])
    assert.equal(await made.over, 0)
    const alone = site.spawn(program('maus-demo'), ['picture', '--workers', '1', '--width', '400', '--output', `${site.folder}/cpp.pgm`])
    assert.equal(await alone.over, 0)
    assert.ok(readFileSync(`${site.folder}/page.pgm`).equals(readFileSync(`${site.folder}/cpp.pgm`)))
})

test('tabs and C++ workers draw the Mandelbrot picture together, for a page', async t => {
    const site = await begin(t)
    const first = await workerTab(site)
    await workerTab(site)
    site.spawn(program('maus-demo'), ['job-worker', '--parkserver', site.endpoint])
    await eventually(async () => /draw_tile.* 3$/m.test((await site.maus('functions'))[1]), 'three workers')
    const page = await site.browser.open(site.manager)
    await page.until('document.body.dataset.state === "free"')
    await eventually(async () => { // it draws with those that it has
        await page.click('#draw')
        await page.until('document.body.dataset.state === "free"')
        return /drawn by 3 workers/.test(await page.evaluate('document.getElementById("state").textContent'))
    }, 'a picture by three workers')
    await shot(page, 'mandelbrot')
    await page.evaluate('document.getElementById("picture").dispatchEvent(new MouseEvent("click", { clientX: 300, clientY: 500 }))')
    await page.until('document.body.dataset.state === "free"')
    await shot(page, 'mandelbrot_closer')
    // a tab is closed: the picture is complete all the same
    await page.click('#out')
    await first.close()
    await page.until('document.body.dataset.state === "free"')
    assert.deepEqual(page.complaints, [])
})

test('a tab is closed, another one reloaded, while calls run: all complete', async t => {
    const site = await begin(t)
    const [first, second] = [await workerTab(site), await workerTab(site)]
    const group = (await site.workers(2, 'jobs')).with({ maxCrashes: 100 })
    let done = 0
    const calls = range(600).map(each => group.call('draw_tile', [4000, each, 1400, 100, 100]).then(() => done++))
    await eventually(() => done > 20)
    await first.close()
    await eventually(() => done > 60)
    await second.send('Page.reload')
    await second.until('document.readyState === "complete" && document.body.dataset.state === "stopped"')
    await second.click('#toggle')
    await Promise.all(calls)
    assert.equal(done, 600)
})

test('a hidden page goes on', async t => {
    const site = await begin(t)
    const page = await workerTab(site)
    const group = await site.workers(1, 'jobs')
    const [id] = group.ids
    const other = await site.browser.open('about:blank')
    await other.send('Page.bringToFront')
    await page.until('document.visibilityState === "hidden"')
    await page.evaluate('window.ticks = 0, setInterval(() => window.ticks++, 100), 0') // some heartbeats
    const until = page.until('window.ticks > 12')
    let isOver = false
    until.then(() => {
        isOver = true
    })
    while (!isOver) await group.call('draw_tile', PART)
    assert.deepEqual(group.ids, [id])
    assert.equal(await page.evaluate('document.visibilityState'), 'hidden')
})

test('payloads that are larger than a message of the gateway, from and to a page', async t => {
    const site = await begin(t)
    site.zoo('node')
    const page = await site.browser.open(site.worker)
    await page.evaluate(`(async () => {
        const maus = await import('/maus/index.js')
        const functions = { 'large(i64)->list<u8>': size => new Uint8Array(size).fill(5) }
        await new maus.Worker(location.href, { type: 'page', functions }).start()
    })()`)
    const [code, said] = await site.maus('call', 'large', '3000000', '--type', 'page', '--json', '--timeout', '50s')
    assert.equal(code, 0)
    assert.equal(Buffer.from(JSON.parse(said).$bytes, 'base64').length, 3_000_000)
    const other = await site.browser.open(site.manager)
    assert.deepEqual(await other.evaluate(`(async () => {
        const maus = await import('/maus/index.js')
        const manager = new maus.Manager(location.href)
        const workers = await manager.getWorkers({ type: 'node' })
        const failed = await workers.call('blob', new Uint8Array(1500000)).catch(each => each.code)
        return [failed, (await workers.call('blob', new Uint8Array(900000))).length]
    })()`), ['too_large', 900000])
})

test('the network is cut: the page registers again when it is back', async t => {
    const site = await begin(t)
    const page = await workerTab(site)
    await site.kill(site.gateway)
    await page.until('document.body.dataset.state === "connecting"')
    await site.startGateway()
    await page.until('document.body.dataset.state === "free"')
    assert.equal((await (await site.workers(1, 'jobs')).call('draw_tile', PART))[1].length, 1600)
})

test('a page is a worker and a manager without a Web Worker, too; values and callables', async t => {
    const site = await begin(t)
    site.zoo('node')
    const page = await site.browser.open(site.worker)
    await page.evaluate(`(async () => {
        const maus = await import('/maus/index.js')
        window.worker = new maus.Worker(location.href, { type: 'page', functions: { echo: x => x, shout: x => x.toUpperCase() } })
        await window.worker.start()
    })()`)
    const group = await site.workers(1, 'page')
    for (const value of [1n << 62n, new Date(5), /a/g, Uint8Array.of(1, 2), { a: [null, NaN] }]) {
        assert.deepEqual(await group.call('echo', value), value)
    }
    const other = await site.browser.open(site.manager)
    const said = await other.evaluate(`(async () => {
        const maus = await import('/maus/index.js')
        const manager = new maus.Manager(location.href)
        const workers = await manager.getWorkers({ type: 'node', timeout: ${PATIENCE} })
        const items = []
        for await (const each of workers.stream('counts', 5)) items.push(each)
        const made = [await workers.call('add', 1, 2), await workers.call('apply', 4, x => workers.call('twice', x)), items]
        await manager.end()
        return made
    })()`)
    assert.deepEqual(said, [3, 12, [0, 1, 2, 3, 4]])
})

test('a page of another Origin is turned away, even with the token', async t => {
    const site = await begin(t)
    const server = createServer((request, response) => {
        response.setHeader('Content-Type', 'text/html')
        response.end('<!doctype html><title>elsewhere</title>')
    })
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const page = await site.browser.open(`http://127.0.0.1:${server.address().port}/`)
    const code = await page.evaluate(`new Promise(resolve => {
        const socket = new WebSocket('ws://${site.web}/maus')
        socket.onclose = event => resolve(event.code)
        socket.onmessage = () => resolve('it was let in')
        socket.onopen = () => socket.send(JSON.stringify({ token: ${JSON.stringify(site.worker.split('=')[1])} }))
    })`)
    assert.equal(code, 1006)
})

test('a name of another host that leads here is turned away (DNS rebinding)', async t => {
    const site = await Site.start(t)
    const [host, port] = site.web.split(':')
    const status = await new Promise((resolve, reject) => {
        get({ host, port, headers: { Host: `evil.example:${port}` }, agent: false }, response => {
            response.resume()
            resolve(response.statusCode)
        }).on('error', reject)
    })
    assert.ok(status >= 400, String(status))
})
