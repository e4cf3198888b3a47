/** Callables that workers call back: they run here, and their calls are nested ([P-117]). */
import { Unfit } from '../errors.js'
import { Reader, Writer } from '../wire/bytes.js'
import { VOID } from '../wire/codecs.js'
import { now } from './clock.js'
import { describe } from './functions.js'

// In Node what a callable awaits is known to belong to it; in a browser only what it does before it first awaits.
let storage = null
let inCallable = false

async function loadStorage() {
    if (typeof process !== 'undefined' && process.versions && process.versions.node) {
        return (await import('node:async_hooks')).AsyncLocalStorage
    }
    return null
}

const AsyncLocalStorage = await loadStorage()

/** Whether a callable makes this call. */
export function isWithinCallable() {
    return inCallable || (storage !== null && storage.getStore() === true)
}

function within(run, args) {
    if (AsyncLocalStorage) {
        if (!storage) storage = new AsyncLocalStorage()
        return storage.run(true, run, ...args)
    }
    inCallable = true
    try {
        return run(...args)
    } finally {
        inCallable = false
    }
}

function decode(codec, payload) {
    const reader = new Reader(payload)
    const args = codec.parameters.map(each => each.decode(reader, 0))
    if (reader.left) throw new Unfit('bytes are left over')
    return args
}

/** Runs what was asked for, and says what became of it. */
export async function runCallable(driver, asked) {
    const { callable: { codec, run }, payload } = asked
    let failed = null
    let result
    try {
        const args = decode(codec, payload)
        try {
            const value = await within(run, args)
            const out = new Writer()
            codec.result.encode(out, codec.result === VOID ? undefined : value, 0)
            result = out.done()
        } catch (thrown) {
            const [type, text] = thrown instanceof Unfit ? ['TypeError', thrown.message] : describe(thrown)
            failed = { code: 'remote_exception', type, text }
        }
    } catch (wrong) {
        failed = { code: 'bad_arguments', type: '', text: wrong.message }
    }
    driver.machine.callbackAnswered(asked, failed, result, now())
    driver.wake()
}
