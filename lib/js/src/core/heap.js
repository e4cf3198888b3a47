/** Things with numbers, the least first; of equal numbers in any order. */
export class Heap {
    constructor() {
        this.entries = []
    }

    get size() {
        return this.entries.length
    }

    /** The least number; Infinity if there is nothing. */
    get least() {
        return this.entries.length ? this.entries[0].number : Infinity
    }

    push(number, what) {
        const { entries } = this
        const entry = { number, what }
        let at = entries.length
        entries.push(entry)
        while (at > 0) {
            const above = (at - 1) >> 1
            if (entries[above].number <= number) break
            entries[at] = entries[above]
            at = above
        }
        entries[at] = entry
    }

    pop() {
        const { entries } = this
        if (!entries.length) return undefined
        const { what } = entries[0]
        const last = entries.pop()
        if (entries.length) this.sink(last)
        return what
    }

    /** Puts an entry in the place of the first, and where it belongs. */
    sink(entry) {
        const { entries } = this
        let at = 0
        for (;;) {
            let least = 2 * at + 1
            if (least >= entries.length) break
            if (least + 1 < entries.length && entries[least + 1].number < entries[least].number) least++
            if (entry.number <= entries[least].number) break
            entries[at] = entries[least]
            at = least
        }
        entries[at] = entry
    }

    /** Keeps only what is wanted. */
    keep(isWanted) {
        const kept = this.entries.filter(each => isWanted(each.what))
        this.entries = []
        for (const each of kept) this.push(each.number, each.what)
    }
}
