/** What runs in the Web Worker (see web_worker.js). */
import { Worker } from './worker.js'

let worker = null

function tell(what, more = {}) {
    const { state = 'stopped', calls = 0, id = '' } = worker || {}
    postMessage({ maus: what, state, calls, id, ...more })
}

function closed(error) {
    tell('closed', { error: error && { code: error.code || 'invalid_argument', text: error.message } })
}

/** The functions of a module: `functions`, whose names may be signatures, or else what it exports. */
function functionsOf(module) {
    if (module.functions) return module.functions
    return Object.fromEntries(Object.entries(module).filter(([name, made]) => name !== 'default' && typeof made === 'function'))
}

async function start({ url, module, options }) {
    try {
        const functions = functionsOf(await import(module))
        worker = new Worker(url, { ...options, functions })
        worker.addEventListener('change', () => tell('change'))
        worker.addEventListener('call', () => tell('call'))
        worker.start().catch(() => {}) // `closed` says it
    } catch (wrong) {
        return closed(wrong)
    }
    worker.closed.then(closed)
}

onmessage = ({ data }) => {
    if (data && data.maus === 'start') start(data)
    else if (data && data.maus === 'stop' && worker) worker.stop(data)
}
