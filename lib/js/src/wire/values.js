/**
 * Values that have their type with them: PROTOCOL.md, section 3.1.
 *
 * null, boolean, number, BigInt, string, Uint8Array, Array, plain objects, Date, RegExp and Error travel as they are.
 * What has no exact JavaScript type is a Time or a Regexp.
 */
import { MausError, Unfit } from '../errors.js'

const DEPTH_MAX = 64
const I64_MIN = -(2n ** 63n)
const I64_MAX = 2n ** 63n - 1n
const U64_MAX = 2n ** 64n - 1n

/** A moment that Date cannot hold: parts of a millisecond, or a year that it does not know. */
export class Time {
    constructor(seconds, nanoseconds = 0) {
        this.seconds = seconds
        this.nanoseconds = nanoseconds
    }
}

/** A regular expression that JavaScript does not take. */
export class Regexp {
    constructor(source, flags = '') {
        this.source = source
        this.flags = flags
    }
}

/** A Date if it holds this exactly, else a Time. */
export function toTime(seconds, nanoseconds) {
    const ms = Number(seconds) * 1000 + nanoseconds / 1e6
    return nanoseconds % 1000000 === 0 && Math.abs(ms) <= 8.64e15 ? new Date(ms) : new Time(seconds, nanoseconds)
}

/** [seconds since 1970, rounded down; nanoseconds]. */
export function ofTime(value) {
    if (value instanceof Time) {
        const { seconds, nanoseconds } = value
        if (!(nanoseconds >= 0 && nanoseconds < 1e9)) throw new Unfit('a time has too many nanoseconds')
        return [seconds, nanoseconds]
    }
    const ms = value.getTime()
    if (Number.isNaN(ms)) throw new Unfit('an invalid Date is no time')
    const seconds = Math.floor(ms / 1000)
    return [seconds, (ms - seconds * 1000) * 1000000]
}

function toRegexp(source, flags) {
    try {
        return new RegExp(source, flags)
    } catch {
        return new Regexp(source, flags)
    }
}

const ERRORS = { TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError }

/** An error that was received: of the class of its name if JavaScript has it. */
function toError(name, message) {
    const made = new (Object.hasOwn(ERRORS, name) ? ERRORS[name] : Error)(message)
    if (made.name !== name) Object.defineProperty(made, 'name', { value: name, enumerable: false, configurable: true })
    return made
}

function nameOfError(value) {
    return value instanceof MausError ? value.code : String(value.name)
}

export function isBytes(value) {
    return value instanceof Uint8Array || value instanceof ArrayBuffer || value instanceof Uint8ClampedArray ||
        value instanceof DataView
}

export function asBytes(value) {
    if (value instanceof Uint8Array) return value
    if (value instanceof ArrayBuffer) return new Uint8Array(value)
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

function putInteger(out, value) {
    if (value > I64_MAX) {
        if (value > U64_MAX) throw new Unfit(`${value} does not fit 64 bits`)
        out.u8(3)
        out.u64(value)
    } else {
        if (value < I64_MIN) throw new Unfit(`${value} does not fit 64 bits`)
        out.u8(2)
        out.i64(value)
    }
}

function putNumber(out, value) {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
        out.u8(2)
        out.i64(value)
    } else {
        out.u8(4)
        out.f64(value)
    }
}

function deeper(depth) {
    if (depth >= DEPTH_MAX) throw new Unfit('nested too deeply')
    return depth + 1
}

function putArray(out, values, count, depth) {
    const inside = deeper(depth)
    out.u8(7)
    out.u32(count)
    for (const each of values) put(out, each, inside)
}

function putMembers(out, members, depth) {
    const inside = deeper(depth)
    out.u8(8)
    const at = out.at
    out.u32(0)
    let count = 0
    for (const [key, value] of members) {
        if (value === undefined) continue
        out.text(key)
        put(out, value, inside)
        count++
    }
    out.view.setUint32(at, count, true)
}

function putMap(out, map, depth) {
    const keys = [...map.keys()]
    if (keys.every(each => typeof each === 'string')) return putMembers(out, map, depth)
    putArray(out, map, map.size, depth)
}

function putObject(out, value, depth) {
    if (Array.isArray(value)) return putArray(out, value, value.length, depth)
    if (isBytes(value)) {
        const bytes = asBytes(value)
        out.u8(6)
        out.u32(bytes.length)
        return out.raw(bytes)
    }
    if (value instanceof Date || value instanceof Time) {
        const [seconds, nanoseconds] = ofTime(value)
        out.u8(9)
        out.i64(seconds)
        return out.u32(nanoseconds)
    }
    if (value instanceof RegExp || value instanceof Regexp || value instanceof Error) {
        const isError = value instanceof Error
        out.u8(isError ? 11 : 10)
        out.text(isError ? nameOfError(value) : value.source)
        return out.text(isError ? String(value.message) : value.flags)
    }
    if (value instanceof Map) return putMap(out, value, depth)
    if (value instanceof Set) return putArray(out, value, value.size, depth)
    if (ArrayBuffer.isView(value)) return putArray(out, value, value.length, depth)
    if (typeof value.then === 'function') throw new Unfit('a promise is no value of maus; await it')
    putMembers(out, Object.entries(value), depth)
}

/** Writes the encoding of a value. */
export function put(out, value, depth = 0) {
    switch (typeof value) {
    case 'number': return putNumber(out, value)
    case 'string':
        out.u8(5)
        return out.text(value)
    case 'boolean':
        out.u8(1)
        return out.u8(value ? 1 : 0)
    case 'undefined': return out.u8(0)
    case 'bigint': return putInteger(out, value)
    case 'object': return value === null ? out.u8(0) : putObject(out, value, depth)
    default: throw new Unfit(`a ${typeof value} is no value of maus`)
    }
}

function getMembers(reader, count, depth) {
    const made = {}
    const seen = count > 8 ? new Set() : null
    for (let i = 0; i < count; i++) {
        const key = reader.text()
        if (seen ? seen.has(key) : Object.hasOwn(made, key)) throw new Unfit(`the key ${key} stands twice`)
        if (seen) seen.add(key)
        const value = get(reader, depth)
        if (key === '__proto__') {
            Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true })
        } else {
            made[key] = value
        }
    }
    return made
}

/** Reads a value. */
export function get(reader, depth = 0) {
    const tag = reader.u8()
    switch (tag) {
    case 0: return null
    case 1: return reader.bool()
    case 2: return reader.i64()
    case 3: {
        const value = reader.u64()
        if (value <= I64_MAX) throw new Unfit('an integer with tag 3 fits an i64')
        return value
    }
    case 4: return reader.f64()
    case 5: return reader.text()
    case 6: return reader.raw(reader.count()).slice()
    case 7: {
        const inside = deeper(depth)
        const count = reader.count()
        const made = []
        for (let i = 0; i < count; i++) made.push(get(reader, inside))
        return made
    }
    case 8: {
        const inside = deeper(depth)
        return getMembers(reader, reader.count(), inside)
    }
    case 9: {
        const seconds = reader.i64()
        const nanoseconds = reader.u32()
        if (nanoseconds >= 1e9) throw new Unfit('too many nanoseconds')
        return toTime(seconds, nanoseconds)
    }
    case 10: return toRegexp(reader.text(), reader.text())
    case 11: return toError(reader.text(), reader.text())
    default: throw new Unfit(`a value has the unknown tag ${tag}`)
    }
}

/** What a value is, for the table of conversions. */
export function kindOf(value) {
    switch (typeof value) {
    case 'number': return Number.isSafeInteger(value) && !Object.is(value, -0) ? 'integer' : 'f64'
    case 'bigint': return 'integer'
    case 'string': return 'string'
    case 'boolean': return 'bool'
    case 'undefined': return 'null'
    case 'function': return 'function'
    }
    if (value === null) return 'null'
    if (isBytes(value)) return 'bytes'
    if (Array.isArray(value) || value instanceof Set || ArrayBuffer.isView(value)) return 'array'
    if (value instanceof Date || value instanceof Time) return 'time'
    if (value instanceof RegExp || value instanceof Regexp) return 'regexp'
    if (value instanceof Error) return 'error'
    if (value instanceof Map) return [...value.keys()].every(each => typeof each === 'string') ? 'object' : 'array'
    return 'object'
}
