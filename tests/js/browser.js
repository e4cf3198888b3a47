/** A headless Chromium, driven by its own protocol. */
import { spawn } from 'node:child_process'
import { accessSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { eventually } from './site.js'

const require = createRequire(import.meta.url)

function load(names) {
    for (const name of names) {
        try {
            return require(name)
        } catch { /* the next one */ }
    }
    throw new Error('the package ws is not installed (bin/setup)')
}

const WebSocket = load(['ws', '/usr/share/nodejs/ws'])
// Without these it looks for hosts of the outside world.
const QUIET = [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--disable-extensions', '--mute-audio', '--window-size=1200,1000',
]

export function chromium() {
    for (const path of [process.env.MAUS_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']) {
        try {
            accessSync(path)
            return path
        } catch { /* the next one */ }
    }
    throw new Error('chromium is not installed (bin/setup)')
}

export class Browser {
    static async start(site, folder) {
        const made = new Browser()
        await made.begin(site, folder)
        return made
    }

    async begin(site, folder) {
        const args = [...QUIET, `--user-data-dir=${join(folder, 'browser')}`, '--remote-debugging-port=0', 'about:blank']
        this.process = spawn(chromium(), args, { stdio: ['ignore', 'ignore', 'pipe'] })
        this.over = new Promise(resolve => this.process.on('exit', resolve))
        site.after(() => this.end())
        let said = ''
        this.process.stderr.setEncoding('utf8')
        this.process.stderr.on('data', text => {
            said = (said + text).slice(-10000)
        })
        const [, url] = await eventually(() => /DevTools listening on (ws:\S+)/.exec(said), 'the browser')
        this.last = 0
        this.waiting = new Map()
        this.pages = new Map()
        this.socket = new WebSocket(url, { perMessageDeflate: false })
        this.socket.on('message', data => this.came(JSON.parse(data)))
        this.socket.on('error', () => {})
        await new Promise(resolve => this.socket.on('open', resolve))
    }

    came({ id, result, error, method, params, sessionId }) {
        if (id) {
            const { resolve, reject } = this.waiting.get(id)
            this.waiting.delete(id)
            return error ? reject(new Error(error.message)) : resolve(result)
        }
        const page = this.pages.get(sessionId)
        if (page) page.heard(method, params)
    }

    send(method, params = {}, sessionId) {
        return new Promise((resolve, reject) => {
            this.waiting.set(++this.last, { resolve, reject })
            this.socket.send(JSON.stringify({ id: this.last, method, params, sessionId }))
        })
    }

    /** A tab of its own. */
    async open(url) {
        const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' })
        const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true })
        const page = new Page(this, targetId, sessionId)
        this.pages.set(sessionId, page)
        for (const each of ['Page', 'Runtime', 'Network', 'Log']) await page.send(`${each}.enable`)
        await page.go(url)
        return page
    }

    async end() {
        this.process.kill('SIGKILL')
        await this.over
        this.socket.terminate()
    }
}

export class Page {
    constructor(browser, targetId, sessionId) {
        Object.assign(this, { browser, targetId, sessionId, complaints: [] })
    }

    send(method, params) {
        return this.browser.send(method, params, this.sessionId)
    }

    heard(method, params) {
        if (method === 'Runtime.exceptionThrown') {
            const { text, exception } = params.exceptionDetails
            this.complaints.push(`${text} ${exception ? exception.description : ''}`)
        }
        if (method === 'Log.entryAdded' && params.entry.level === 'error') this.complaints.push(params.entry.text)
    }

    async go(url) {
        await this.send('Page.navigate', { url })
        await this.until('document.readyState === "complete"')
    }

    /** The value of an expression, which may be a promise. */
    async evaluate(expression) {
        const { result, exceptionDetails } = await this.send('Runtime.evaluate',
            { expression, awaitPromise: true, returnByValue: true, userGesture: true })
        if (exceptionDetails) throw new Error(exceptionDetails.exception ? exceptionDetails.exception.description : exceptionDetails.text)
        return result.value
    }

    until(expression) {
        return eventually(() => this.evaluate(expression).catch(() => false), `${expression} (${this.complaints})`)
    }

    click(selector) {
        return this.evaluate(`document.querySelector(${JSON.stringify(selector)}).click()`)
    }

    async screenshot(path) {
        const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true })
        writeFileSync(path, Buffer.from(data, 'base64'))
    }

    close() {
        return this.browser.send('Target.closeTarget', { targetId: this.targetId })
    }
}
