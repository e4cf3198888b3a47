/** What the live tests stand on: a real parkserver, a gateway, and processes around them. All end with the test. */
import { spawn } from 'node:child_process'
import { accessSync, constants, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import * as maus from '../../lib/js/src/index.js'

export const HERE = fileURLToPath(new URL('.', import.meta.url))
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const PATIENCE = 60000

function isProgram(path) {
    try {
        accessSync(path, constants.X_OK)
        return true
    } catch {
        return false
    }
}

function binaries() {
    if (process.env.MAUS_BIN) return [process.env.MAUS_BIN]
    const built = join(ROOT, 'build')
    return readdirSync(built).map(each => join(built, each, 'bin')).filter(isProgram)
        .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
}

/** A program that was built: in MAUS_BIN, or in the newest of the build folders. */
export function program(name) {
    const found = binaries().map(each => join(each, name)).find(isProgram)
    if (!found) throw new Error(`${name} is not built (MAUS_BIN tells where it is)`)
    return found
}

/** Waits for a condition; fails after a minute. */
export async function eventually(condition, what = 'it') {
    const end = Date.now() + PATIENCE
    for (;;) {
        const made = await condition()
        if (made) return made
        if (Date.now() > end) throw new Error(`${what} did not come`)
        await new Promise(resolve => setTimeout(resolve, 10))
    }
}

/** One that is in use, as the numbers of a range. */
export const range = count => Array.from({ length: count }, (_, i) => i)

export class Site {
    /** A parkserver and its gateway; `t` is the test. */
    static async start(t, options) {
        const site = new Site(t)
        await site.begin(options)
        return site
    }

    constructor(t) {
        this.endings = []
        t.after(async () => {
            for (const each of this.endings.reverse()) await each()
        })
        this.folder = mkdtempSync(join(tmpdir(), 'maus-js-'))
        this.after(() => rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 }))
    }

    /** Has something done at the end of the test; the last is done first. */
    after(ending) {
        this.endings.push(ending)
    }

    async begin({ web = '127.0.0.1:0' } = {}) {
        this.tokens = join(this.folder, 'tokens.json')
        await this.startPark()
        await this.startGateway(web)
    }

    async startPark(bind = 'tcp://127.0.0.1:*') {
        this.park = this.spawn(program('maus-parkserver'), ['--bind', bind, '--log-level', 'warning'])
        this.endpoint = (await this.park.says(/(?:tcp|ipc):\/\/\S+/))[0]
    }

    async startGateway(web = this.web, more = []) {
        const command = process.env.MAUS_GATEWAY || program('maus-gateway')
        this.gateway = this.spawn(command, ['--parkserver', this.endpoint, '--web', web, '--web-tokens', this.tokens,
            '--web-root', join(ROOT, 'lib/js'), ...more])
        const said = await this.gateway.says(/http:\/\/(\S+?)\/#worker=(\S+)[^]*#manager=(\S+)/)
        this.web = said[1]
        this.worker = `http://${said[1]}/#worker=${said[2]}`
        this.manager = `http://${said[1]}/mandelbrot.html#manager=${said[3]}`
    }

    /** A process that ends with the test. */
    spawn(command, args, options = {}) {
        const made = spawn(command, args, { stdio: ['pipe', 'pipe', process.env.MAUS_LOUD ? 'inherit' : 'ignore'], ...options })
        made.output = ''
        made.stdout.setEncoding('utf8')
        made.stdout.on('data', text => {
            made.output += text
        })
        made.over = new Promise(resolve => made.on('exit', (code, signal) => resolve(code === null ? signal : code)))
        made.on('error', () => {})
        made.says = pattern => eventually(() => {
            if (made.exitCode !== null) throw new Error(`${command} ended with ${made.exitCode}: ${made.output}`)
            return pattern.exec(made.output)
        }, `${pattern} of ${command}`)
        this.after(async () => {
            if (made.exitCode !== null || made.signalCode !== null) return
            made.kill('SIGKILL')
            await made.over
        })
        return made
    }

    async kill(made, signal = 'SIGKILL') {
        made.kill(signal)
        return made.over
    }

    /** A worker of zoo_worker.js as a process. */
    zoo(type = 'zoo', concurrency = 1) {
        return this.spawn(process.execPath, [join(HERE, 'zoo_worker.js'), this.worker, type, String(concurrency)])
    }

    python(type = 'zoo') {
        const python = process.env.MAUS_PYTHON || '/usr/bin/python3'
        return this.spawn(python, ['-B', join(ROOT, 'tests/python/zoo_worker.py'), this.endpoint, type, '1'])
    }

    demo(type = 'default') {
        return this.spawn(program('maus-demo'), ['worker', '--parkserver', this.endpoint, '--type', type])
    }

    /** The C++ command line: [exit code, what it printed, what it complained of]. */
    async maus(command, ...args) {
        const made = this.spawn(program('maus'), [command, '--parkserver', this.endpoint, ...args], { stdio: 'pipe' })
        let complaint = ''
        made.stderr.setEncoding('utf8')
        made.stderr.on('data', text => {
            complaint += text
        })
        made.stdin.end()
        const code = await made.over
        return [code, made.output.trim(), complaint.trim()]
    }

    /** A manager of this process. */
    newManager(options = {}) {
        const made = new maus.Manager(this.manager, options)
        this.after(() => made.end())
        return made
    }

    workers(amount = 1, type = 'zoo', options = {}) {
        return this.newManager(options).getWorkers({ amount, type, timeout: PATIENCE })
    }

    /** A worker of this process. */
    async newWorker(functions, options = {}) {
        const made = new maus.Worker(this.worker, { type: 'zoo', functions, ...options })
        this.after(() => made.stop({ grace: 0 }))
        await made.start()
        return made
    }
}
