/** Frames in one message of a WebSocket (PROTOCOL.md, 2.1): of each its u32 length, then its bytes. */

export function packFrames(frames) {
    let size = 0
    for (const each of frames) size += 4 + each.length
    const made = new Uint8Array(size)
    const view = new DataView(made.buffer)
    let at = 0
    for (const each of frames) {
        view.setUint32(at, each.length, true)
        made.set(each, at + 4)
        at += 4 + each.length
    }
    return made
}

/** The frames of a message as views of it, or null if the lengths do not fit. */
export function unpackFrames(bytes, most = 67) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const made = []
    let at = 0
    while (at < bytes.length) {
        if (bytes.length - at < 4 || made.length >= most) return null
        const size = view.getUint32(at, true)
        at += 4
        if (size > bytes.length - at) return null
        made.push(bytes.subarray(at, at + size))
        at += size
    }
    return made.length ? made : null
}
