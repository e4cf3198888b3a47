/**
 * Signatures: `name(T,T,...)->R` taken apart ([P-9]), and what they say about bytes.
 *
 * A Signature encodes and decodes the arguments and results of one function.
 */
import { MausError, Unfit } from '../errors.js'
import { Reader, Writer, utf8Length } from './bytes.js'
import { Duration, Enumeration, FunctionOf, Moment, VOID, isInteger, isNumber, plain } from './codecs.js'
import { Again, List, MapOf, Optional, SetOf, Tuple, Variant, decodeOne, encodeOne } from './compound.js'
import * as values from './values.js'

const NESTING_MAX = 64

class Parser {
    constructor(text) {
        this.text = text
        this.at = 0
        this.records = []
        this.depth = 0
    }

    fail() {
        throw new Unfit(`no type: ${this.text.slice(this.at, this.at + 40)} in ${this.text.slice(0, 120)}`)
    }

    take(token) {
        if (!this.skip(token)) this.fail()
    }

    skip(token) {
        if (!this.text.startsWith(token, this.at)) return false
        this.at += token.length
        return true
    }

    /** What matches from here on. */
    match(pattern) {
        pattern.lastIndex = this.at
        const [found] = pattern.exec(this.text)
        this.at += found.length
        return found
    }

    /** Digits, as they stand. */
    number() {
        const digits = this.match(/[0-9]*/y)
        if (!digits || digits.length > 19) this.fail()
        return digits
    }

    ratio() {
        const above = BigInt(this.number())
        this.take('/')
        const below = BigInt(this.number())
        if (!above || !below) this.fail()
        return [above, below]
    }

    /** Types with commas between them, and what ends them. */
    types(end) {
        const made = []
        if (this.skip(end)) return made
        for (;;) {
            made.push(this.type())
            if (this.skip(end)) return made
            this.take(',')
        }
    }

    type() {
        if (++this.depth > NESTING_MAX) throw new Unfit('a type is nested too deeply')
        const made = this.oneType()
        this.depth--
        return made
    }

    oneType() {
        if (this.skip('{')) {
            const record = new Tuple()
            this.records.push(record)
            record.become(this.types('}'), true)
            this.records.pop()
            return record
        }
        if (this.skip('^')) {
            const up = Number(this.number())
            if (up < 1 || up > this.records.length) this.fail()
            return new Again(this.records[this.records.length - up], up)
        }
        const word = this.match(/[0-9A-Za-z]*/y)
        const known = plain(word)
        if (known) return known
        this.take('<')
        return this.compound(word)
    }

    compound(word) {
        if (word === 'fn') return this.functionOf()
        if (word === 'array') return this.array()
        if (word === 'dur' || word === 'time') return this.timed(word === 'dur' ? Duration : Moment)
        const of = this.types('>')
        const [first] = of
        if (of.length === 1) {
            if (word === 'list') return new List(this.element(first))
            if (word === 'set') return new SetOf(this.element(first))
            if (word === 'opt') return new Optional(first)
            if (word === 'enum' && isInteger(first)) return new Enumeration(first)
        }
        if (word === 'map' && of.length === 2) return new MapOf(...of)
        if (word === 'tuple') return new Tuple().become(of, false)
        if (word === 'variant' && of.length) return new Variant(of)
        return this.fail()
    }

    element(of) {
        if (of.isEmpty) throw new Unfit('an element that takes no bytes')
        return of
    }

    array() {
        const of = this.type()
        this.take(',')
        const count = Number(this.number())
        this.take('>')
        return new List(count ? this.element(of) : of, count)
    }

    timed(Made) {
        const of = this.type()
        this.take(',')
        const [above, below] = this.ratio()
        this.take('>')
        if (!isNumber(of)) this.fail()
        return new Made(of, above, below)
    }

    functionOf() {
        const result = this.result('(')
        const parameters = this.types(')')
        this.take('>')
        return new FunctionOf(parameters, result)
    }

    result(end = '') {
        if (this.skip('void' + end)) return VOID
        const made = this.type()
        if (end) this.take(end)
        return made
    }
}

/** The codec of a type's text. */
export function parseType(text) {
    const parser = new Parser(text)
    const made = parser.type()
    if (parser.at !== text.length) parser.fail()
    return made
}

// Blanks, control characters, and what is invisible or turns the writing direction.
const unprintable = new RegExp(
    '[\\x00-\\x20\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff' +
    '\\ufff9-\\ufffb\\ufffe\\uffff\\ud800-\\udfff\\u{e0000}-\\u{e0fff}()]', 'u')

/** Whether it is a function's name ([P-9]). */
export function isGoodName(name, most = 128) {
    return name.length > 0 && utf8Length(name) <= most && !unprintable.test(name)
}

/** Whether it is a worker's type, the name of a feature, or a label ([P-9]). */
export function isGoodTypeName(name, most = 128) {
    return typeof name === 'string' && name.length > 0 && utf8Length(name) <= most &&
        !/[\x00-\x1f\x7f]|[\ud800-\udfff]/u.test(name)
}

/** One signature: its name, its parameters' codecs and its result's. */
export class Signature {
    constructor(name, parameters, result, items, isDynamic) {
        this.name = name
        this.parameters = parameters
        this.result = result
        /** The codec of a stream's items, or null. */
        this.items = items
        /** Whether it takes any number of values ([P-97]). */
        this.isDynamic = isDynamic
        /** Whether a parameter is a function ([P-108]). */
        this.takesFunctions = parameters.some(each => each instanceof FunctionOf)
        const inside = isDynamic ? '...' : parameters.map(each => each.name).join(',')
        this.text = `${name}(${inside})->${items ? `stream<${items.name}>` : result.name}`
    }

    /** Writes arguments; throws bad_arguments or signature_mismatch. */
    putArguments(writer, args) {
        const { parameters } = this
        try {
            if (this.isDynamic) {
                for (const each of args) values.put(writer, each)
                return
            }
            if (args.length !== parameters.length) {
                throw new MausError('signature_mismatch',
                    `${this.text} takes ${parameters.length} arguments, not ${args.length}`)
            }
            for (let i = 0; i < parameters.length; i++) parameters[i].encode(writer, args[i], 0)
        } catch (wrong) {
            if (wrong instanceof MausError) throw wrong
            throw new MausError('bad_arguments', `${wrong.message}, in a call of ${this.text}`)
        }
    }

    encodeArguments(args) {
        const writer = new Writer()
        this.putArguments(writer, args)
        return writer.done()
    }

    /** An array; throws Unfit. */
    decodeArguments(bytes) {
        const reader = new Reader(bytes)
        const made = []
        if (this.isDynamic) {
            while (reader.at < reader.end) made.push(values.get(reader))
            return made
        }
        for (const each of this.parameters) made.push(each.decode(reader, 0))
        if (reader.left) throw new Unfit('bytes are left over')
        return made
    }

    decodeResult(bytes) {
        return this.result === VOID && !bytes.length ? undefined : decodeOne(this.result, bytes)
    }
}

function parseAnew(text) {
    const open = text.indexOf('(')
    const name = text.slice(0, Math.max(open, 0))
    if (!isGoodName(name)) throw new Unfit(`no signature: ${text.slice(0, 120)}`)
    const parser = new Parser(text.slice(open + 1))
    const isDynamic = parser.skip('...)')
    const parameters = isDynamic ? [] : parser.types(')')
    parser.take('->')
    let items = null
    let result = VOID
    if (parser.skip('stream<')) {
        items = parser.type()
        parser.take('>')
    } else {
        result = parser.result()
    }
    if (parser.at !== parser.text.length || (items && items.isEmpty)) parser.fail()
    const made = new Signature(name, parameters, result, items, isDynamic)
    const functions = parameters.filter(each => each instanceof FunctionOf).length
    if (parser.text.split('fn<').length - 1 !== functions) parser.fail()
    return made
}

const known = new Map()

/** A Signature from its text; throws Unfit. */
export function parse(text) {
    let made = known.get(text)
    if (made === undefined) {
        made = parseAnew(text)
        if (known.size >= 4096) known.clear()
        known.set(text, made)
    }
    return made
}

function isConvertible(ours, theirs) {
    return ours === theirs || ours === 'any' || theirs === 'any'
}

/** Whether a function may be called by another signature ([P-98]). */
export function convertible(wanted, exposed) {
    if (wanted.name !== exposed.name || Boolean(wanted.items) !== Boolean(exposed.items)) return false
    const ours = (wanted.items || wanted.result).name
    if (ours !== 'void' && !isConvertible(ours, (exposed.items || exposed.result).name)) return false
    if (wanted.isDynamic || exposed.isDynamic) return true
    return wanted.parameters.length === exposed.parameters.length &&
        wanted.parameters.every((each, i) => isConvertible(each.name, exposed.parameters[i].name))
}

export { decodeOne, encodeOne }
