/**
 * Records for one link, put into as few messages as their limits allow ([P-11]).
 *
 * A record is written where it will be sent from: `begin`, then its fields and its payload, then `end`.
 */
import { Writer } from './bytes.js'
import { APART, APART_FROM, EXTENDED, LINK, putHeader, recordNumber, writeExtensions, writeFields } from './messages.js'

const RECORDS_MAX = 1024
const BYTES_MAX = 32 << 10

export class Batch {
    constructor() {
        this.out = new Writer(1024)
        this.messages = []
        this.reset()
    }

    reset() {
        this.out.at = 0
        this.count = 0
        this.begun = 0
        putHeader(this.out, LINK)
    }

    get isEmpty() {
        return this.count === 0 && this.messages.length === 0
    }

    /** Begins a record; its fields are to be written to `out`. */
    begin(number, flags = 0, index = 0) {
        const { out } = this
        if (out.at > BYTES_MAX || this.count >= RECORDS_MAX) this.close()
        this.begun = out.at
        out.room(8)
        out.bytes[out.at + 4] = number
        out.bytes[out.at + 5] = flags
        out.view.setUint16(out.at + 6, index, true)
        out.at += 8
        return out
    }

    /** Ends it. With a further frame it travels alone ([P-44]). */
    end(apart) {
        const { out } = this
        out.view.setUint32(this.begun, out.at - this.begun - 8, true)
        this.count++
        if (apart !== undefined) this.close([apart])
    }

    /** Takes back what was begun. */
    undo() {
        this.out.at = this.begun
    }

    /** A record of these fields. */
    add(name, fields, extensions) {
        const out = this.begin(recordNumber(name))
        writeFields(name, fields, out)
        if (extensions) writeExtensions(extensions, out)
        this.end()
    }

    /** A record of an attempt, and nothing else: result (of nothing), returned, detached, started, cancel. */
    attempt(number, call, attempt) {
        const out = this.begin(number)
        out.u64(call)
        out.u32(attempt)
        this.end()
    }

    /** A record as bytes, with its further frame. */
    raw(record, apart) {
        if (apart !== undefined && this.count) this.close()
        if (this.out.at > BYTES_MAX || this.count >= RECORDS_MAX) this.close()
        this.begun = this.out.at
        this.out.raw(record)
        this.end(apart)
    }

    close(further = []) {
        if (!this.count) return
        this.messages.push([this.out.done(), ...further])
        this.reset()
    }

    /** The messages so far, each a list of frames. */
    take() {
        this.close()
        const made = this.messages
        this.messages = []
        return made
    }
}

/** Those of a record, with their length before them ([P-60]). */
export function putExtensions(out, extensions) {
    const at = out.at
    out.u32(0)
    writeExtensions(extensions, out)
    out.view.setUint32(at, out.at - at - 4, true)
}

/**
 * A record with a payload, as {bytes, apart}: `head` writes its fields. The payload is its further frame if it is large,
 * or if `apartFrom` says so.
 */
export function recordWithPayload(number, head, payload, { flags = 0, index = 0, extensions, apartFrom = APART_FROM } = {}) {
    const out = new Writer(64)
    const isApart = payload.length >= apartFrom
    out.u32(0)
    out.u8(number)
    out.u8(flags | (isApart ? APART : 0) | (extensions && extensions.length ? EXTENDED : 0))
    out.u16(index)
    head(out)
    if (extensions && extensions.length) putExtensions(out, extensions)
    if (!isApart) out.raw(payload)
    out.view.setUint32(0, out.at - 8, true)
    return { bytes: out.done(), apart: isApart ? payload : undefined }
}
