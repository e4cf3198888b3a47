/**
 * What a worker and a manager share: settings, and a session with one parkserver (PROTOCOL.md, 5.1).
 *
 * Machines have no socket, no clock and no random numbers of their own. Events go in as calls: connected(id, now,
 * bytesMax), closed(id, now, refused), heard(id, frames, now), advance(now). What is to be done comes out of take(), in
 * order: ['connect', id, url], ['close', id], ['send', id, frames], and what the worker or the manager adds. An id names
 * one connection and is never used again. Time is milliseconds on a clock that goes on in suspend.
 */
import { Violation } from '../errors.js'
import { DEFAULT_LIMITS, heard, told } from '../limits.js'
import { CONTROL, LINK, RELAY, channelOf, control, idOf, readControl } from '../wire/messages.js'

export const LINK_TIMEOUT = 5000
const INTERVALS = [10, 3600000]
const LIVENESSES = [2, 100]
const ROOM_FOR_HEADERS = 65536

/** The largest payload in a message of so many bytes: the rest is for headers and small records. */
function roomIn(bytesMax) {
    return bytesMax - Math.min(ROOM_FOR_HEADERS, bytesMax / 2)
}

/** A moment as a number for the wire: microseconds. */
export function stampOf(now) {
    return Math.floor(now * 1000)
}

/** What a program may choose about its worker or manager. `random` gives numbers from 0 to 1. */
export function settingsOf({ interval = 1000, liveness = 5, limits = {}, host = '', pid = 0, features, random, randomBytes }) {
    return {
        interval, liveness, host, pid, random, randomBytes,
        limits: { ...DEFAULT_LIMITS, ...limits },
        features: features || ['streams', 'functions', 'elastic', 'transfer'],
        newId: () => idOf(randomBytes(16)),
    }
}

function within(value, [least, most]) {
    return Math.max(least, Math.min(most, value))
}

/** Interval and liveness that hold between two: of each the larger one ([P-16]). */
export function agreed(settings, body) {
    const interval = within(Math.max(settings.interval, body.interval_ms), INTERVALS)
    const liveness = within(Math.max(settings.liveness, body.liveness), LIVENESSES)
    return { interval, liveness, timeout: interval * liveness }
}

export function doubled(tries, first, most) {
    return Math.min(most, first * 2 ** Math.min(tries, 20))
}

/** Random delays of 0.1 to 0.5 s, doubled at each failure, at most 5 s ([P-19]). */
export class Backoff {
    constructor(random) {
        this.random = random
        this.failures = 0
    }

    next() {
        return doubled(this.failures++, 100 + 400 * this.random(), 5000)
    }
}

/** The base of both: ids of connections, effects, sessions. */
export class Machine {
    constructor(settings, urls) {
        this.settings = settings
        this.id = settings.newId()
        this.incarnation = 1
        this.out = []
        this.now = 0
        this.lastId = 0
        this.connections = new Map()
        this.sessions = urls.map(each => new Session(this, each))
        this.counters = { violations: 0, dropped: 0, unimplemented: 0 }
        this.stopping = false
    }

    /** What is to be done, in order. */
    take() {
        const made = this.out
        this.out = []
        return made
    }

    connect(url, session) {
        this.connections.set(++this.lastId, session)
        this.out.push(['connect', this.lastId, url])
        return this.lastId
    }

    close(connection) {
        if (this.connections.delete(connection)) this.out.push(['close', connection])
    }

    connected(connection, now, bytesMax) {
        const session = this.connections.get(connection)
        if (session) session.connected(now, bytesMax)
    }

    /** A message came. `relayed(session, frames, now)` takes those of leases. */
    heard(connection, frames, now) {
        const session = this.connections.get(connection)
        if (!session) return
        try {
            const channel = channelOf(frames[0])
            if (channel === RELAY) this.relayed(session, frames, now)
            else if (channel === CONTROL && frames.length === 1) session.heard(frames[0], now)
            else if (channel === LINK && session.state === 'registering') session.lose(now) // a manager ([P-19])
            else this.counters.dropped++
        } catch (wrong) {
            if (!(wrong instanceof Violation)) throw wrong
            this.counters.violations++
        }
    }

    /** `refused` is an error if to connect again would do no good. */
    closed(connection, now, refused) {
        const session = this.connections.get(connection)
        this.connections.delete(connection)
        if (session) session.closed(now, refused)
    }

    /** What registrations, hello and welcome tell of this peer. */
    aboutMe(session) {
        const { interval, liveness, host, pid, features, limits } = this.settings
        const most = Math.min(limits.messageBytesMax, Math.floor(roomIn(session.bytesMax)))
        return {
            interval_ms: interval, liveness, host, pid, features,
            limits: told({ ...limits, messageBytesMax: most }),
        }
    }

    allUp() {
        return this.sessions.filter(each => each.isUp)
    }
}

/**
 * One parkserver, over and over: rest, connect, register, be registered, lose it.
 *
 * The owner has registration(session), registered(session, now), sessionLost(session, now), sessionRefused(session, now)
 * and parkSaid(session, name, body, extensions, now).
 */
export class Session {
    constructor(owner, url) {
        this.owner = owner
        this.url = url
        this.state = 'resting'
        this.connection = 0
        this.deadline = 0
        this.backoff = new Backoff(owner.settings.random)
        this.limits = DEFAULT_LIMITS
        this.features = new Set()
        this.bytesMax = Infinity // of one message to the gateway
        this.interval = 0
        this.timeout = 0
        this.heardAt = 0
        this.registeredAt = 0
        this.nextPing = 0
        this.lastError = null
    }

    get isUp() {
        return this.state === 'registered'
    }

    send(name, body, extensions) {
        this.sendFrames([control(name, body, extensions)])
    }

    sendFrames(frames) {
        if (this.connection) this.owner.out.push(['send', this.connection, frames])
    }

    register(now) {
        const { settings } = this.owner
        const { name, body, extensions } = this.owner.registration(this, now)
        if (this.state !== 'registered') {
            this.state = 'registering'
            this.deadline = now + settings.interval * settings.liveness
        }
        this.send(name, body, extensions)
    }

    /** Ends this session, and begins the next one later. */
    lose(now, delay) {
        const wasUp = this.isUp
        if (wasUp && now - this.registeredAt >= this.timeout) this.backoff.failures = 0
        if (this.connection) this.owner.close(this.connection)
        this.connection = 0
        this.state = 'resting'
        this.deadline = now + (delay === undefined ? this.backoff.next() : delay)
        if (wasUp) this.owner.sessionLost(this, now)
    }

    /** As `lose`, and a second or more later: it broke the protocol, or was told so ([P-64]). */
    loseForLonger(now) {
        this.lose(now, 1000 + 4000 * this.owner.settings.random())
    }

    stop(why) {
        if (this.connection) {
            if (this.state === 'registered' || this.state === 'registering') this.send('goodbye', { why })
            this.owner.close(this.connection)
        }
        this.connection = 0
        this.state = 'stopped'
    }

    connected(now, bytesMax) {
        this.heardAt = now
        this.bytesMax = bytesMax
        this.register(now)
    }

    closed(now, refused) {
        this.connection = 0
        this.lose(now)
        if (refused) {
            this.state = 'refused'
            this.lastError = refused
            this.owner.sessionRefused(this, now)
        }
    }

    /** A control message. Throws a Violation if it is none. */
    heard(first, now) {
        this.heardAt = now
        const { number, name, body, extensions } = readControl(first, this.owner.settings.limits.textBytesMax)
        if (name === undefined) {
            if (number < 128) this.send('unimplemented', { type: number })
        } else if (number < 65) {
            throw new Violation('protocol_violation', 'this is said to parkservers only')
        } else if (name === 'registered') {
            this.registered(body, now)
        } else if (name === 'register_again') {
            if (this.state === 'registered') { // else it is on its way
                this.state = 'registering'
                this.register(now)
            }
        } else if (name === 'parkserver_unimplemented') {
            this.owner.counters.unimplemented++
        } else if (name === 'parkserver_goodbye') {
            this.lose(now)
        } else if (name === 'rejected' && this.state === 'registering') {
            this.loseForLonger(now)
        } else if (name !== 'pong' && this.isUp) {
            this.owner.parkSaid(this, name, body, extensions, now)
        }
    }

    registered(body, now) {
        const isNew = !this.isUp
        this.state = 'registered'
        const { interval, timeout } = agreed(this.owner.settings, body)
        this.interval = interval
        this.timeout = timeout
        this.limits = heard(body.limits)
        this.features = new Set(body.features)
        if (isNew) {
            this.registeredAt = now
            this.nextPing = now + interval
        }
        this.owner.registered(this, now)
    }

    advance(now) {
        if (this.state === 'resting') {
            if (now < this.deadline) return
            this.state = 'connecting'
            this.deadline = now + 2 * LINK_TIMEOUT
            this.connection = this.owner.connect(this.url, this)
        } else if (this.state === 'connecting' || this.state === 'registering') {
            if (now >= this.deadline) this.lose(now)
        } else if (this.state === 'registered') {
            if (now >= this.heardAt + this.timeout) {
                this.lose(now)
            } else if (now >= this.nextPing) {
                this.nextPing = now + this.interval
                this.send('ping', { stamp: stampOf(now) })
            }
        }
    }

    nextDeadline() {
        if (this.state === 'registered') return Math.min(this.nextPing, this.heardAt + this.timeout)
        return this.state === 'stopped' || this.state === 'refused' ? Infinity : this.deadline
    }

    /** How large a payload to the other end of a relayed link may be, and whose limit that is. */
    payloadMost(limits, whose, isCut) {
        const known = [[limits.messageBytesMax, whose], [this.limits.messageBytesMax, 'the parkserver that relays']]
        if (!isCut) known.push([Math.floor(roomIn(this.bytesMax)), 'the gateway'])
        return known.reduce((least, each) => (each[0] < least[0] ? each : least))
    }

    /** The largest piece of a payload that is cut. */
    get pieceMost() {
        return Math.floor(roomIn(Math.min(this.bytesMax, this.limits.messageBytesMax)))
    }
}
