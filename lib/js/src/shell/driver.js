/** Drives a machine: what comes from sockets and from the clock goes in, what it says goes out. */
import { now, soon } from './clock.js'
import { Socket } from './socket.js'

const LONGEST_SLEEP = 60000

export class Driver {
    /** `handlers` has a function for each effect, by its name; beforeFlush(now) and afterTurn(now) if it likes. */
    constructor(machine, handlers) {
        this.machine = machine
        this.handlers = handlers
        this.sockets = new Map()
        this.timer = null
        this.timerAt = Infinity
        this.inTurn = false
        this.isWoken = false
        this.isOver = false
        this.wakeNow = () => {
            this.isWoken = false
            this.turn()
        }
        this.timeout = () => {
            this.timer = null
            this.timerAt = Infinity
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
            machine.advance(moment)
            if (handlers.beforeFlush) handlers.beforeFlush(moment)
            machine.flush(moment)
            const effects = machine.take()
            for (const each of effects) this.apply(each)
            more = effects.length > 0 && !this.isOver
        }
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
        if (at >= this.timerAt) return
        if (this.timer !== null) clearTimeout(this.timer)
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
