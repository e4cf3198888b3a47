/** What a peer tells of where it runs: a host and a process id, for people who look at a status. */

async function look() {
    if (typeof process !== 'undefined' && process.versions && process.versions.node) {
        const { hostname } = await import('node:os')
        return { host: hostname().slice(0, 40) || '?', pid: process.pid }
    }
    const { userAgent = '' } = globalThis.navigator || {}
    const browser = /Firefox|Edg|Chrome|Safari/.exec(userAgent)
    return { host: browser ? `browser (${browser[0]})` : 'browser', pid: 0 }
}

export const here = await look()
