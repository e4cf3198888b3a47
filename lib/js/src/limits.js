/** Bounds with their defaults; PROTOCOL.md, section 11, tells what happens over each. */
export const DEFAULT_LIMITS = Object.freeze({
    messageBytesMax: 64 << 20,
    controlBytesMax: 1 << 20,
    framesMax: 66,
    nameBytesMax: 128,
    signatureBytesMax: 4096,
    functionsMax: 1024,
    endpointsMax: 16,
    textBytesMax: 16384,
    callsPerWorkerMax: 16384,
    featuresMax: 64,
    extensionsMax: 64,
    callbacksMax: 4096,
    callsMax: 1 << 20,
    detachedPerSlotMax: 64,
    streamItemsMax: 65536,
    streamBytesMax: 1 << 20,
    prefetchMax: 2048,
    queuedBytesMax: 256 << 20,
})

/** The numbers of [P-58]: number n is at n - 1. */
const NUMBERED = [
    'messageBytesMax', 'controlBytesMax', 'framesMax', 'nameBytesMax', 'signatureBytesMax', 'functionsMax',
    'endpointsMax', 'textBytesMax', 'callsPerWorkerMax', 'featuresMax', 'extensionsMax', 'callbacksMax',
]
/** Nobody refuses a text of so many bytes ([P-80]). */
export const TEXT_ALWAYS_HEARD = 1024
/** How many entries a peer's limits have at most. */
export const ENTRIES_MAX = 64

/** The entries that differ from the defaults, as a peer tells them. */
export function told(limits) {
    const entries = new Map()
    NUMBERED.forEach((name, index) => {
        if (limits[name] !== DEFAULT_LIMITS[name]) entries.set(index + 1, limits[name])
    })
    return entries
}

/** The limits of a peer that told these entries. */
export function heard(entries) {
    const made = { ...DEFAULT_LIMITS }
    for (const [number, value] of entries) {
        const name = NUMBERED[number - 1]
        if (name) made[name] = Number(value)
    }
    return made
}
