/** Drives a machine: what comes from sockets and from the clock goes in, what it says goes out. */
import { now, soon } from './clock.js'
import { Socket } from './socket.js'

const LONGEST_SLEEP = 60000
/** After so long without a turn what came meanwhile is read before anything is held lost (as [P-18] says). */
const STALL = 500
const HOPS = 4

export class Driver {
    /** `handlers` has a function for each effect, by its name; beforeFlush(now) if it likes. */
    constructor(machine, handlers) {
        this.machine = machine
        this.handlers = handlers
        this.sockets = new Map()
        this.timer = null
        this.timerAt = Infinity
        this.inTurn = false
        this.isWoken = false
        this.isOver = false
        this.lastTurn = now()
        this.hops = 0 // turns of the event loop until all is read that came during a stall
        this.wakeNow = () => {
            this.isWoken = false
            this.turn()
        }
        this.timeout = () => {
            this.timer = null
            this.turn()
        }
    }

    /** Has a turn soon: what is said until then travels together. */
    wake() {
        if (this.isWoken || this.isOver) return
        this.isWoken = true
        soon(this.wakeNow)
    }

    /** Lets the machine do what is to be done now. */
    turn() {
        if (this.inTurn || this.isOver) return
        this.inTurn = true
        try {
            this.oneTurn()
        } finally {
            this.inTurn = false
        }
        if (!this.isOver) this.arm()
    }

    oneTurn() {
        const { machine, handlers } = this
        for (let more = true; more;) {
            const moment = now()
            if (!this.isStalled(moment)) machine.advance(moment)
            if (handlers.beforeFlush) handlers.beforeFlush(moment)
            machine.flush(moment)
            const effects = machine.take()
            for (const each of effects) this.apply(each)
            more = effects.length > 0 && !this.isOver
        }
    }

    /** Whether a function, or something else, has just kept this thread for long. */
    isStalled(moment) {
        const expected = this.timerAt === Infinity ? moment : Math.max(this.lastTurn, this.timerAt)
        if (moment - expected > STALL && !this.hops) {
            this.hops = HOPS
            soon(() => this.hop())
        }
        this.lastTurn = moment
        return this.hops > 0
    }

    hop() {
        if (--this.hops) soon(() => this.hop())
        else this.turn()
    }

    apply([name, a, b, c, d, e, f]) {
        if (name === 'send') {
            const socket = this.sockets.get(a)
            if (socket) socket.send(b)
        } else if (name === 'connect') {
            this.connect(a, b)
        } else if (name === 'close') {
            const socket = this.sockets.get(a)
            this.sockets.delete(a)
            if (socket) socket.close()
        } else {
            this.handlers[name](a, b, c, d, e, f)
        }
    }

    connect(id, url) {
        const { machine } = this
        const on = {
            ready: bytesMax => {
                machine.connected(id, now(), bytesMax)
                this.turn()
            },
            message: frames => {
                machine.heard(id, frames, now())
                this.turn()
            },
            closed: refused => {
                this.sockets.delete(id)
                machine.closed(id, now(), refused)
                this.turn()
            },
        }
        this.sockets.set(id, new Socket(url, on))
    }

    arm() {
        const at = this.machine.nextDeadline()
        if (this.timer !== null) {
            if (at >= this.timerAt) return
            clearTimeout(this.timer)
        }
        this.timerAt = at
        this.timer = at === Infinity ? null : setTimeout(this.timeout, Math.min(LONGEST_SLEEP, Math.max(0, at - now())))
    }

    /** Nothing more is said or heard. */
    end() {
        this.isOver = true
        if (this.timer !== null) clearTimeout(this.timer)
        for (const each of this.sockets.values()) each.close()
        this.sockets.clear()
    }
}
