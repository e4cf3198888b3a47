#!/usr/bin/env node
/**
 * Runs the tests of lib/js: run.js [pure|live|browser ...], all by default.
 *
 * The live ones need the programs (MAUS_BIN is their folder) and the package ws, those of the browser also chromium.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const HANGS = 280000 // ms for one file; only a test that hangs meets it

function suiteOf(file) {
    return file.startsWith('live') ? 'live' : file.startsWith('browser') ? 'browser' : 'pure'
}

const suites = process.argv.slice(2)
const files = readdirSync(HERE).filter(each => each.endsWith('.test.js'))
    .filter(each => !suites.length || suites.includes(suiteOf(each))).sort()
if (!files.length) throw new Error(`there are no tests of ${suites}`)
for (const file of files) { // one after the other: each starts processes of its own
    const { status } = spawnSync(process.execPath, ['--test', join(HERE, file)], { stdio: 'inherit', timeout: HANGS })
    if (status !== 0) {
        console.log(`${file} failed`)
        process.exitCode = 1
    }
}
