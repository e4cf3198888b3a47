/**
 * Bytes to write to, and bytes to read from. Integers are little-endian (PROTOCOL.md, section 3).
 *
 * A 64-bit integer is a number if a number holds it exactly, else a BigInt.
 */
import { Unfit } from '../errors.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const HIGH = 4294967296
const MOST_HIGH = 2097151 // of 2^53 - 1
export const NOTHING = new Uint8Array(0)

/** The UTF-8 of a text. */
export function utf8(text) {
    return encoder.encode(text)
}

export function fromUtf8(bytes) {
    return decoder.decode(bytes)
}

/** How many bytes of UTF-8 a text has. */
export function utf8Length(text) {
    let length = text.length
    for (let i = 0; i < text.length; i++) {
        if (text.charCodeAt(i) > 127) return encoder.encode(text).length
    }
    return length
}

export class Writer {
    constructor(size = 256) {
        this.bytes = new Uint8Array(size)
        this.view = new DataView(this.bytes.buffer)
        this.at = 0
    }

    /** Makes room for so many bytes more. */
    room(count) {
        const needed = this.at + count
        if (needed <= this.bytes.length) return
        let size = this.bytes.length * 2
        while (size < needed) size *= 2
        const larger = new Uint8Array(size)
        larger.set(this.bytes.subarray(0, this.at))
        this.bytes = larger
        this.view = new DataView(larger.buffer)
    }

    u8(value) {
        this.room(1)
        this.bytes[this.at++] = value
    }

    u16(value) {
        this.room(2)
        this.view.setUint16(this.at, value, true)
        this.at += 2
    }

    u32(value) {
        this.room(4)
        this.view.setUint32(this.at, value, true)
        this.at += 4
    }

    i32(value) {
        this.u32(value)
    }

    u64(value) {
        this.room(8)
        if (typeof value === 'bigint') {
            this.view.setBigUint64(this.at, value, true)
        } else {
            const high = Math.floor(value / HIGH)
            this.view.setUint32(this.at, value - high * HIGH, true)
            this.view.setUint32(this.at + 4, high, true)
        }
        this.at += 8
    }

    i64(value) {
        if (typeof value === 'number' && value >= 0) return this.u64(value)
        this.room(8)
        this.view.setBigInt64(this.at, BigInt(value), true)
        this.at += 8
    }

    f32(value) {
        this.room(4)
        this.view.setFloat32(this.at, value, true)
        this.at += 4
    }

    f64(value) {
        this.room(8)
        this.view.setFloat64(this.at, value, true)
        this.at += 8
    }

    raw(bytes) {
        this.room(bytes.length)
        this.bytes.set(bytes, this.at)
        this.at += bytes.length
    }

    /** A text, with its length before it. */
    text(value) {
        const length = value.length
        this.room(4 + length * 3)
        const begin = this.at + 4
        const bytes = this.bytes
        let i = 0
        if (length <= 64) {
            for (; i < length; i++) {
                const unit = value.charCodeAt(i)
                if (unit > 127) break
                bytes[begin + i] = unit
            }
        }
        if (i < length) i = encoder.encodeInto(value, bytes.subarray(begin)).written
        this.view.setUint32(this.at, i, true)
        this.at = begin + i
    }

    /** A copy of what was written. */
    done() {
        return this.bytes.slice(0, this.at)
    }
}

/** What reads bytes; whatever is missing is Unfit. */
export class Reader {
    constructor(bytes, at = 0) {
        this.bytes = bytes
        this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
        this.at = at
        this.end = bytes.length
    }

    /** The offset of the next so many bytes. */
    take(count) {
        const at = this.at
        if (count > this.end - at) throw new Unfit('bytes are missing')
        this.at = at + count
        return at
    }

    get left() {
        return this.end - this.at
    }

    u8() {
        return this.bytes[this.take(1)]
    }

    u16() {
        return this.view.getUint16(this.take(2), true)
    }

    u32() {
        return this.view.getUint32(this.take(4), true)
    }

    u64() {
        const at = this.take(8)
        const high = this.view.getUint32(at + 4, true)
        return high > MOST_HIGH ? this.view.getBigUint64(at, true) : high * HIGH + this.view.getUint32(at, true)
    }

    i64() {
        const at = this.take(8)
        const high = this.view.getInt32(at + 4, true)
        if (high > MOST_HIGH || high < -MOST_HIGH) return safe(this.view.getBigInt64(at, true))
        return high * HIGH + this.view.getUint32(at, true)
    }

    f64() {
        return this.view.getFloat64(this.take(8), true)
    }

    bool() {
        const said = this.bytes[this.take(1)]
        if (said > 1) throw new Unfit('a bool is neither 0 nor 1')
        return said === 1
    }

    /** A count of what has at least so many bytes each. */
    count(size = 1) {
        const count = this.view.getUint32(this.take(4), true)
        if (count * size > this.end - this.at) throw new Unfit('a count is larger than what is left')
        return count
    }

    /** A view of so many bytes. */
    raw(count) {
        const at = this.take(count)
        return this.bytes.subarray(at, at + count)
    }

    /** What is left, as a view. */
    rest() {
        return this.raw(this.end - this.at)
    }

    text() {
        const size = this.view.getUint32(this.take(4), true)
        const at = this.take(size)
        if (size > 32) return decoder.decode(this.bytes.subarray(at, at + size))
        let made = ''
        for (let i = at; i < at + size; i++) {
            const unit = this.bytes[i]
            if (unit > 127) return decoder.decode(this.bytes.subarray(at, at + size))
            made += String.fromCharCode(unit)
        }
        return made
    }
}

function safe(value) {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
}
