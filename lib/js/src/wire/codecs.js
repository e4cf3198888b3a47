/**
 * Types as bytes: PROTOCOL.md, section 3. One codec for each type of a signature.
 *
 * A codec converts as section 3.2 says. `encode(writer, value, depth)` and `decode(reader, depth)` throw Unfit. `kinds`
 * are those of the values that it may give; `width` is its number of bytes where that is always the same.
 */
import { Unfit } from '../errors.js'
import * as values from './values.js'

export const ALL_KINDS = [
    'null', 'bool', 'integer', 'f64', 'string', 'bytes', 'array', 'object', 'time', 'regexp', 'error',
]

/** What a value is, in a text. */
export function shown(value) {
    if (value === null || value === undefined) return String(value)
    if (typeof value === 'object') return value.constructor ? value.constructor.name : 'object'
    return typeof value === 'string' || typeof value === 'function' ? typeof value : `${typeof value} ${value}`
}

export class Codec {
    constructor(name, kinds, width = 0) {
        this.name = name
        this.kinds = new Set(kinds)
        this.width = width
    }

    /** Whether it may take no bytes at all. */
    get isEmpty() {
        return false
    }
}

/** Integers of up to 32 bits. */
class Small extends Codec {
    constructor(name, write, read, width, low, high) {
        super(name, ['integer'], width)
        this.write = write
        this.read = read
        this.low = low
        this.high = high
    }

    coerce(value) {
        const number = typeof value === 'bigint' ? Number(value) : value
        if (!Number.isInteger(number)) throw new Unfit(`${shown(value)} is no ${this.name}`)
        if (number < this.low || number > this.high) throw new Unfit(`${value} does not fit ${this.name}`)
        return number
    }

    encode(writer, value) {
        const number = this.coerce(value)
        writer.room(this.width)
        writer.view[this.write](writer.at, number, true)
        writer.at += this.width
    }

    decode(reader) {
        return reader.view[this.read](reader.take(this.width), true)
    }
}

class I32 extends Small {
    constructor() {
        super('i32', 'setInt32', 'getInt32', 4, -(2 ** 31), 2 ** 31 - 1)
    }

    encode(writer, value) {
        const number = typeof value === 'number' && (value | 0) === value ? value : this.coerce(value)
        writer.room(4)
        writer.view.setInt32(writer.at, number, true)
        writer.at += 4
    }

    decode(reader) {
        return reader.view.getInt32(reader.take(4), true)
    }
}

class Large extends Codec {
    constructor(name, low, high) {
        super(name, ['integer'], 8)
        this.low = low
        this.high = high
    }

    coerce(value) {
        if (typeof value !== 'bigint' && !Number.isInteger(value)) throw new Unfit(`${shown(value)} is no ${this.name}`)
        if (value < this.low || value > this.high) throw new Unfit(`${value} does not fit ${this.name}`)
        return typeof value === 'bigint' || Number.isSafeInteger(value) ? value : BigInt(value)
    }

    encode(writer, value) {
        const number = this.coerce(value)
        if (this.low) writer.i64(number)
        else writer.u64(number)
    }

    decode(reader) {
        return this.low ? reader.i64() : reader.u64()
    }
}

/** f32 and f64. */
class Float extends Codec {
    constructor(name, width) {
        super(name, ['f64'], width)
    }

    coerce(value) {
        if (typeof value !== 'number' && typeof value !== 'bigint') throw new Unfit(`${shown(value)} is no ${this.name}`)
        let number = Number(value)
        if (this.width === 4) {
            const rounded = Math.fround(number)
            if (!Number.isFinite(rounded) && Number.isFinite(number)) throw new Unfit(`${value} does not fit f32`)
            number = typeof value === 'bigint' ? rounded : number
        }
        if (typeof value === 'bigint' && (!Number.isFinite(number) || BigInt(number) !== value)) {
            throw new Unfit(`${this.name} does not hold ${value} to the last digit`)
        }
        return number
    }

    encode(writer, value) {
        const number = this.coerce(value)
        if (this.width === 4) writer.f32(number)
        else writer.f64(number)
    }

    decode(reader) {
        const at = reader.take(this.width)
        return this.width === 4 ? reader.view.getFloat32(at, true) : reader.view.getFloat64(at, true)
    }
}

class Bool extends Codec {
    constructor() {
        super('bool', ['bool'], 1)
    }

    encode(writer, value) {
        if (typeof value !== 'boolean') throw new Unfit(`${shown(value)} is no bool`)
        writer.u8(value ? 1 : 0)
    }

    decode(reader) {
        return reader.bool()
    }
}

class Text extends Codec {
    constructor() {
        super('str', ['string'])
    }

    encode(writer, value) {
        if (typeof value !== 'string') throw new Unfit(`${shown(value)} is no str`)
        writer.text(value)
    }

    decode(reader) {
        return reader.text()
    }
}

class Any extends Codec {
    constructor() {
        super('any', ALL_KINDS)
    }

    encode(writer, value, depth = 0) {
        values.put(writer, value, depth)
    }

    decode(reader, depth = 0) {
        return values.get(reader, depth)
    }
}

/** Nothing: an alternative of a variant, and `void` as a result. */
class Unit extends Codec {
    constructor(name) {
        super(name, ['null'])
        this.nothing = name === 'void' ? undefined : null
    }

    get isEmpty() {
        return true
    }

    encode(writer, value) {
        if (value !== null && value !== undefined) throw new Unfit(`nothing is expected here, not ${shown(value)}`)
    }

    decode() {
        return this.nothing
    }
}

export const VOID = new Unit('void')

const PLAIN = new Map([
    new Small('i8', 'setInt8', 'getInt8', 1, -128, 127),
    new Small('u8', 'setUint8', 'getUint8', 1, 0, 255),
    new Small('i16', 'setInt16', 'getInt16', 2, -32768, 32767),
    new Small('u16', 'setUint16', 'getUint16', 2, 0, 65535),
    new I32(),
    new Small('u32', 'setUint32', 'getUint32', 4, 0, 2 ** 32 - 1),
    new Large('i64', -(2n ** 63n), 2n ** 63n - 1n),
    new Large('u64', 0n, 2n ** 64n - 1n),
    new Float('f32', 4),
    new Float('f64', 8),
    new Bool(),
    new Text(),
    new Any(),
    new Unit('unit'),
].map(each => [each.name, each]))

/** The codec of a type without parts: i32, str, any, ...; undefined if it is none. */
export function plain(name) {
    return PLAIN.get(name)
}

export function isInteger(codec) {
    return codec instanceof Small || codec instanceof Large
}

export function isNumber(codec) {
    return isInteger(codec) || codec instanceof Float
}

/** Another name for the bytes of a number. */
class Named extends Codec {
    constructor(name, kinds, of) {
        super(name, kinds, of.width)
        this.of = of
    }

    encode(writer, value) {
        this.of.encode(writer, value)
    }

    decode(reader) {
        return this.of.decode(reader)
    }
}

export class Enumeration extends Named {
    constructor(of) {
        super(`enum<${of.name}>`, ['integer'], of)
    }
}

/** dur<T,n/d>: the count of its ticks. */
export class Duration extends Named {
    constructor(of, above, below) {
        super(`dur<${of.name},${above}/${below}>`, of.kinds, of)
    }
}

/** time<T,n/d>: a Date, or a Time where that would lose digits. */
export class Moment extends Codec {
    constructor(of, above, below) {
        super(`time<${of.name},${above}/${below}>`, ['time'], of.width)
        this.of = of
        this.above = BigInt(above)
        this.below = BigInt(below)
        this.isFloat = of instanceof Float
    }

    encode(writer, value) {
        if (values.kindOf(value) !== 'time') throw new Unfit(`${shown(value)} is no ${this.name}`)
        const [seconds, nanoseconds] = values.ofTime(value)
        const scaled = (BigInt(seconds) * 1000000000n + BigInt(nanoseconds)) * this.below
        const tick = this.above * 1000000000n
        if (this.isFloat) return this.of.encode(writer, Number(scaled) / Number(tick))
        if (scaled % tick) throw new Unfit(`${this.name} does not hold this to the last digit`)
        this.of.encode(writer, scaled / tick)
    }

    decode(reader) {
        const ticks = this.of.decode(reader)
        let nanoseconds
        if (this.isFloat) {
            const made = Math.round(ticks * Number(this.above) / Number(this.below) * 1e9)
            if (!Number.isFinite(made)) throw new Unfit('this is no moment')
            nanoseconds = BigInt(made)
        } else {
            nanoseconds = BigInt(ticks) * this.above * 1000000000n / this.below
        }
        let rest = nanoseconds % 1000000000n
        if (rest < 0n) rest += 1000000000n
        const seconds = (nanoseconds - rest) / 1000000000n
        const number = Number(seconds)
        return values.toTime(Number.isSafeInteger(number) ? number : seconds, Number(rest))
    }
}

/** A function as an argument, as it travels: the name of a function of the worker, or a number of a callable. */
export class Reference {
    constructor(name, number) {
        this.name = name
        this.number = number
    }
}

/** fn<R(A,B)>: a Reference ([P-108]). */
export class FunctionOf extends Codec {
    constructor(parameters, result) {
        super(`fn<${result.name}(${parameters.map(each => each.name).join(',')})>`, [])
        this.parameters = parameters
        this.result = result
    }

    /** The signature of the function of this name that it stands for. */
    signatureOf(name) {
        return `${name}(${this.parameters.map(each => each.name).join(',')})->${this.result.name}`
    }

    encode(writer, value) {
        if (!(value instanceof Reference)) throw new Unfit(`${shown(value)} is no function`)
        if (value.name !== undefined) {
            writer.u8(1)
            writer.text(value.name)
        } else {
            writer.u8(2)
            writer.u32(value.number)
        }
    }

    decode(reader) {
        const kind = reader.u8()
        if (kind === 1) return new Reference(reader.text())
        if (kind === 2) return new Reference(undefined, reader.u32())
        throw new Unfit(kind === 3 || kind === 4 ? 'functions as source are not taken here' : 'an unknown kind of function')
    }
}
