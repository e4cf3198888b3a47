/** tests/golden, read by this package and written again: the same bytes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Unfit } from '../../lib/js/src/errors.js'
import { Batch, recordWithPayload } from '../../lib/js/src/wire/batch.js'
import { VOID } from '../../lib/js/src/wire/codecs.js'
import { packFrames, unpackFrames } from '../../lib/js/src/wire/frames.js'
import {
    CONTROL, LINK, RELAY, channelOf, control, leaseOfRelay, payloadOf, readControl, readLink, readRecord, recordKind,
    relayHeader, writeFields,
} from '../../lib/js/src/wire/messages.js'
import { decodeOne, encodeOne, parse, parseType } from '../../lib/js/src/wire/signature.js'
import { filesOf, framesOf } from './golden_files.js'

const MOST = 1 << 20

for (const path of filesOf('values')) {
    test(`golden ${path}`, () => {
        const { frames: [raw], comment } = framesOf(path)
        const [, text] = /^(\S+): /.exec(comment)
        if (text === '...') {
            const made = parse('f(...)->any')
            return assert.deepEqual(made.encodeArguments(made.decodeArguments(raw)), raw)
        }
        const codec = text === 'unit' ? VOID : parseType(text)
        if (path.endsWith('fn_script.hex')) { // this package does not name the feature
            return assert.throws(() => decodeOne(codec, raw), /functions as source/)
        }
        assert.equal(codec.name, text === 'unit' ? 'void' : text)
        assert.deepEqual(encodeOne(codec, decodeOne(codec, raw)), raw)
        for (let size = 0; size < raw.length; size++) { // whatever is cut off is refused
            assert.throws(() => decodeOne(codec, raw.subarray(0, size)), Unfit)
        }
        assert.throws(() => decodeOne(codec, Uint8Array.of(...raw, 0)), Unfit)
    })
}

test('golden values say what they are to say', () => {
    const read = (name, text) => decodeOne(parseType(text), framesOf(`values/${name}.hex`).frames[0])
    assert.deepEqual(read('nested', 'map<str,list<opt<tuple<i8,variant<i32,str>>>>>'), { k: [null, [1, 'v']] })
    assert.deepEqual(read('record_of_itself', '{i32,list<^1>}'), [1, [[2, []], [3, [[4, []]]]]])
    assert.deepEqual(read('set', 'set<u16>'), new Set([1, 256, 65535]))
    assert.deepEqual(read('any_regexp', 'any'), /^a/i)
    assert.deepEqual(read('u64', 'array<u64,3>'), [0, 1, 2n ** 64n - 1n])
    assert.deepEqual(read('i64', 'array<i64,3>'), [-(2n ** 63n), 1, 2n ** 63n - 1n])
    assert.deepEqual(read('f64', 'array<f64,4>'), [1.5, -0, Infinity, -Infinity])
    assert.deepEqual(read('any_object', 'any'), { b: false, a: [] })
    assert.equal(read('any_u64', 'any'), 2n ** 63n)
})

for (const path of filesOf('control')) {
    test(`golden ${path}`, () => {
        const { frames: [raw], comment } = framesOf(path)
        assert.equal(channelOf(raw), CONTROL)
        const { number, name, body, extensions } = readControl(raw, MOST)
        assert.match(comment, new RegExp(`control message ${number}\\b`))
        assert.deepEqual(control(name, body, extensions), raw)
    })
}

/** Writes a record again that was read. */
function writeAgain(batch, record, further) {
    const { number, flags, body, apart } = record
    const kind = recordKind(number)
    if (apart !== undefined) further.push(apart)
    if (!kind) {
        const out = batch.begin(number, flags, record.function)
        out.raw(body)
        return batch.end()
    }
    const { fields, at, extensions } = readRecord(kind, body, MOST)
    if (!kind.flags) {
        batch.add(kind.name, fields, extensions)
        batch.out.bytes[batch.begun + 5] |= flags // the bits 4 to 7 are ignored, whatever they are
        return
    }
    const read = payloadOf(record, at)
    const made = recordWithPayload(number, out => writeFields(kind.name, fields, out), read.payload, {
        flags: flags & ~5, index: record.function, extensions: read.extensions,
        apartFrom: apart === undefined ? Infinity : 0,
    })
    batch.raw(made.bytes)
}

for (const path of filesOf('link')) {
    test(`golden ${path}`, () => {
        const { frames } = framesOf(path)
        assert.equal(channelOf(frames[0]), LINK)
        const batch = new Batch()
        const further = []
        for (const record of readLink(frames)) writeAgain(batch, record, further)
        assert.deepEqual([...batch.take()[0], ...further], frames)
        assert.deepEqual(unpackFrames(packFrames(frames)), frames)
    })
}

for (const path of filesOf('frames')) {
    test(`golden ${path}`, () => {
        const { frames } = framesOf(path)
        const channel = channelOf(frames[0])
        assert.ok([CONTROL, LINK, RELAY].includes(channel))
        if (channel === RELAY && frames[0].length >= 24) {
            assert.deepEqual(relayHeader(leaseOfRelay(frames[0])), frames[0].slice(0, 24))
        }
    })
}
