/** A machine without sockets, and what it did. */
import { settingsOf } from '../../lib/js/src/core/session.js'
import { Batch, recordWithPayload } from '../../lib/js/src/wire/batch.js'
import {
    CONTROL, RELAY, control, leaseOfRelay, readControl, readLink, readRecord, recordKind, relayHeader, writeFields,
} from '../../lib/js/src/wire/messages.js'
import { Chance } from './chance.js'

const MOST = 1 << 20
export const BYTES_MAX = 1 << 20
export const LEASE = [7, 1]
export const TOKEN = '11'.repeat(16)
export const MANAGER = 'aa'.repeat(16)
export const WORKER = 'bb'.repeat(16)
export const FEATURES = ['streams', 'functions', 'transfer']
export const ABOUT = { interval_ms: 1000, liveness: 3, features: FEATURES, limits: new Map() }

export function settings(more = {}) {
    const chance = new Chance(1)
    return settingsOf({ interval: 1000, liveness: 3, random: chance.random, randomBytes: chance.randomBytes, ...more })
}

/** A record as bytes. */
export function record(name, fields, extensions) {
    const batch = new Batch()
    batch.add(name, fields, extensions)
    return batch.take()[0][0].subarray(8)
}

export function callRecord(number = 1, { attempt = 1, index = 0, payload = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0), flags = 0,
    extensions } = {}) {
    return recordWithPayload(35, out => {
        out.u64(number)
        out.u32(attempt)
    }, payload, { flags, index, extensions }).bytes
}

export function answerRecord(name, { call, attempt, ...more }, payload) {
    return recordWithPayload(name === 'result' ? 2 : name, out => writeFields('result', { call, attempt, ...more }, out), payload).bytes
}

/** A link message of these records. */
export function link(...records) {
    const batch = new Batch()
    for (const each of records) batch.raw(each)
    return batch.take()[0]
}

export class Desk {
    constructor(machine) {
        this.machine = machine
        this.now = 100000
        this.said = []
        this.park = 0
    }

    turn() {
        this.machine.advance(this.now)
        this.machine.flush(this.now)
        this.said.push(...this.machine.take())
    }

    /** What it did of this kind; the others are kept. */
    take(kind) {
        this.turn()
        const made = this.said.filter(each => !kind || each[0] === kind)
        this.said = this.said.filter(each => kind && each[0] !== kind)
        return made
    }

    /** [name, body] of the control messages that it sent, but for pings. */
    controls() {
        return this.sent(CONTROL).map(frames => readControl(frames[0], MOST)).filter(each => each.name !== 'ping')
            .map(each => [each.name, each.body])
    }

    sent(channel) {
        const sends = this.take('send')
        this.said.push(...sends.filter(each => each[2][0][4] !== channel))
        return sends.filter(each => each[2][0][4] === channel).map(each => each[2])
    }

    /** [name, fields] of the records that it sent over relayed links. */
    records(lease) {
        const made = []
        for (const frames of this.sent(RELAY)) {
            if (lease && leaseOfRelay(frames[0])[1] !== lease[1]) continue
            for (const each of readLink(frames.slice(1))) {
                const kind = recordKind(each.number)
                made.push([kind.name, readRecord(kind, each.body, MOST).fields])
            }
        }
        return made
    }

    hears(frames) {
        this.machine.heard(this.park, frames, this.now)
    }

    hearsControl(name, body, extensions) {
        this.hears([control(name, body, extensions)])
    }

    hearsRecords(lease, ...records) {
        this.hears([relayHeader(lease), ...link(...records)])
    }

    /** Connects to the parkserver and registers. */
    registered() {
        const [[, connection]] = this.take('connect')
        this.park = connection
        this.machine.connected(connection, this.now, BYTES_MAX)
        this.turn()
        this.hearsControl('registered', {
            parkserver: 'cc'.repeat(16), epoch: 7, ...ABOUT, features: [...FEATURES, 'elastic'],
        })
        return this.take('send')
    }
}
