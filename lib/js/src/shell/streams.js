/** A stream function as it runs: it gives items while it has credit (PROTOCOL.md, 6.4). */
import { Unfit } from '../errors.js'
import { recordWithPayload } from '../wire/batch.js'
import { Writer } from '../wire/bytes.js'
import { encodeOne } from '../wire/compound.js'
import { now, pause } from './clock.js'
import { runWithin } from './context.js'

const ITEM = 14
const RESULT = 2
const SLICE = 4
const RECORD_BYTES = 32 << 10

function iteratorOf(result) {
    const begin = result && (result[Symbol.asyncIterator] || result[Symbol.iterator])
    if (typeof begin !== 'function' || typeof result === 'string') throw new Unfit('a stream function gives no items')
    return begin.call(result)
}

export class Stream {
    constructor(functions, call, result) {
        this.functions = functions
        this.call = call
        this.result = result
        this.iterator = null
        this.wakeUp = null
        this.items = [] // encoded, not said yet
        this.bytes = 0
    }

    /** Until its last word is said. Never rejected. */
    async run() {
        const { functions, call } = this
        let isWhole = false
        try {
            this.iterator = iteratorOf(this.result)
            isWhole = await this.giveAll()
            if (isWhole && call.line.settle(call)) {
                this.sayItems()
                functions.add(call, recordWithPayload(RESULT, out => this.head(out), new Uint8Array(0)))
            }
        } catch (thrown) {
            this.sayItems()
            functions.threw(call, thrown)
        }
        functions.driver.wake()
        if (!isWhole) await this.end()
    }

    /** What the function has to clear up, it does now. Its last word is said. */
    async end() {
        try {
            if (this.iterator && this.iterator.return) await this.iterator.return()
        } catch { /* nobody waits for it */ }
    }

    head(out) {
        out.u64(this.call.call)
        out.u32(this.call.attempt)
    }

    /** Whether the function came to its end. */
    async giveAll() {
        const { call } = this
        let end = now() + SLICE
        for (;;) {
            while (!this.hasCredit()) await this.creditCame()
            if (call.isCancelled) {
                await this.end()
                this.functions.fail(call, 'cancelled', '', 'the stream was cancelled')
                return false
            }
            let next = runWithin(call.run.context, this.iterator.next.bind(this.iterator), [])
            if (typeof next.then === 'function') next = await next
            if (next.done) return true
            if (!this.give(next.value)) return false
            if (now() >= end) {
                await pause()
                end = now() + SLICE
            }
        }
    }

    hasCredit() {
        const { skip, isCancelled, creditItems, creditBytes } = this.call
        return skip > 0 || isCancelled || (creditItems > 0 && creditBytes > 0)
    }

    /** A promise of credit. The slot is given back meanwhile, and for good. */
    creditCame() {
        const { functions, call } = this
        this.sayItems()
        functions.detach(call)
        functions.giveSlotBack(call.run)
        functions.driver.wake()
        return new Promise(resolve => {
            this.wakeUp = resolve
        })
    }

    goOn() {
        const { wakeUp } = this
        if (!wakeUp || !this.hasCredit()) return
        this.wakeUp = null
        wakeUp()
    }

    /** Gives one item; whether the stream goes on. */
    give(value) {
        const { functions, call } = this
        if (call.skip > 0) {
            call.skip--
            return true
        }
        let raw
        try {
            raw = encodeOne(call.signature.items, value)
        } catch (wrong) {
            throw new TypeError(`${wrong.message}: no item of ${call.signature.text}`)
        }
        const tooLarge = functions.tooLarge(call, raw.length)
        if (tooLarge) {
            this.sayItems()
            functions.fail(call, 'too_large', '', tooLarge)
            return false
        }
        call.creditItems--
        call.creditBytes -= raw.length // the last one may go beyond; that much of the next credit is spent then
        if (this.bytes && this.bytes + raw.length > RECORD_BYTES) this.sayItems()
        this.items.push(raw)
        this.bytes += raw.length
        functions.streams.add(this)
        functions.driver.wake()
        return true
    }

    /** Puts the items that are there into one record. */
    sayItems() {
        const { items, call, functions } = this
        if (!items.length) return
        this.items = []
        this.bytes = 0
        let [payload] = items
        if (items.length > 1) {
            const out = new Writer(RECORD_BYTES)
            for (const each of items) {
                out.u32(each.length)
                out.raw(each)
            }
            payload = out.done()
        }
        // With the feature `transfer` items travel in further frames, so that few of them are before other calls.
        const apartFrom = call.line.outlet.isOn ? 0 : undefined
        functions.add(call, recordWithPayload(ITEM, out => {
            this.head(out)
            out.u32(items.length)
        }, payload, { apartFrom }))
    }
}
