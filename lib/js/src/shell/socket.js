/** WebSockets to a gateway: addresses, tokens, frames (PROTOCOL.md, 2.1). */
import { MausError } from '../errors.js'
import { packFrames, unpackFrames } from '../wire/frames.js'

const isNode = typeof process !== 'undefined' && Boolean(process.versions && process.versions.node)
/** Close codes after which to connect again would do no good. */
const FINAL = { 4400: 'protocol_violation', 4401: 'auth_failed', 4403: 'auth_failed' }
const RECEIVED_MAX = 256 << 20

async function loadWebSocket() {
    if (!isNode) return globalThis.WebSocket
    try {
        return (await import('ws')).default
    } catch {
        // Debian's node-ws is not where import looks for packages.
        const { createRequire } = await import('node:module')
        const require = createRequire(import.meta.url)
        for (const name of ['ws', '/usr/share/nodejs/ws']) {
            try {
                return require(name)
            } catch { /* the next one */ }
        }
    }
    return globalThis.WebSocket
}

const WebSocketHere = await loadWebSocket()

/** What an address says: {url, token}. `http://host:port/#worker=TOKEN` and `ws://host:port/maus#TOKEN` are addresses. */
export function addressOf(text) {
    let url
    try {
        url = new URL(text, globalThis.location ? globalThis.location.href : undefined)
    } catch {
        throw new MausError('invalid_argument', `${text} is no address of a gateway`)
    }
    const token = decodeURIComponent(url.hash.slice(1)).replace(/^(worker|manager|observer|token)=/, '')
    url.hash = ''
    if (url.protocol === 'http:' || url.protocol === 'https:') {
        url = new URL('maus', url)
        url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
    } else if (url.protocol !== 'ws:' && url.protocol !== 'wss:') {
        throw new MausError('invalid_argument', `${text} is no address of a gateway: it begins with ws:// or http://`)
    }
    if (url.pathname === '/') url.pathname = '/maus'
    return { url: url.href, token }
}

function create(url) {
    if (!WebSocketHere) {
        throw new MausError('invalid_argument', 'there is no WebSocket here; install the package ws (or node-ws)')
    }
    if (!isNode || WebSocketHere === globalThis.WebSocket) return new WebSocketHere(url)
    return new WebSocketHere(url, { perMessageDeflate: false, maxPayload: RECEIVED_MAX, skipUTF8Validation: true })
}

/** The largest message that the gateway takes, from its answer to the token; 0 if it is no such answer. */
function bytesMaxOf(text) {
    try {
        const most = JSON.parse(text).message_bytes_max
        return Number.isInteger(most) && most >= 1024 ? most : 0
    } catch {
        return 0
    }
}

/**
 * One connection. `on` has ready(bytesMax), message(frames) and closed(refused), of which the last one comes once and is
 * the last; after close() nothing comes any more.
 */
export class Socket {
    constructor(address, on) {
        const { url, token } = addressOf(address)
        this.on = on
        this.isReady = false
        this.socket = create(url)
        this.socket.binaryType = isNode && WebSocketHere !== globalThis.WebSocket ? 'nodebuffer' : 'arraybuffer'
        this.socket.onopen = () => this.socket.send(JSON.stringify({ token }))
        this.socket.onmessage = event => this.came(event.data)
        this.socket.onerror = () => {} // closing says it
        this.socket.onclose = event => this.wasClosed(event.code, event.reason)
    }

    came(data) {
        if (!this.on) return
        if (!this.isReady) {
            const bytesMax = typeof data === 'string' ? bytesMaxOf(data) : 0
            if (!bytesMax) return this.fail()
            this.isReady = true
            return this.on.ready(bytesMax)
        }
        if (typeof data === 'string') return this.fail()
        // ws gives a Buffer, whose slices are no copies as those of a Uint8Array are.
        const frames = unpackFrames(data instanceof ArrayBuffer ? new Uint8Array(data) :
            new Uint8Array(data.buffer, data.byteOffset, data.length))
        if (frames) this.on.message(frames)
        else this.fail()
    }

    /** Who is there is no gateway. */
    fail() {
        const { on } = this
        this.close()
        on.closed()
    }

    wasClosed(code, reason) {
        const { on } = this
        this.on = null
        if (!on) return
        const text = `the gateway closed the connection: ${reason || code}`
        on.closed(FINAL[code] ? new MausError(FINAL[code], text) : undefined)
    }

    send(frames) {
        if (this.isReady && this.socket.readyState === 1) this.socket.send(packFrames(frames))
    }

    close() {
        this.on = null
        this.socket.close(1000)
        if (this.socket.terminate) { // a peer that does not answer is not waited for
            const timer = setTimeout(() => this.socket.terminate(), 2000)
            timer.unref()
        }
    }
}
