/** Numbers by chance that a seed decides (mulberry32). */
export class Chance {
    constructor(seed) {
        this.state = seed >>> 0
        this.random = () => this.next()
        this.randomBytes = count => Uint8Array.from({ length: count }, () => this.below(256))
    }

    next() {
        this.state = (this.state + 0x6d2b79f5) >>> 0
        let t = this.state
        t = Math.imul(t ^ (t >>> 15), t | 1)
        t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296
    }

    below(most) {
        return Math.floor(this.next() * most)
    }

    of(choices) {
        return choices[this.below(choices.length)]
    }

    is(probability) {
        return this.next() < probability
    }
}

/** Runs a test for some seeds; MAUS_SIM_SEEDS=1:2000 runs others. A failure tells its seed. */
export async function forSeeds(count, run) {
    const [first, last] = (process.env.MAUS_SIM_SEEDS || `1:${count}`).split(':').map(Number)
    for (let seed = first; seed <= (last || first); seed++) {
        try {
            await run(new Chance(seed), seed)
        } catch (wrong) {
            wrong.message = `seed ${seed}: ${wrong.message}`
            throw wrong
        }
    }
}
