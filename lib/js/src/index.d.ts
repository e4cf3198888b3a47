/** maus for JavaScript: workers and managers in pages, Web Workers and Node. See README.md. */

export type ErrorCode =
    | 'poisoned' | 'maybe_executed' | 'deadline_exceeded' | 'attempt_timeout' | 'no_workers' | 'cancelled'
    | 'remote_exception' | 'no_such_function' | 'signature_mismatch' | 'bad_arguments' | 'bad_result' | 'too_large'
    | 'overloaded' | 'auth_failed' | 'protocol_violation' | 'version_mismatch' | 'shutdown' | 'invalid_argument'
    | 'resource_exhausted' | 'unimplemented' | 'worker_lost' | 'stream_broken'

/** The name of each error number; 0 is not used. */
export const CODES: readonly (ErrorCode | '')[]

/** One try at a call that a worker did not finish. `after`: milliseconds after the call was made. */
export interface Attempt {
    worker: string
    after: number
    why: string
}

export class MausError extends Error {
    readonly code: ErrorCode
    /** The function that was called. */
    readonly function: string
    readonly label: string
    /** remote_exception: the type, as the worker's language spells it. */
    readonly remoteType: string
    /** poisoned, maybe_executed, worker_lost: oldest first. */
    readonly attempts: Attempt[]
    /** Of a stream: how many items came before. */
    readonly delivered: number
    /** Whether the same call may succeed if it is made again later and nothing is changed. */
    readonly retryable: boolean
    constructor(code: ErrorCode, text?: string, more?: Partial<MausError>)
}

/** Bounds (PROTOCOL.md, section 11). */
export interface Limits {
    messageBytesMax: number
    callsPerWorkerMax: number
    callbacksMax: number
    callsMax: number
    detachedPerSlotMax: number
    streamItemsMax: number
    streamBytesMax: number
    prefetchMax: number
    queuedBytesMax: number
    textBytesMax: number
}

export interface PeerOptions {
    /** Milliseconds between heartbeats; 1000. */
    heartbeat?: number
    /** After so many of them without a sign of life a peer is lost; 10. */
    liveness?: number
    limits?: Partial<Limits>
}

/** `http://host:port/#worker=TOKEN` as the gateway prints it, or `ws://host:port/maus#TOKEN`. */
export type Address = string | URL

// Workers.

export type Exposed = (...args: any[]) => any

/** By name (any values), or by signature: `'add(i32,i32)->i32'`. */
export type Functions = Record<string, Exposed>

export interface WorkerOptions extends PeerOptions {
    type?: string
    /** How many functions run at a time; 1. */
    concurrency?: number
    functions?: Functions
}

export type WorkerState = 'new' | 'connecting' | 'free' | 'linking' | 'serving' | 'draining' | 'stopped'

/** Events: `change` of its state, `call` when it has begun calls, `error` when the gateway turns it away. */
export class Worker extends EventTarget {
    constructor(address: Address | Address[], options?: WorkerOptions)
    readonly state: WorkerState
    readonly id: string
    /** How many calls it has begun. */
    readonly calls: number
    /** Why the gateway turned it away. */
    readonly error: MausError | null
    /** Settled when it has stopped, with `error`. */
    readonly closed: Promise<MausError | null>
    expose(nameOrSignature: string, run: Exposed): this
    /** Registers; the promise is of the first registration. */
    start(): Promise<this>
    /** Answers what runs, for `grace` milliseconds at most (10000), and leaves. */
    stop(options?: { grace?: number }): Promise<void>
}

/** What a function can know and say of its call: `this` in a function, and currentCall(). */
export interface CallContext {
    readonly cancelled: boolean
    readonly signal: AbortSignal
    readonly label: string
    readonly trace: string | null
    /** Milliseconds until its deadline. */
    readonly timeLeft: number
    readonly attempt: number
    readonly fence: [number | bigint, number | bigint, string, number, number | bigint, number]
    progress(fraction: number, text?: string): void
}

/** Known until the function first awaits something. */
export function currentCall(): CallContext | null

/** Gives everything else a turn: long functions await it now and then. */
export function pause(): Promise<void>

/** A worker that runs in a Web Worker. Events: those of Worker, and `message` for what its module says. */
export class WebWorker extends EventTarget {
    readonly state: WorkerState
    readonly id: string
    readonly calls: number
    readonly error: MausError | null
    readonly closed: Promise<MausError | null>
    readonly thread: globalThis.Worker
    stop(options?: { grace?: number }): Promise<MausError | null>
}

/** `module` exports the functions, or an object `functions` whose names may be signatures. */
export function startWebWorker(
    address: Address, options: Omit<WorkerOptions, 'functions'> & { module: string | URL }): WebWorker

// Managers.

export interface WorkersRequest {
    /** How many; 1. 0: all that are free, at least one. */
    amount?: number
    /** Elastic: it grows while nobody else waits. */
    min?: number
    max?: number
    type?: string
    /** Milliseconds to wait for them. */
    timeout?: number
    signal?: AbortSignal
    /** false: do not wait for them; see Workers.ready. */
    wait?: boolean
}

export interface CallOptions {
    /** Milliseconds until it fails with deadline_exceeded. */
    timeout?: number
    signal?: AbortSignal
    atMostOnce?: boolean
    /** How many workers may die of it; 3. */
    maxCrashes?: number
    /** Milliseconds that one attempt may take. */
    attemptTimeout?: number
    label?: string
    /** A W3C traceparent. */
    trace?: string
    progress?: (fraction: number, text: string) => void
    /** Only the worker of this id. */
    worker?: string
    /** Made by a callable that waits for it (in a browser, after it has awaited something). */
    nested?: boolean
    /** Of a stream: it gives the same items each time, so it may be tried again. */
    replayable?: boolean
    /** Of a stream: how much may wait to be read. */
    itemsMax?: number
    bytesMax?: number
}

export class Manager {
    constructor(address: Address | Address[], options?: PeerOptions)
    readonly counters: Record<string, number>
    readonly error: MausError | null
    getWorkers(request?: WorkersRequest): Promise<Workers>
    /** Gives all workers back, and ends. */
    end(): Promise<void>
}

export class Workers {
    readonly length: number
    readonly type: string
    readonly ids: string[]
    readonly functions: string[]
    /** The same workers, and options for the calls that are made on what this returns. */
    with(options: CallOptions): Workers
    call<R = any>(nameOrSignature: string, ...args: any[]): Promise<R>
    stream<T = any>(nameOrSignature: string, ...args: any[]): Stream<T>
    /** Calls it for each tuple of arguments; results come in order. */
    map<R = any>(nameOrSignature: string, ...iterables: Iterable<any>[]): AsyncGenerator<R, void, void>
    ready(options?: { amount?: number, timeout?: number, signal?: AbortSignal }): Promise<this>
    release(): void
    end(): void
}

export class Stream<T = any> implements AsyncIterableIterator<T> {
    readonly delivered: number
    next(): Promise<IteratorResult<T>>
    return(value?: any): Promise<IteratorResult<T>>
    [Symbol.asyncIterator](): this
    /** Cancels the function, if it still runs. */
    close(): void
}

/** A function of the worker as an argument. */
export function named(name: string): object

// Values.

/** A moment that Date cannot hold. */
export class Time {
    constructor(seconds: number | bigint, nanoseconds?: number)
    seconds: number | bigint
    nanoseconds: number
}

/** A regular expression that JavaScript does not take. */
export class Regexp {
    constructor(source: string, flags?: string)
    source: string
    flags: string
}

// A parkserver as a process (Node).

export class Parkserver {
    constructor(port?: number, options?: { host?: string, bind?: string, program?: string, tokens?: string, args?: string[] })
    readonly ready: Promise<this>
    /** Where C++ and Python peers reach it. */
    readonly endpoint: string
    /** Addresses with tokens: for workers, for managers, and the one to open in a browser. */
    readonly worker: string
    readonly manager: string
    readonly page: string
    end(): Promise<void>
}
export { Parkserver as parkserver }

// The first Maus.

export type FirstWorkers = Workers & Record<string, (...args: any[]) => Promise<any>>

export interface FirstRequest extends PromiseLike<FirstWorkers> {
    do(callback: (workers: FirstWorkers) => void): this
}

export interface FirstConfig extends Omit<WorkersRequest, 'type'> {
    workerType?: string
}

export function registerParkserver(address: Address | Address[], type?: string, functions?: Functions, options?: WorkerOptions): Worker
export function connectParkserver(address: Address | Address[], options?: PeerOptions): manager
export function getWorker(config?: FirstConfig): FirstRequest
export function end(): Promise<void>

export class manager {
    connectParkserver(address: Address | Address[], options?: PeerOptions): this
    getWorker(config?: FirstConfig): FirstRequest
    end(): Promise<void>
}
export const worker: { registerParkserver: typeof registerParkserver }
