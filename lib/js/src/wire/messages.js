/**
 * Messages and records as bytes: PROTOCOL.md, sections 4 to 6.
 *
 * A body is an object of its fields; what it may have behind them is a list of extensions, [tag, bytes]. A link message
 * is read into records (see readLink). An id is a text of 32 hexadecimal digits, a lease is [epoch, sequence].
 */
import { Unfit, Violation, bad } from '../errors.js'
import { ENTRIES_MAX, TEXT_ALWAYS_HEARD } from '../limits.js'
import { NOTHING, Reader, Writer, fromUtf8, utf8, utf8Length } from './bytes.js'

export const CONTROL = 1
export const LINK = 2
export const RELAY = 3
export const APART = 1
export const AT_MOST_ONCE = 2
export const EXTENDED = 4
export const LAST_PART = 16
export const UNTAKEN = 32
export const NO_ID = '0'.repeat(32)
export const NO_LEASE = [0, 0]
export const TAG = {
    page: 1, elastic: 2, timeLeft: 3, label: 4, trace: 5, referenceFunctions: 6, streamCredit: 8, nested: 9,
    dynamicFunctions: 10,
}
/** A payload of so many bytes travels in a frame of its own ([P-44]). */
export const APART_FROM = 32 << 10

// Fields. Each kind has a writer (out, value) and a reader (reader).

function listOf([writeOne, readOne]) {
    return [
        (out, value) => {
            out.u32(value.length)
            for (const each of value) writeOne(out, each)
        },
        reader => {
            const made = []
            for (let count = reader.count(); count; count--) made.push(readOne(reader))
            return made
        },
    ]
}

function recordOf(text) {
    const fields = fieldsOf(text)
    return [(out, value) => write(fields, value, out), reader => read(fields, reader)]
}

function optional([writeOne, readOne]) {
    return [
        (out, value) => {
            out.u8(value ? 1 : 0)
            if (value) writeOne(out, value)
        },
        reader => (reader.bool() ? readOne(reader) : null),
    ]
}

export function idOf(bytes) {
    let made = ''
    for (const each of bytes) made += each.toString(16).padStart(2, '0')
    return made
}

export function bytesOfId(id) {
    const made = new Uint8Array(id.length / 2)
    for (let i = 0; i < made.length; i++) made[i] = parseInt(id.slice(2 * i, 2 * i + 2), 16)
    return made
}

function writeLimits(out, entries) {
    out.u32(entries.size)
    for (const [number, value] of entries) {
        out.u16(number)
        out.u64(value)
    }
}

function readLimits(reader) {
    const count = reader.count(10)
    if (count > ENTRIES_MAX) throw new Violation('too_large', 'too many limits')
    const made = new Map()
    for (let i = 0; i < count; i++) {
        const number = reader.u16()
        if (made.has(number)) throw bad('a limit stands twice')
        made.set(number, reader.u64())
    }
    return made
}

const KINDS = {
    u8: [(out, value) => out.u8(value), reader => reader.u8()],
    u32: [(out, value) => out.u32(value), reader => reader.u32()],
    u64: [(out, value) => out.u64(value), reader => reader.u64()],
    f64: [(out, value) => out.f64(value), reader => reader.f64()],
    bool: [(out, value) => out.u8(value ? 1 : 0), reader => reader.bool()],
    str: [(out, value) => out.text(value), reader => reader.text()],
    id: [(out, value) => out.raw(bytesOfId(value)), reader => idOf(reader.raw(16))],
    lease: [
        (out, value) => {
            out.u64(value[0])
            out.u64(value[1])
        },
        reader => [reader.u64(), reader.u64()],
    ],
    limits: [writeLimits, readLimits],
}
KINDS.texts = listOf(KINDS.str)
KINDS.serving = optional(recordOf('lease:lease manager:id token:id'))
KINDS.held = listOf(recordOf('lease:lease worker:id'))
KINDS.workers = listOf(recordOf('worker:id incarnation:u64 type:str signatures:texts concurrency:u32 host:str pid:u32 ' +
    'state:u8 lease:lease manager:id age_ms:u64'))
KINDS.managers = listOf(recordOf('manager:id endpoints:texts host:str pid:u32 age_ms:u64'))
KINDS.requests = listOf(recordOf('manager:id request:u64 type:str amount:u32 serving:u32 age_ms:u64'))

function fieldsOf(text) {
    return text.split(' ').filter(Boolean).map(each => {
        const [name, kind] = each.split(':')
        return [name, KINDS[kind]]
    })
}

function write(fields, body, out) {
    for (const [name, kind] of fields) kind[0](out, body[name])
}

function read(fields, reader) {
    const made = {}
    for (const [name, kind] of fields) made[name] = kind[1](reader)
    return made
}

const BEAT = 'interval_ms:u32 liveness:u32'
const CONTROL_BODIES = [
    [1, 'register_worker', `worker:id incarnation:u64 type:str signatures:texts concurrency:u32 ${BEAT} host:str ` +
        'pid:u32 free:bool serving:serving features:texts limits:limits'],
    [2, 'register_manager', `manager:id incarnation:u64 endpoints:texts ${BEAT} host:str pid:u32 features:texts ` +
        'limits:limits'],
    [3, 'request', 'request:u64 token:id type:str amount:u32 held:held'],
    [4, 'cancel', 'request:u64'],
    [5, 'accepted', 'lease:lease'],
    [6, 'refused', 'lease:lease error:u8 why:str'],
    [7, 'available', 'lease:lease'],
    [8, 'occupied', 'lease:lease manager:id token:id'],
    [9, 'worker_lost', 'request:u64 lease:lease worker:id'],
    [10, 'ping', 'stamp:u64'],
    [11, 'goodbye', 'why:str'],
    [12, 'status_query', ''],
    [13, 'unimplemented', 'type:u8'],
    [65, 'registered', `parkserver:id epoch:u64 ${BEAT} features:texts limits:limits`],
    [66, 'register_again', ''],
    [67, 'rejected', 'error:u8 why:str'],
    [68, 'assign', 'lease:lease token:id manager:id endpoints:texts'],
    [69, 'lease_ended', 'lease:lease why:str'],
    [70, 'granted', 'request:u64 lease:lease worker:id'],
    [71, 'pong', 'stamp:u64'],
    [72, 'parkserver_goodbye', 'why:str'],
    [73, 'status', 'version:str parkserver:id epoch:u64 uptime_ms:u64 workers:workers managers:managers ' +
        'requests:requests'],
    [74, 'parkserver_unimplemented', 'type:u8'],
    [75, 'fair_share', 'request:u64 workers:u32 newest:lease'],
]
const ATTEMPT = 'call:u64 attempt:u32'
const RECORD_BODIES = [
    [1, 'hello', `token:id worker:id incarnation:u64 lease:lease type:str signatures:texts concurrency:u32 ${BEAT} ` +
        'host:str pid:u32 stamp:u64 features:texts limits:limits'],
    [2, 'result', ATTEMPT],
    [3, 'failed', `${ATTEMPT} error:u8 type:str text:str`],
    [4, 'returned', ATTEMPT],
    [5, 'detached', ATTEMPT],
    [6, 'started', ATTEMPT],
    [7, 'ping', 'stamp:u64'],
    [8, 'goodbye', 'error:u8 why:str'],
    [9, 'unimplemented', 'type:u8'],
    [10, 'part', 'offset:u64'],
    [11, 'taken', 'bytes:u64'],
    [12, 'callback', `${ATTEMPT} function:u32 callback:u64`],
    [14, 'item', `${ATTEMPT} items:u32`],
    [129, 'progress', `${ATTEMPT} fraction:f64 text:str`],
    [33, 'welcome', `manager:id incarnation:u64 ${BEAT} stamp:u64 features:texts limits:limits`],
    [34, 'reject', 'error:u8 why:str'],
    [35, 'call', ATTEMPT],
    [36, 'cancel', ATTEMPT],
    [37, 'pong', 'stamp:u64'],
    [38, 'manager_goodbye', 'error:u8 why:str'],
    [39, 'manager_unimplemented', 'type:u8'],
    [40, 'manager_part', 'offset:u64'],
    [41, 'manager_taken', 'bytes:u64'],
    [42, 'callback_result', `${ATTEMPT} callback:u64`],
    [43, 'callback_failed', `${ATTEMPT} callback:u64 error:u8 type:str text:str`],
    [44, 'more', `${ATTEMPT} items:u32 bytes:u64`],
    [128, 'rejected_by', 'manager:id'],
]
/** Records with a payload, and which of the bits 0 to 3 each may have ([P-61]). */
const PAYLOADS = new Map([
    [2, APART | EXTENDED], [35, APART | AT_MOST_ONCE | EXTENDED], [12, APART | EXTENDED], [42, APART | EXTENDED],
    [14, APART], [10, APART], [40, APART],
])

function table(bodies) {
    const byNumber = new Array(256)
    const byName = new Map()
    for (const [number, name, text] of bodies) {
        const kind = { number, name, fields: fieldsOf(text), flags: PAYLOADS.get(number) || 0 }
        byNumber[number] = kind
        byName.set(name, kind)
    }
    return { byNumber, byName }
}

const controls = table(CONTROL_BODIES)
const records = table(RECORD_BODIES)

/** What a record of this number is; undefined if it is unknown. */
export function recordKind(number) {
    return records.byNumber[number]
}

export function recordNumber(name) {
    return records.byName.get(name).number
}

/** Runs a reader; what is missing is a violation. */
function whole(reading) {
    try {
        return reading()
    } catch (wrong) {
        throw wrong instanceof Unfit ? bad(`a body is not whole: ${wrong.message}`) : wrong
    }
}

export function writeExtensions(extensions, out) {
    for (const [tag, raw] of extensions) {
        out.u16(tag)
        out.u32(raw.length)
        out.raw(raw)
    }
}

/** All of them, in order; of a tag that comes twice the first counts ([P-59]). */
export function readExtensions(reader, most = 64) {
    const made = []
    while (reader.left) {
        const tag = reader.u16()
        made.push([tag, reader.raw(reader.count())])
        if (made.length > most) throw new Violation('too_large', 'too many extensions')
    }
    return made
}

export function extension(extensions, tag) {
    const found = extensions.find(each => each[0] === tag)
    return found && found[1]
}

/** A list of texts as the bytes of an extension. */
export function textsToBytes(texts) {
    const out = new Writer()
    KINDS.texts[0](out, texts)
    return out.done()
}

export function textsOfBytes(raw) {
    return whole(() => {
        const reader = new Reader(raw)
        const made = KINDS.texts[1](reader)
        if (reader.left) throw bad('bytes are left over')
        return made
    })
}

/** A text of at most so many bytes of UTF-8 ([P-80]). */
export function cut(text, most) {
    if (text.length * 3 <= most) return text
    const raw = utf8(text)
    if (raw.length <= most) return text
    let end = most
    while (end > 0 && (raw[end] & 0xc0) === 0x80) end--
    return fromUtf8(raw.subarray(0, end))
}

/** Refuses a text that is longer than the reader allows. */
function checkTexts(body, most) {
    for (const name of ['why', 'type', 'text', 'version']) {
        const value = body[name]
        if (typeof value === 'string' && value.length * 3 > TEXT_ALWAYS_HEARD &&
            utf8Length(value) > Math.max(most, TEXT_ALWAYS_HEARD)) {
            throw new Violation('too_large', `${name} is too long`)
        }
    }
}

// Messages.

export function putHeader(out, channel, type = 0) {
    out.u32(0x0155414d) // MAU 1
    out.u8(channel)
    out.u8(type)
    out.u16(0)
}

/** One control message, as bytes. */
export function control(name, body, extensions = []) {
    const kind = controls.byName.get(name)
    const out = new Writer()
    putHeader(out, CONTROL, kind.number)
    write(kind.fields, body, out)
    writeExtensions(extensions, out)
    return out.done()
}

/** {number, name, body, extensions}; of an unknown type the name is undefined. */
export function readControl(raw, textBytesMax) {
    const number = raw[5]
    const kind = controls.byNumber[number]
    if (!kind) return { number, name: undefined, body: {}, extensions: [] }
    return whole(() => {
        const reader = new Reader(raw, 8)
        const body = read(kind.fields, reader)
        checkTexts(body, textBytesMax)
        return { number, name: kind.name, body, extensions: readExtensions(reader) }
    })
}

/** The channel of a message by its first frame; 0 if it is no maus message. Throws a Violation. */
export function channelOf(first) {
    if (first === undefined || first.length < 8 || first[0] !== 0x4d || first[1] !== 0x41 || first[2] !== 0x55) return 0
    if (first[3] !== 1) throw new Violation('version_mismatch', `version 1 is spoken here, not ${first[3]}`)
    const channel = first[4]
    if (channel < CONTROL || channel > RELAY) throw bad('an unknown channel')
    if (first[6] || first[7] || (first[5] && channel !== CONTROL)) {
        throw bad('reserved bytes of a header are not 0, or it has a type though it is no control message')
    }
    return channel
}

/** The first frame of a relay message. */
export function relayHeader(lease) {
    const out = new Writer(24)
    putHeader(out, RELAY)
    KINDS.lease[0](out, lease)
    return out.done()
}

/** The lease of a relay message. */
export function leaseOfRelay(first) {
    if (first.length < 24) throw bad('a relay message is not whole')
    return KINDS.lease[1](new Reader(first, 8))
}

export function leaseKey(lease) {
    return `${lease[0]}.${lease[1]}`
}

/** Writes the fields of a record. */
export function writeFields(name, fields, out) {
    write(records.byName.get(name).fields, fields, out)
}

/** The fields of a record without a payload, and what it has behind them: {fields, extensions}. */
export function readRecord(kind, body, textBytesMax) {
    return whole(() => {
        const reader = new Reader(body)
        const fields = read(kind.fields, reader)
        checkTexts(fields, textBytesMax)
        if (kind.flags) return { fields, at: reader.at, extensions: [] }
        if (kind.number === 1 || kind.number === 33) return { fields, extensions: readExtensions(reader) }
        if (reader.left) throw bad('bytes are left over')
        return { fields, extensions: [] }
    })
}

/** The payload of a record, which begins at an offset of its body: {payload, extensions}. */
export function payloadOf(record, at) {
    const { flags, body, apart } = record
    let extensions = []
    let begin = at
    if (flags & EXTENDED) {
        whole(() => {
            const reader = new Reader(body, at)
            const inside = reader.raw(reader.count())
            begin = reader.at
            extensions = readExtensions(new Reader(inside))
        })
    }
    if (flags & APART) {
        if (body.length !== begin) throw bad('a payload stands in two places')
        return { payload: apart, extensions }
    }
    return { payload: begin === body.length ? NOTHING : body.subarray(begin), extensions }
}

/** The records of a link message: {number, flags, function, body, apart}, of which apart is the further frame. */
export function readLink(frames) {
    const first = frames[0]
    const view = new DataView(first.buffer, first.byteOffset, first.length)
    const made = []
    const end = first.length
    let apart = 1
    for (let at = 8; at < end;) {
        if (end - at < 8) throw bad('a record is not whole')
        const size = view.getUint32(at, true)
        const number = first[at + 4]
        const flags = first[at + 5]
        const index = view.getUint16(at + 6, true)
        at += 8
        if (size > end - at) throw bad('a record reaches beyond its frame')
        const kind = records.byNumber[number]
        if (kind && index && number !== 35) throw bad('only a call has a function number')
        if (kind && flags & 15 & ~kind.flags) throw bad('a flag that this record does not have')
        let further
        if (flags & APART) {
            if (apart >= frames.length) throw bad('a further frame is missing')
            further = frames[apart++]
        }
        made.push({ number, flags, function: index, body: first.subarray(at, at + size), apart: further })
        at += size
    }
    if (apart !== frames.length) throw bad('a further frame belongs to no record')
    return made
}
