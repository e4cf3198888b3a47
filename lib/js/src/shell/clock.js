/** Time and chance, as the machines are given them. */

let last = 0
let lastWall = 0
let slept = 0

/**
 * Milliseconds on a clock that never goes back, and that goes on while the computer sleeps ([P-35]). performance.now()
 * may stand still then, so what the wall clock jumps forward is added.
 */
export function now() {
    const here = performance.now()
    const wall = Date.now()
    if (lastWall && wall - lastWall > here - last + 1000) slept += wall - lastWall - (here - last)
    last = here
    lastWall = wall
    return here + slept
}

// Node 18 has no global crypto.
const crypto = globalThis.crypto || (await import('node:crypto')).webcrypto

export function randomBytes(count) {
    return crypto.getRandomValues(new Uint8Array(count))
}

/** Runs something soon, after what is ready: timers of a hidden page would run it a second later. */
export const soon = (() => {
    if (typeof setImmediate === 'function') return setImmediate
    const { port1, port2 } = new MessageChannel()
    const waiting = []
    port1.onmessage = () => waiting.shift()()
    return task => {
        waiting.push(task)
        port2.postMessage(0)
    }
})()

/** A promise of the next turn of the event loop. */
export function pause() {
    return new Promise(resolve => soon(resolve))
}
