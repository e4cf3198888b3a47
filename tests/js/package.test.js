/** The package: what it says of itself is so. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import * as maus from '../../lib/js/src/index.js'

const read = path => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

test('index.d.ts names what is exported', () => {
    const text = read('lib/js/src/index.d.ts')
    const named = [...text.matchAll(/^export (?:class|function|const) (\w+)/gm)].map(each => each[1])
    named.push(...[...text.matchAll(/^export \{ \w+ as (\w+) \}/gm)].map(each => each[1]))
    assert.deepEqual(named.sort(), Object.keys(maus).sort())
})

test('its version is that of the project', () => {
    const [, version] = /VERSION (\d+\.\d+\.\d+)/.exec(read('CMakeLists.txt').slice(read('CMakeLists.txt').indexOf('project(')))
    assert.equal(JSON.parse(read('lib/js/package.json')).version, version)
})

test('the error codes are those of PROTOCOL.md', () => {
    const table = read('lib/PROTOCOL.md').split('## 10 Errors')[1].split('**[P-53]**')[0]
    const codes = [...table.matchAll(/\| (\d+) \| (\w+)/g)].map(each => [Number(each[1]), each[2]])
    assert.equal(codes.length, maus.CODES.length - 1)
    for (const [number, name] of codes) assert.equal(maus.CODES[number], name)
})

test('wire and core have no socket, no clock and no random numbers of their own', () => {
    for (const folder of ['wire', 'core']) {
        for (const name of readdirSync(new URL(`../../lib/js/src/${folder}/`, import.meta.url))) {
            const text = read(`lib/js/src/${folder}/${name}`)
            assert.doesNotMatch(text, /Date\.now|performance|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|crypto|WebSocket\(|node:|\/shell\//, name)
        }
    }
})

test('no page needs a script or a style inside of it', () => {
    for (const name of ['index.html', 'mandelbrot.html']) {
        const text = read(`lib/js/examples/${name}`)
        assert.doesNotMatch(text, /<style|style=|\son\w+=|<script(?![^>]*src=)/, name)
    }
})
