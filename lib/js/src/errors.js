/**
 * Everything that can go wrong, by name. The names and numbers are those of PROTOCOL.md, section 10.
 *
 *     try {
 *         await workers.call('add', 1, 2)
 *     } catch (failed) {
 *         if (failed.code === 'deadline_exceeded') ...
 *     }
 */

/** The name of each error number; 0 is not used. */
export const CODES = [
    '', 'poisoned', 'maybe_executed', 'deadline_exceeded', 'attempt_timeout', 'no_workers', 'cancelled',
    'remote_exception', 'no_such_function', 'signature_mismatch', 'bad_arguments', 'bad_result', 'too_large',
    'overloaded', 'auth_failed', 'protocol_violation', 'version_mismatch', 'shutdown', 'invalid_argument',
    'resource_exhausted', 'unimplemented', 'worker_lost', 'stream_broken',
]
const numbers = new Map(CODES.map((name, number) => [name, number]))
const retryable = new Set(['deadline_exceeded', 'no_workers', 'overloaded', 'resource_exhausted'])

/** The name of a number; one that is not in the table reads as protocol_violation ([P-53]). */
export function codeOf(number) {
    return CODES[number] || 'protocol_violation'
}

export function numberOf(code) {
    return numbers.get(code) || numbers.get('protocol_violation')
}

/** What the library throws: at once, or as the outcome of a call. */
export class MausError extends Error {
    constructor(code, text = '', more = {}) {
        super(text || code)
        this.code = code
        /** The function that was called. */
        this.function = more.function || ''
        this.label = more.label || ''
        /** remote_exception: the type, as the worker's language spells it. */
        this.remoteType = more.remoteType || ''
        /** poisoned, maybe_executed, worker_lost: `{worker, after, why}`, oldest first; `after` in ms. */
        this.attempts = more.attempts || []
        /** Of a stream: how many items came before. */
        this.delivered = more.delivered || 0
    }

    get name() {
        return 'MausError'
    }

    /** Whether the same call may succeed if it is made again later and nothing is changed. */
    get retryable() {
        return retryable.has(this.code)
    }
}

/** A value that a type cannot hold, or bytes that are no value of it. Becomes bad_arguments or bad_result. */
export class Unfit extends Error {}

/** What a peer may not say: an error code and why. */
export class Violation extends Error {
    constructor(code, why) {
        super(why)
        this.code = code
    }
}

export function bad(why) {
    return new Violation('protocol_violation', why)
}
