/** Types that are made of others: lists, maps, options, records, variants (PROTOCOL.md, section 3). */
import { Unfit } from '../errors.js'
import { Codec, shown } from './codecs.js'
import { Reader, Writer } from './bytes.js'
import { asBytes, isBytes, kindOf } from './values.js'

const DEPTH_MAX = 64

/** list<T>, and array<T,N> if `fixed` tells N. Of u8 it is a Uint8Array. */
export class List extends Codec {
    constructor(of, fixed) {
        const asBytesHere = of.name === 'u8'
        super(fixed === undefined ? `list<${of.name}>` : `array<${of.name},${fixed}>`, [asBytesHere ? 'bytes' : 'array'])
        this.of = of
        this.fixed = fixed
        this.isBytes = asBytesHere
    }

    get isEmpty() {
        return this.fixed === 0 || (this.fixed !== undefined && this.of.isEmpty)
    }

    encode(writer, value, depth = 0) {
        if (this.isBytes && isBytes(value)) {
            const bytes = asBytes(value)
            this.begin(writer, bytes.length)
            return writer.raw(bytes)
        }
        if (!Array.isArray(value) && (!ArrayBuffer.isView(value) || value instanceof DataView)) {
            throw new Unfit(`${shown(value)} is no ${this.name}`)
        }
        this.begin(writer, value.length)
        const { of } = this
        for (let i = 0; i < value.length; i++) of.encode(writer, value[i], depth)
    }

    begin(writer, count) {
        if (this.fixed === undefined) writer.u32(count)
        else if (count !== this.fixed) throw new Unfit(`${this.name} has ${this.fixed} elements, not ${count}`)
    }

    decode(reader, depth = 0) {
        const { of } = this
        let count = this.fixed
        if (count === undefined) count = reader.count(of.width || 1)
        else if (!this.isEmpty && count * (of.width || 1) > reader.left) throw new Unfit('bytes are missing')
        if (this.isBytes) return reader.raw(count).slice()
        const made = []
        for (let i = 0; i < count; i++) made.push(of.decode(reader, depth))
        return made
    }
}

/** What tells two keys or members apart: their bytes, for which -0 is 0. NaN is refused. */
function keyOf(codec, value) {
    if (typeof value === 'number') {
        if (Number.isNaN(value)) throw new Unfit('a key or a member of a set is no number')
        return value === 0 ? 0 : value
    }
    if (typeof value !== 'object' || value === null) return value
    const scratch = new Writer(64)
    codec.encode(scratch, value)
    let made = ''
    for (let i = 0; i < scratch.at; i++) made += String.fromCharCode(scratch.bytes[i])
    return made
}

/** map<K,V>: an object if its keys are texts, else a Map. */
export class MapOf extends Codec {
    constructor(key, of) {
        super(`map<${key.name},${of.name}>`, [key.name === 'str' ? 'object' : 'array'])
        this.key = key
        this.of = of
        this.isObject = key.name === 'str'
    }

    pairsOf(value) {
        if (value instanceof Map) return [...value]
        if (Array.isArray(value)) return value
        if (kindOf(value) === 'object') return Object.entries(value)
        throw new Unfit(`${shown(value)} is no ${this.name}`)
    }

    encode(writer, value, depth = 0) {
        const pairs = this.pairsOf(value)
        writer.u32(pairs.length)
        const seen = new Set()
        for (const pair of pairs) {
            if (!Array.isArray(pair) || pair.length !== 2) throw new Unfit(`${shown(pair)} is no key with its value`)
            const known = keyOf(this.key, pair[0])
            if (seen.has(known)) throw new Unfit(`the key ${pair[0]} stands twice`)
            seen.add(known)
            this.key.encode(writer, pair[0], depth)
            this.of.encode(writer, pair[1], depth)
        }
    }

    decode(reader, depth = 0) {
        const count = reader.count()
        if (count && this.key.isEmpty && this.of.isEmpty) throw new Unfit('pairs that take no bytes')
        const made = this.isObject ? {} : new Map()
        const seen = new Set()
        for (let i = 0; i < count; i++) {
            const key = this.key.decode(reader, depth)
            const known = keyOf(this.key, key)
            if (seen.has(known)) throw new Unfit(`the key ${key} stands twice`)
            seen.add(known)
            const value = this.of.decode(reader, depth)
            if (!this.isObject) made.set(key, value)
            else Object.defineProperty(made, key, { value, enumerable: true, writable: true, configurable: true })
        }
        return made
    }
}

export class SetOf extends Codec {
    constructor(of) {
        super(`set<${of.name}>`, ['array'])
        this.of = of
    }

    encode(writer, value, depth = 0) {
        if (!(value instanceof Set) && !Array.isArray(value)) throw new Unfit(`${shown(value)} is no ${this.name}`)
        writer.u32(value instanceof Set ? value.size : value.length)
        const seen = new Set()
        for (const each of value) {
            const known = keyOf(this.of, each)
            if (seen.has(known)) throw new Unfit(`${shown(each)} stands twice in a set`)
            seen.add(known)
            this.of.encode(writer, each, depth)
        }
    }

    decode(reader, depth = 0) {
        const count = reader.count()
        const made = new Set()
        const seen = new Set()
        for (let i = 0; i < count; i++) {
            const value = this.of.decode(reader, depth)
            const known = keyOf(this.of, value)
            if (seen.has(known)) throw new Unfit(`${shown(value)} stands twice in a set`)
            seen.add(known)
            made.add(value)
        }
        return made
    }
}

export class Optional extends Codec {
    constructor(of) {
        const wrapped = of.kinds.has('null')
        super(`opt<${of.name}>`, wrapped ? ['null', 'array'] : ['null', ...of.kinds])
        this.of = of
        this.wrapped = wrapped
    }

    encode(writer, value, depth = 0) {
        if (value === null || value === undefined) return writer.u8(0)
        writer.u8(1)
        if (this.wrapped && Array.isArray(value)) {
            if (value.length !== 1) throw new Unfit(`${this.name} is null or an array of one`)
            return this.of.encode(writer, value[0], depth)
        }
        this.of.encode(writer, value, depth)
    }

    decode(reader, depth = 0) {
        if (!reader.bool()) return null
        const value = this.of.decode(reader, depth)
        return this.wrapped ? [value] : value
    }
}

/** tuple<A,B> and {A,B}: an Array. */
export class Tuple extends Codec {
    constructor() {
        super('', ['array'])
    }

    become(of, isRecord) {
        const inside = of.map(each => each.name).join(',')
        this.of = of
        this.isRecord = isRecord
        this.name = isRecord ? `{${inside}}` : `tuple<${inside}>`
        return this
    }

    get isEmpty() {
        return this.of !== undefined && this.of.every(each => each.isEmpty)
    }

    inside(depth) {
        if (!this.isRecord) return depth
        if (depth >= DEPTH_MAX) throw new Unfit('nested too deeply')
        return depth + 1
    }

    encode(writer, value, depth = 0) {
        const inside = this.inside(depth)
        if (!Array.isArray(value)) throw new Unfit(`${shown(value)} is no ${this.name}`)
        if (value.length !== this.of.length) {
            throw new Unfit(`${this.name} has ${this.of.length} elements, not ${value.length}`)
        }
        for (let i = 0; i < value.length; i++) this.of[i].encode(writer, value[i], inside)
    }

    decode(reader, depth = 0) {
        const inside = this.inside(depth)
        const made = []
        for (const each of this.of) made.push(each.decode(reader, inside))
        return made
    }
}

/** ^n: the record n braces up. */
export class Again extends Codec {
    constructor(record, up) {
        super(`^${up}`, ['array'])
        this.record = record
    }

    encode(writer, value, depth = 0) {
        this.record.encode(writer, value, depth)
    }

    decode(reader, depth = 0) {
        return this.record.decode(reader, depth)
    }
}

function isIndexed(value) {
    return kindOf(value) === 'object' && !(value instanceof Map) && Object.keys(value).length === 2 &&
        Object.hasOwn(value, 'index') && Object.hasOwn(value, 'value')
}

export class Variant extends Codec {
    constructor(of) {
        if (of.length > 255) throw new Unfit('a variant has at most 255 alternatives')
        super(`variant<${of.map(each => each.name).join(',')}>`, ['object', ...of.flatMap(each => [...each.kinds])])
        this.of = of
    }

    firstOfKind(kind) {
        return this.of.findIndex(each => each.kinds.has(kind))
    }

    encode(writer, value, depth = 0) {
        if (isIndexed(value)) {
            const { index } = value
            if (!Number.isInteger(index) || index < 0 || index >= this.of.length) {
                throw new Unfit(`${this.name} has no alternative ${shown(index)}`)
            }
            writer.u8(index)
            return this.of[index].encode(writer, value.value, depth)
        }
        const first = this.firstOfKind(kindOf(value))
        const before = writer.at
        for (const index of [first, ...this.of.keys()]) {
            if (index < 0) continue
            try {
                writer.u8(index)
                return this.of[index].encode(writer, value, depth)
            } catch (wrong) {
                if (!(wrong instanceof Unfit)) throw wrong
                writer.at = before
            }
        }
        throw new Unfit(`${shown(value)} is no ${this.name}`)
    }

    decode(reader, depth = 0) {
        const index = reader.u8()
        if (index >= this.of.length) throw new Unfit('a variant has no such alternative')
        const value = this.of[index].decode(reader, depth)
        const kind = this.kindOfDecoded(index, value)
        return kind !== 'object' && this.firstOfKind(kind) === index ? value : { index, value }
    }

    /** A number without a fraction may have been an f64: then its alternative tells. */
    kindOfDecoded(index, value) {
        const kind = kindOf(value)
        const { kinds } = this.of[index]
        return typeof value === 'number' && !kinds.has(kind) ? (kinds.has('f64') ? 'f64' : kind) : kind
    }
}

/** The bytes of one value. */
export function encodeOne(codec, value) {
    const writer = new Writer()
    codec.encode(writer, value)
    return writer.done()
}

/** A value that takes all of the bytes. */
export function decodeOne(codec, bytes) {
    const reader = new Reader(bytes)
    const value = codec.decode(reader)
    if (reader.left) throw new Unfit('bytes are left over')
    return value
}
