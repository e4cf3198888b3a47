/** Many calls with one AbortSignal: it gets one listener, not one for each. */

const listening = new WeakMap() // signal -> Set of what is to be run

export function onAbort(signal, run) {
    if (signal.aborted) return run()
    let all = listening.get(signal)
    if (!all) {
        all = new Set()
        listening.set(signal, all)
        const made = all
        signal.addEventListener('abort', () => {
            for (const each of made) each()
            made.clear()
        }, { once: true })
    }
    all.add(run)
}

export function offAbort(signal, run) {
    const all = listening.get(signal)
    if (all) all.delete(run)
}
