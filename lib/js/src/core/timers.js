/** Moments at which something has to be looked at: a heap. What is over by then need not be there. */
export class Timers {
    constructor() {
        this.heap = []
        this.cleanAt = 10000
    }

    add(moment, what) {
        const { heap } = this
        if (heap.length > this.cleanAt) this.clean()
        let at = heap.length
        heap.push({ moment, what })
        while (at > 0) {
            const above = (at - 1) >> 1
            if (heap[above].moment <= moment) break
            this.swap(at, above)
            at = above
        }
    }

    /** What is settled need not wait for its deadline. */
    clean() {
        this.heap = this.heap.filter(each => each.what.state !== 'settled' && each.what.state !== 'over')
        this.heap.sort((a, b) => a.moment - b.moment)
        this.cleanAt = 10000 + 2 * this.heap.length
    }

    swap(a, b) {
        const { heap } = this
        const kept = heap[a]
        heap[a] = heap[b]
        heap[b] = kept
    }

    /** The next that is due, taken out; undefined if none is. */
    due(now) {
        const { heap } = this
        if (!heap.length || heap[0].moment > now) return undefined
        const { what } = heap[0]
        const last = heap.pop()
        if (heap.length) {
            heap[0] = last
            this.sink()
        }
        return what
    }

    sink() {
        const { heap } = this
        for (let at = 0; ;) {
            let least = 2 * at + 1
            if (least >= heap.length) return
            if (least + 1 < heap.length && heap[least + 1].moment < heap[least].moment) least++
            if (heap[at].moment <= heap[least].moment) return
            this.swap(at, least)
            at = least
        }
    }

    next() {
        return this.heap.length ? this.heap[0].moment : Infinity
    }
}
