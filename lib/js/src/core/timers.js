/** Moments at which something has to be looked at. What is over by then need not be there. */
import { Heap } from './heap.js'

export class Timers {
    constructor() {
        this.heap = new Heap()
        this.cleanAt = 10000
    }

    add(moment, what) {
        const { heap } = this
        if (heap.size > this.cleanAt) { // what is settled need not wait for its deadline
            heap.keep(each => each.state !== 'settled' && each.state !== 'over')
            this.cleanAt = 10000 + 2 * heap.size
        }
        heap.push(moment, what)
    }

    /** The next that is due, taken out; undefined if none is. */
    due(now) {
        return this.heap.least <= now ? this.heap.pop() : undefined
    }

    next() {
        return this.heap.least
    }
}
