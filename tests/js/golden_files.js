/** tests/golden, as bytes. */
import { readFileSync, readdirSync } from 'node:fs'

const GOLDEN = new URL('../golden/', import.meta.url)

export function framesOf(path) {
    const frames = [[]]
    let comment = ''
    for (const line of readFileSync(new URL(path, GOLDEN), 'utf8').split('\n')) {
        const [said, ...behind] = line.split('#')
        comment += behind.join('#')
        if (said.trim() === 'frame') frames.push([])
        else frames[frames.length - 1].push(...said.trim().split(/\s+/).filter(Boolean).map(each => parseInt(each, 16)))
    }
    return { frames: frames.map(each => Uint8Array.from(each)), comment: comment.trim() }
}

/** The names of the files of a folder. */
export function filesOf(folder) {
    const found = readdirSync(new URL(`${folder}/`, GOLDEN)).filter(each => each.endsWith('.hex')).sort()
    if (!found.length) throw new Error(`there is nothing in tests/golden/${folder}`)
    return found.map(each => `${folder}/${each}`)
}
