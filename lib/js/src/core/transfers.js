/**
 * Large payloads, cut so that little is on its way at a time (PROTOCOL.md, 6.1).
 *
 * Without the feature `transfer` an Outlet hands everything on as it comes.
 */
import { Violation, bad } from '../errors.js'
import { NOTHING } from '../wire/bytes.js'
import { recordWithPayload } from '../wire/batch.js'
import { LAST_PART, UNTAKEN, readRecord, recordKind, recordNumber } from '../wire/messages.js'

const WINDOW_FIRST = 256 << 10
const WINDOW_LEAST = 64 << 10
const WINDOW_MOST = 32 << 20
const SOON = 60 // ms; how long what was sent may be on its way before more, or less, is sent at a time
const LATE = 250

/** What is said over one link. Records of one call keep their order; others pass what is large. */
export class Outlet {
    /** `part` is the name of the record that carries parts; `pieceMost` bounds a frame. */
    constructor(batch, part, pieceMost) {
        this.batch = batch
        this.part = recordNumber(part)
        this.pieceMost = pieceMost
        this.isOn = false
        this.queue = []
        this.keys = new Map()
        this.waitingBytes = 0
        this.sent = 0
        this.taken = 0
        this.window = WINDOW_FIRST
        this.marks = []
        this.movedAt = 0
    }

    /** A record, with its further frame. `call.isSending` is kept while not all of it is sent. */
    add(key, bytes, apart, call) {
        if (!this.isOn || (apart === undefined && !this.keys.has(key))) return this.batch.raw(bytes, apart)
        if (apart !== undefined) {
            this.waitingBytes += apart.length
            if (call) call.isSending = true
        }
        this.queue.push({ key, bytes, apart, call, offset: 0 })
        this.keys.set(key, (this.keys.get(key) || 0) + 1)
    }

    /** Whether a record of this call has to stand in line. */
    holds(key) {
        return this.keys.size > 0 && this.keys.has(key)
    }

    /** Sends as much of what waits as may be on its way. */
    pump(now) {
        while (this.queue.length) {
            const first = this.queue[0]
            if (first.apart === undefined) this.batch.raw(first.bytes)
            else if (!this.pumpPayload(first, now)) return
            if (first.apart !== undefined && first.offset < first.apart.length) continue
            this.queue.shift()
            this.drop(first.key)
        }
    }

    /** Sends a piece; false: there is no room for it now. */
    pumpPayload(first, now) {
        const onItsWay = this.sent - this.taken
        const left = first.apart.length - first.offset
        const size = Math.min(left, Math.max(this.window >> 1, 1), this.pieceMost)
        if (onItsWay && size > this.window - onItsWay) return false
        if (!onItsWay) this.movedAt = now
        this.sent += size
        this.waitingBytes -= size
        this.marks.push([this.sent, now])
        const { offset } = first
        const piece = size === first.apart.length ? first.apart : first.apart.subarray(offset, offset + size)
        first.offset += size
        if (size < left) {
            this.putPart(offset, piece)
            return true
        }
        if (offset) first.bytes[5] |= LAST_PART
        this.batch.raw(first.bytes, piece)
        if (first.call) first.call.isSending = false
        return true
    }

    putPart(offset, piece) {
        const record = recordWithPayload(this.part, out => out.u64(offset), piece, { apartFrom: 0 })
        this.batch.raw(record.bytes, record.apart)
    }

    drop(key) {
        const left = this.keys.get(key) - 1
        if (left) this.keys.set(key, left)
        else this.keys.delete(key)
    }

    /** What waits of a call is not sent any more. */
    giveUp(key) {
        if (!this.keys.has(key)) return
        const first = this.queue[0]
        if (first.key === key && first.offset) this.putPart(0, NOTHING)
        for (const each of this.queue) {
            if (each.key !== key || each.apart === undefined) continue
            this.waitingBytes -= each.apart.length - each.offset
            if (each.call) each.call.isSending = false
        }
        this.queue = this.queue.filter(each => each.key !== key)
        this.keys.delete(key)
    }

    /** `taken` came ([P-84]). */
    wasTaken(count, now) {
        if (!this.isOn) throw bad('without the feature transfer')
        if (count < this.taken || count > this.sent) throw bad('more was taken than was sent, or less than before')
        this.taken = count
        this.movedAt = now
        let since = -1
        while (this.marks.length && this.marks[0][0] <= count) since = now - this.marks.shift()[1]
        if (since >= 0 && since < SOON) this.window = Math.min(WINDOW_MOST, this.window * 2)
        else if (since > LATE) this.window = Math.max(WINDOW_LEAST, this.window >> 1)
    }

    /** Whether something is to be taken and nothing was for the heartbeat timeout ([P-86]). */
    isStuck(now, timeout) {
        return this.sent > this.taken && now >= this.movedAt + timeout
    }
}

/** Further frames that come over one link: parts, and how many bytes were taken. */
export class Arrivals {
    constructor() {
        this.isOn = false
        this.pieces = null
        this.size = 0
        this.taken = 0
        this.mustTell = false
    }

    /** Of a record with a further frame: all of the payload; undefined for a part. */
    frame(record, most) {
        const { number, flags, apart } = record
        const isPart = number === 10 || number === 40
        if (!this.isOn) {
            if (isPart) throw bad('without the feature transfer')
            return apart
        }
        this.taken += apart.length
        if (!(flags & UNTAKEN)) this.mustTell = true
        if (isPart) {
            this.addPart(readRecord(recordKind(number), record.body, 0).fields.offset, apart, most)
            return undefined
        }
        const kind = recordKind(number)
        if (!(flags & LAST_PART) || !kind || !kind.flags) return apart
        if (!this.pieces) throw bad('the last part of nothing')
        this.keep(apart, most)
        return this.joined()
    }

    addPart(offset, apart, most) {
        if (offset === 0) {
            this.pieces = []
            this.size = 0
        } else if (!this.pieces || offset !== this.size) {
            throw bad('a part does not begin where the last one ended')
        }
        this.keep(apart, most)
    }

    keep(apart, most) {
        this.size += apart.length
        if (this.size > most) throw new Violation('too_large', 'a payload is larger than message_bytes_max')
        this.pieces.push(apart)
    }

    joined() {
        const made = new Uint8Array(this.size)
        let at = 0
        for (const each of this.pieces) {
            made.set(each, at)
            at += each.length
        }
        this.pieces = null
        return made
    }

    /** Says how much was taken, if somebody has to be told. */
    tell(batch, name) {
        if (!this.mustTell) return
        this.mustTell = false
        batch.add(name, { bytes: this.taken })
    }
}
