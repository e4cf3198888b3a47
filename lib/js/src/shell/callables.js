/** Callables of callers: a worker's function calls them back while its own call runs (PROTOCOL.md, 6.3). */
import { MausError, codeOf } from '../errors.js'
import { Writer } from '../wire/bytes.js'
import { recordWithPayload } from '../wire/batch.js'
import { VOID } from '../wire/codecs.js'
import { decodeOne } from '../wire/compound.js'

const CALLBACK = 12
const NOBODY = 'nobody waits for the call any more'

export class Callables {
    constructor(functions) {
        this.functions = functions
        this.waiting = 0 // functions that wait for a callable and hold no slot
    }

    /** The function that stands for a callable; it returns a promise. */
    proxy(call, number, codec) {
        return (...args) => new Promise((resolve, reject) => {
            const payload = encode(codec, args)
            const settle = answer => {
                try {
                    resolve(resultOf(codec, answer))
                } catch (wrong) {
                    reject(wrong)
                }
            }
            this.ask(call, number, payload, settle)
        })
    }

    ask(call, number, payload, settle) {
        const { line, run } = call
        if (call.isCancelled || !line.holds(call)) return settle({ failed: failure('cancelled', NOBODY) })
        const { limits, concurrency } = this.functions
        if (run.holdsSlot && this.waiting >= limits.detachedPerSlotMax * concurrency) {
            return settle({ failed: failure('overloaded', 'too many functions wait for callables') })
        }
        if (line.callbacksOpen >= line.limits.callbacksMax) {
            if (call.isNested) return settle({ failed: failure('overloaded', 'no room for a callback of a nested call') })
            line.callbacksWaiting.push({ call, number, payload, settle })
            return this.wait(call)
        }
        this.wait(call)
        this.send(call, number, payload, settle)
    }

    /** The function of a call waits: it holds no slot. */
    wait(call) {
        const { run } = call
        if (!run.callbacks) run.callbacks = new Map()
        if (++run.asked === 1) {
            this.waiting++
            this.functions.giveSlotBack(run)
        }
    }

    send(call, number, payload, settle) {
        const { line, run } = call
        line.callbacksOpen++
        const callback = ++line.lastCallback
        run.callbacks.set(callback, settle)
        this.functions.add(call, recordWithPayload(CALLBACK, out => {
            out.u64(call.call)
            out.u32(call.attempt)
            out.u32(number)
            out.u64(callback)
        }, payload))
        this.functions.driver.wake()
    }

    answered(call, callback, answer) {
        const { run, line } = call
        const settle = run && run.callbacks && run.callbacks.get(callback)
        if (!settle) return
        run.callbacks.delete(callback)
        line.callbacksOpen--
        this.goOn(run)
        settle(answer)
        this.askWaiting(line)
    }

    goOn(run) {
        if (--run.asked) return
        this.waiting--
        if (!run.stream || !run.context.call.isDetached) this.functions.takeSlotAgain(run)
    }

    askWaiting(line) {
        while (line.callbacksWaiting.length && line.callbacksOpen < line.limits.callbacksMax) {
            const { call, number, payload, settle } = line.callbacksWaiting.shift()
            if (line.holds(call)) this.send(call, number, payload, settle)
            else this.giveUp(call, settle)
        }
    }

    giveUp(call, settle) {
        this.goOn(call.run)
        settle({ failed: failure('cancelled', NOBODY) })
    }

    /** The link of a call is over. */
    over(call) {
        const { run, line } = call
        line.callbacksWaiting = line.callbacksWaiting.filter(each => {
            if (each.call === call) this.giveUp(call, each.settle)
            return each.call !== call
        })
        if (!run || !run.callbacks) return
        const asked = [...run.callbacks.values()]
        run.callbacks.clear()
        for (const settle of asked) {
            line.callbacksOpen--
            this.giveUp(call, settle)
        }
    }

    /** A function is over while it still waits for callables. */
    forget(run) {
        if (!run.asked) return
        run.asked = 0
        this.waiting--
        const { line } = run.context.call
        line.callbacksOpen -= run.callbacks.size
        run.callbacks.clear()
        line.callbacksWaiting = line.callbacksWaiting.filter(each => each.call.run !== run)
        this.askWaiting(line)
    }
}

function failure(code, text) {
    return { error: code, type: '', text }
}

function encode(codec, args) {
    const { parameters } = codec
    if (args.length < parameters.length) {
        throw new MausError('signature_mismatch', `${codec.name} takes ${parameters.length} arguments, not ${args.length}`)
    }
    const out = new Writer()
    try {
        parameters.forEach((each, index) => each.encode(out, args[index], 0))
    } catch (wrong) {
        throw new MausError('bad_arguments', `${wrong.message}, in a call of ${codec.name}`)
    }
    return out.done()
}

function resultOf(codec, { failed, payload }) {
    if (failed) {
        const code = typeof failed.error === 'number' ? codeOf(failed.error) : failed.error
        throw new MausError(code, failed.text, { remoteType: failed.type, function: codec.name })
    }
    try {
        return codec.result === VOID && !payload.length ? undefined : decodeOne(codec.result, payload)
    } catch (wrong) {
        throw new MausError('bad_result', `${wrong.message}, of a callable ${codec.name}`)
    }
}
