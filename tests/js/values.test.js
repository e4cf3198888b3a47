/** Values and types: what they become as bytes, by hand and by chance. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { MausError, Unfit } from '../../lib/js/src/errors.js'
import { Regexp, Time } from '../../lib/js/src/wire/values.js'
import { convertible, decodeOne, encodeOne, parse, parseType } from '../../lib/js/src/wire/signature.js'
import { forSeeds } from './chance.js'

const ANY = parseType('any')
const again = value => decodeOne(ANY, encodeOne(ANY, value))
const through = (text, value) => {
    const codec = parseType(text)
    return decodeOne(codec, encodeOne(codec, value))
}

test('values come back as they went', () => {
    for (const value of [
        null, true, false, 0, -1, 2 ** 53 - 1, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n, -(2n ** 63n), 1.5, -0, NaN, Infinity,
        -Infinity, 2 ** 80, '', 'häß\0😀', '\ufeffbom', 'x'.repeat(100), new Uint8Array(0), Uint8Array.of(255, 0), [],
        [1, [2, { a: null }]], {}, { b: 1, a: [2] }, new Date(0), new Date(-1), new Date(1.7e12), new Date(8.64e15),
        /^a+$/gi, /a\/b/, new Time(1, 1), new Time(2n ** 60n, 0), new Regexp('(', 'i'),
    ]) assert.deepEqual(again(value), value)
})

test('what becomes something else', () => {
    assert.equal(again(undefined), null)
    assert.deepEqual(again([undefined, , 1]), [null, null, 1]) // eslint-disable-line no-sparse-arrays
    assert.deepEqual(again({ a: undefined, b: 1 }), { b: 1 })
    assert.equal(again(5n), 5)
    assert.deepEqual(again(new Map([['a', 1]])), { a: 1 })
    assert.deepEqual(again(new Map([[1, 2]])), [[1, 2]])
    assert.deepEqual(again(new Set([1, 2])), [1, 2])
    assert.deepEqual(again(Float64Array.of(1, 2.5)), [1, 2.5])
    assert.deepEqual(again(Uint8Array.of(7).buffer), Uint8Array.of(7))
    assert.deepEqual(again(Buffer.from('ab')), Uint8Array.of(97, 98))
    class Point { constructor() { this.x = 1 } }
    assert.deepEqual(again(new Point()), { x: 1 })
})

test('errors travel with their names', () => {
    const made = again(new RangeError('far'))
    assert.ok(made instanceof RangeError)
    assert.equal(made.message, 'far')
    const named = again(Object.assign(new Error('x'), { name: 'KeyError' }))
    assert.equal(named.name, 'KeyError')
    assert.equal(again(new MausError('poisoned', 'x')).name, 'poisoned')
})

test('what is no value is refused', () => {
    const cycle = []
    cycle.push(cycle)
    for (const value of [2n ** 64n, -(2n ** 63n) - 1n, () => 1, Symbol('x'), Promise.resolve(1), cycle, new Date(NaN)]) {
        assert.throws(() => encodeOne(ANY, value), Unfit)
    }
})

test('a member called __proto__ pollutes nothing', () => {
    const made = again(JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}'))
    assert.equal(made.polluted, undefined)
    assert.equal({}.polluted, undefined)
    assert.deepEqual(Object.keys(made), ['__proto__', 'a'])
    assert.equal(Object.getPrototypeOf(made), Object.prototype)
    const typed = through('map<str,i32>', JSON.parse('{"__proto__": 5, "constructor": 6}'))
    assert.deepEqual(Object.entries(typed), [['__proto__', 5], ['constructor', 6]])
})

test('bytes that were received are the receiver\'s own', () => {
    const raw = encodeOne(ANY, Uint8Array.of(1, 2))
    const made = decodeOne(ANY, raw)
    raw.fill(9)
    assert.deepEqual(made, Uint8Array.of(1, 2))
})

test('types convert as section 3.2 says', () => {
    assert.equal(through('i32', 7n), 7)
    assert.equal(through('i64', 2 ** 60), 2n ** 60n)
    assert.equal(through('u64', 5), 5)
    assert.equal(through('f64', 3n), 3)
    assert.deepEqual(through('list<u8>', [1, 2]), Uint8Array.of(1, 2))
    assert.deepEqual(through('array<u8,2>', Uint8Array.of(1, 2)), Uint8Array.of(1, 2))
    assert.deepEqual(through('map<i32,str>', new Map([[1, 'a']])), new Map([[1, 'a']]))
    assert.deepEqual(through('map<str,i32>', { a: 1 }), { a: 1 })
    assert.deepEqual(through('map<str,i32>', [['a', 1]]), { a: 1 })
    assert.deepEqual(through('set<i32>', [3, 1]), new Set([3, 1]))
    assert.deepEqual(through('opt<opt<i32>>', [null]), [null])
    assert.equal(through('opt<opt<i32>>', null), null)
    assert.deepEqual(through('opt<opt<i32>>', 5), [5])
    assert.deepEqual(through('variant<i32,str>', 'a'), 'a')
    assert.deepEqual(through('variant<i32,i64>', { index: 1, value: 5 }), { index: 1, value: 5 })
    assert.deepEqual(through('variant<f64,str>', 2), 2)
    assert.deepEqual(through('variant<unit,bool>', null), null)
    assert.deepEqual(through('time<i64,1/1000000000>', new Date(-1)), new Date(-1))
    assert.deepEqual(through('time<i64,1/1000000000>', new Time(-5, 999999999)), new Time(-5, 999999999))
    assert.deepEqual(through('time<i64,1/1>', new Date(5000)), new Date(5000))
    assert.deepEqual(through('dur<i64,1/1000>', 2500), 2500)
})

test('what would lose digits is refused', () => {
    for (const [text, value] of [
        ['i32', 1.5], ['i32', 2 ** 31], ['u8', -1], ['u64', -1], ['i64', 2n ** 63n], ['bool', 1], ['str', 5], ['f32', 1e300],
        ['f64', 2n ** 53n + 1n], ['f32', 16777217n], ['time<i64,1/1>', new Date(1)], ['i32', '1'], ['i32', NaN], ['i32', null],
        ['list<i32>', 'ab'], ['array<i32,2>', [1]], ['tuple<i32,i32>', [1]], ['set<i32>', [1, 1]], ['set<f64>', [NaN]],
        ['map<i32,i32>', [[1, 1], [1, 2]]], ['variant<i32,str>', true], ['opt<i32>', 'x'], ['void', 1],
    ]) {
        const codec = text === 'void' ? parse('f()->void').result : parseType(text)
        assert.throws(() => encodeOne(codec, value), Unfit, text)
    }
})

test('signatures', () => {
    for (const text of [
        'add(i32,i32)->i32', 'f()->void', 'count(...)->any', 'each(...)->stream<any>', 'g(fn<i32(i32,str)>)->i32',
        'h(map<str,list<opt<tuple<i8,variant<i32,str>>>>>,{u32,^1})->stream<{i32}>', 't(time<i64,1/1000>)->dur<f64,60/1>',
    ]) assert.equal(parse(text).text, text)
    for (const text of [
        'f(fn<i32(fn<i32()>)>)->i32', 'f(stream<i32>)->i32', 'f()->fn<i32()>', 'f(list<fn<i32()>>)->i32', 'a b()->i32',
        '()->i32', 'f()->stream<unit>', 'f()i32', 'f', 'f(', 'f()->', 'f(i32,)->i32', 'f()->i32x', 'f(enum<f64>)->i32',
        '\u202ef()->i32',
    ]) assert.throws(() => parse(text), Unfit, text)
    for (const text of [`${'list<'.repeat(70)}i8${'>'.repeat(70)}`, '^1', 'list<unit>', 'add', 'variant<>', '{']) {
        assert.throws(() => parseType(text), Unfit, text)
    }
})

test('[P-98] which signatures are convertible', () => {
    const is = (a, b) => convertible(parse(a), parse(b))
    assert.ok(is('f(any,i32)->any', 'f(i32,i32)->i32'))
    assert.ok(is('f(...)->any', 'f(i32,i32)->i32'))
    assert.ok(is('f(i32)->i32', 'f(...)->any'))
    assert.ok(is('f(i32)->void', 'f(i32)->i32'))
    assert.ok(is('f(i32)->stream<any>', 'f(i32)->stream<i32>'))
    assert.ok(!is('f(i32)->any', 'f(i64)->any'))
    assert.ok(!is('f(i32)->any', 'f(i32,i32)->any'))
    assert.ok(!is('f(i32)->any', 'f(i32)->stream<any>'))
    assert.ok(!is('f(i32)->i32', 'g(i32)->i32'))
})

test('nesting and counts are bounded', () => {
    const level = [7, 1, 0, 0, 0]
    const deep = [...Array(64).fill(level).flat(), 0]
    decodeOne(ANY, Uint8Array.from(deep))
    for (const raw of [[...level, ...deep], [7, 255, 255, 255, 255], [6, 255, 255, 255, 127], [8, 255, 255, 255, 255]]) {
        assert.throws(() => decodeOne(ANY, Uint8Array.from(raw)), Unfit)
    }
    const tree = parseType('{i32,list<^1>}') // only records count, not the lists between them
    const rows = depth => Uint8Array.from([...Array(depth - 1).fill([1, 0, 0, 0, 1, 0, 0, 0]).flat(), 1, 0, 0, 0, 0, 0, 0, 0])
    assert.deepEqual(encodeOne(tree, decodeOne(tree, rows(64))), rows(64))
    assert.throws(() => decodeOne(tree, rows(65)), Unfit)
})

function randomValue(chance, depth = 0) {
    const kind = chance.below(depth > 3 ? 9 : 12)
    const text = () => String.fromCodePoint(...Array.from({ length: chance.below(40) }, () => chance.of([65, 233, 0x4e2d, 0x1f600])))
    switch (kind) {
    case 0: return null
    case 1: return chance.is(0.5)
    case 2: return chance.below(1000) - 500
    case 3: return BigInt.asIntN(64, 2n ** 53n * BigInt(chance.below(1000) + 1))
    case 4: return chance.next() * 10 ** chance.below(300)
    case 5: return text()
    case 6: return chance.randomBytes(chance.below(30))
    case 7: return new Date(chance.below(2 ** 40))
    case 8: return /a+/g
    case 9:
    case 10: return Array.from({ length: chance.below(5) }, () => randomValue(chance, depth + 1))
    default: return Object.fromEntries(Array.from({ length: chance.below(12) }, (_, i) => [text() + i, randomValue(chance, depth + 1)]))
    }
}

test('values by chance come back as they went', () => forSeeds(500, chance => {
    const value = randomValue(chance)
    assert.deepEqual(again(value), value)
}))

test('sets of sets are told apart by their bytes', () => {
    const codec = parseType('set<set<tuple<i32>>>')
    const value = new Set([new Set([[1], [2]]), new Set([[3], [2]])])
    assert.deepEqual(decodeOne(codec, encodeOne(codec, value)), value)
})

test('bytes by chance are values or are refused', () => forSeeds(3000, chance => {
    const codec = parseType(chance.of([
        'any', 'list<i32>', 'map<str,list<opt<tuple<i8,variant<i32,str>>>>>', '{i32,list<^1>}', 'set<u16>',
        'variant<unit,bool>', 'list<list<any>>', 'time<i64,1/1000000000>', 'map<tuple<i8,list<i8>>,any>', 'fn<i32()>',
    ]))
    const raw = Uint8Array.from({ length: chance.below(40) }, () => chance.of([0, 1, 2, 7, 8, 255, chance.below(256)]))
    let value
    try {
        value = decodeOne(codec, raw)
    } catch (wrong) {
        return assert.ok(wrong instanceof Unfit, String(wrong.stack))
    }
    encodeOne(codec, value)
}))
