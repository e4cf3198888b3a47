/**
 * A parkserver with its web door, as a process. Node only.
 *
 *     const park = new Parkserver(8500)
 *     await park.ready
 *     registerParkserver(park.worker, 'common', { add: (x, y) => x + y })
 *     connectParkserver(park.manager)
 *
 * The program is `maus-parkserver`: of the option `program`, of the environment variable MAUS_PARKSERVER, or in the PATH.
 */
import { MausError } from './errors.js'

const TOLD_MAX = 2000

export class Parkserver {
    /**
     * `bind`: where C++ and Python peers reach it. `tokens`: the file of the tokens, kept over restarts. `args`: more of
     * the command line.
     */
    constructor(port = 8500, { host = '127.0.0.1', bind = 'tcp://127.0.0.1:*', program, tokens, args = [] } = {}) {
        if (typeof process === 'undefined' || !process.versions || !process.versions.node) {
            throw new MausError('invalid_argument', 'a parkserver is started in Node')
        }
        this.process = null
        this.told = ''
        /** Where C++ and Python peers reach it. */
        this.endpoint = ''
        /** Addresses for registerParkserver and connectParkserver, and the one to open in a browser. */
        this.worker = ''
        this.manager = ''
        this.page = ''
        this.isEnded = false
        const command = program || process.env.MAUS_PARKSERVER || 'maus-parkserver'
        /** Settled once it is reachable; rejected if it cannot be started. */
        this.ready = this.start(command, ['--bind', bind, '--web', `${host}:${port}`, ...(tokens ? ['--web-tokens', tokens] : []), ...args])
        this.ready.catch(() => {})
    }

    async start(command, args) {
        const { spawn } = await import('node:child_process')
        if (this.isEnded) throw new MausError('shutdown', 'it was ended')
        this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
        this.atExit = () => this.process.kill()
        process.on('exit', this.atExit)
        await new Promise((resolve, reject) => {
            const fail = why => reject(new MausError('invalid_argument', `${command} did not start: ${why}`))
            this.process.on('error', wrong => fail(wrong.message))
            this.process.on('exit', code => {
                process.off('exit', this.atExit)
                fail(`it ended with ${code}: ${this.told.trim()}`)
            })
            for (const each of [this.process.stdout, this.process.stderr]) {
                each.setEncoding('utf8')
                each.on('data', text => {
                    if (this.told.length < TOLD_MAX) this.told += text
                    if (this.read()) resolve()
                })
            }
        })
        return this
    }

    /** Reads what it prints when it is ready; whether all is there. */
    read() {
        const endpoint = /\b(?:tcp|ipc):\/\/\S+/.exec(this.told)
        const page = /\bhttps?:\/\/\S+#worker=\S+/.exec(this.told)
        const manager = /\bhttps?:\/\/\S+#manager=\S+/.exec(this.told)
        if (!endpoint || !page || !manager) return false
        this.endpoint = endpoint[0]
        this.worker = this.page = page[0]
        this.manager = manager[0]
        return true
    }

    /** Ends the process. */
    async end() {
        this.isEnded = true
        await this.ready.catch(() => {})
        const made = this.process
        if (!made || made.exitCode !== null || made.signalCode !== null) return
        const over = new Promise(resolve => made.once('exit', resolve))
        made.kill()
        await over
    }
}
