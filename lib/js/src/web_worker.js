/**
 * Runs a worker in a Web Worker: what it computes does not stop the page, and a hidden page does not slow it down.
 *
 *     const worker = startWebWorker(location.href, { type: 'common', module: '/functions.js' })
 *     worker.addEventListener('change', () => show(worker.state))
 *
 * The functions are what the module exports. What it says by `postMessage` comes as an event `message`.
 */
import { MausError } from './errors.js'

/** Stands for a worker that runs in a Web Worker. */
export class WebWorker extends EventTarget {
    constructor(url, { module, ...options }) {
        super()
        if (typeof globalThis.Worker !== 'function') {
            throw new MausError('invalid_argument', 'there are no Web Workers here')
        }
        this.state = 'new'
        this.calls = 0
        this.id = ''
        this.error = null
        this.closed = new Promise(resolve => {
            this.resolveClosed = resolve
        })
        this.thread = new globalThis.Worker(new URL('./web_worker_main.js', import.meta.url), { type: 'module' })
        this.thread.onmessage = event => this.came(event.data)
        this.thread.onerror = event => this.ended(new MausError('invalid_argument', event.message || 'it does not load'))
        const base = globalThis.location ? globalThis.location.href : undefined
        this.thread.postMessage({
            maus: 'start', url: new URL(url, base).href, module: new URL(module, base).href, options,
        })
    }

    came(data) {
        if (!data || !data.maus) return this.dispatchEvent(new MessageEvent('message', { data }))
        const { state, calls, id, error } = data
        this.state = state
        this.calls = calls
        this.id = id
        if (data.maus === 'closed') return this.ended(error && new MausError(error.code, error.text))
        this.dispatchEvent(new Event(data.maus))
    }

    ended(error) {
        this.state = 'stopped'
        this.error = error || null
        this.thread.terminate()
        if (error) this.dispatchEvent(new Event('error'))
        this.dispatchEvent(new Event('change'))
        this.resolveClosed(this.error)
    }

    /** Returns what was not started, answers what runs (for `grace` ms at most) and leaves. */
    stop({ grace = 10000 } = {}) {
        this.thread.postMessage({ maus: 'stop', grace })
        return this.closed
    }
}

/** Starts a worker in a Web Worker: `url` is the gateway's address, `module` exports the functions. */
export function startWebWorker(url, options) {
    return new WebWorker(url, options)
}
