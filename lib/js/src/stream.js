/** Items of a stream function, as they are read. */
import { MausError } from './errors.js'
import { now } from './shell/clock.js'
import { decodeOne } from './wire/compound.js'

/** Read by `for await`; the function waits while what it gave is not read. To leave the loop cancels it. */
export class Stream {
    constructor(driver, itemsMax, bytesMax) {
        this.driver = driver
        this.call = null
        this.itemsMax = Math.max(1, itemsMax)
        this.bytesMax = Math.max(1, bytesMax)
        this.items = []
        this.head = 0
        this.unreadBytes = 0
        this.readItems = 0
        this.readBytes = 0
        this.failed = null
        this.isOver = false
        this.waiting = []
        /** How many items were read. */
        this.delivered = 0
    }

    // The manager's machine.

    /** The credit of a new attempt: what may wait, less what waits. */
    room() {
        this.readItems = 0
        this.readBytes = 0
        return [Math.max(0, this.itemsMax - this.unread), Math.max(0, this.bytesMax - this.unreadBytes)]
    }

    get unread() {
        return this.items.length - this.head
    }

    came(items) {
        const codec = this.call.signature.items
        for (const raw of items) {
            this.items.push({ codec, raw })
            this.unreadBytes += raw.length
        }
        this.tell()
    }

    ended(failed) {
        this.failed = failed
        this.isOver = true
        this.tell()
    }

    tell() {
        while (this.waiting.length && (this.unread || this.isOver)) {
            const { resolve, reject } = this.waiting.shift()
            try {
                resolve(this.take())
            } catch (wrong) {
                reject(wrong)
            }
        }
    }

    // Whoever reads.

    take() {
        if (!this.unread) {
            const { failed } = this
            if (!failed) return { done: true, value: undefined }
            this.failed = null // it is thrown once
            failed.delivered = this.delivered
            throw failed
        }
        const { codec, raw } = this.items[this.head]
        this.items[this.head++] = undefined
        if (this.head === this.items.length || this.head > 4096) {
            this.items = this.items.slice(this.head)
            this.head = 0
        }
        this.wasRead(raw.length)
        return { done: false, value: this.decoded(codec, raw) }
    }

    wasRead(bytes) {
        this.unreadBytes -= bytes
        this.readItems++
        this.readBytes += bytes
        if (this.readItems * 2 < this.itemsMax && this.readBytes * 2 < this.bytesMax) return
        this.driver.machine.giveCredit(this.call, this.readItems, this.readBytes)
        this.readItems = 0
        this.readBytes = 0
        this.driver.wake()
    }

    decoded(codec, raw) {
        this.delivered++
        try {
            return decodeOne(codec, raw)
        } catch (wrong) {
            this.close()
            throw new MausError('bad_result', `${wrong.message}, an item of ${this.call.name}`, { function: this.call.name })
        }
    }

    [Symbol.asyncIterator]() {
        return this
    }

    async next() {
        if (this.unread || this.isOver) return this.take()
        return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }))
    }

    async return(value) {
        this.close()
        return { done: true, value }
    }

    /** Cancels the function, if it still runs. What was not read is dropped. */
    close() {
        this.items = []
        this.head = 0
        if (!this.isOver) {
            this.driver.machine.cancel(this.call, now())
            this.driver.wake()
        }
        this.failed = null
    }
}
