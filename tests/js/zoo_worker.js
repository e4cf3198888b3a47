/** The worker of the live tests, as a process: zoo_worker.js ADDRESS [TYPE [CONCURRENCY]]. */
import { appendFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

import { Worker, currentCall } from '../../lib/js/src/index.js'

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

function sleepHere(ms) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

function die() {
    process.kill(process.pid, 'SIGKILL')
    sleepHere(10000)
}

export const zoo = {
    'add(i64,i64)->i64': (x, y) => (typeof x === typeof y ? x + y : BigInt(x) + BigInt(y)),
    'add(i32,i32)->i32': (x, y) => x + y,
    echo: (...values) => (values.length === 1 ? values[0] : values),
    'typed(str,list<f64>,map<str,u8>)->tuple<str,f64,i64>': (text, numbers, more) => [
        text.toUpperCase(), numbers.reduce((a, b) => a + b, 0), Object.values(more).reduce((a, b) => a + b, 0),
    ],
    'moved({i64,bool,str},opt<i64>)->{i64,bool,str}': ([x, on, name], by) => [x + (by || 0), !on, name],
    'throws(str)->void': text => {
        throw text ? new TypeError(text) : new RangeError('nothing')
    },
    'pid()->i64': () => process.pid,
    'sleeps(f64)->f64': seconds => {
        sleepHere(seconds * 1000)
        return seconds
    },
    'dreams(f64)->f64': async seconds => {
        await sleep(seconds * 1000)
        return seconds
    },
    'dies()->void': die,
    'counts(i64)->stream<i64>': function* counts(n) {
        for (let i = 0; i < n; i++) yield i
    },
    'blobs(i64,i64)->stream<list<u8>>': function* blobs(n, size) {
        for (let i = 0; i < n; i++) yield new Uint8Array(size).fill(i)
    },
    'acounts(i64)->stream<i64>': async function* acounts(n) {
        for (let i = 0; i < n; i++) {
            await null
            yield i
        }
    },
    'counts_and_dies(i64,str)->stream<i64>': async function* countsAndDies(n, folder) {
        for (let i = 0; i < 2 * n; i++) {
            if (i === n && !existsSync(`${folder}/died`)) {
                writeFileSync(`${folder}/died`, '')
                while (!existsSync(`${folder}/read`)) await sleep(10)
                die()
            }
            yield i
        }
    },
    'apply(i64,fn<i64(i64)>)->i64': async (n, f) => {
        let made = 0
        for (let i = 0; i < n; i++) made += await f(i)
        return made
    },
    'twice(i64)->i64': x => 2 * x,
    'progresses(i64)->i64': async n => {
        const call = currentCall()
        for (let i = 0; i < n; i++) {
            await sleep(30)
            call.progress(i / n, `step ${i}`)
        }
        return n
    },
    about() {
        const { label, trace, timeLeft, attempt, fence } = this
        return { label, trace, timeLeft, attempt, fence }
    },
    'waits_until_cancelled(str)->void': folder => {
        const { signal } = currentCall()
        writeFileSync(`${folder}/begun`, '')
        return new Promise((resolve, reject) => signal.addEventListener('abort', () => {
            writeFileSync(`${folder}/cancelled`, '')
            reject(signal.reason)
        }))
    },
    'leaves_a_mark(str)->i64': path => {
        appendFileSync(path, 'x')
        return statSync(path).size
    },
    'blob(list<u8>)->list<u8>': raw => raw,
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
    const [, , address, type = 'zoo', concurrency = '1'] = process.argv
    const worker = new Worker(address, { type, concurrency: Number(concurrency), functions: zoo })
    worker.start()
    process.on('SIGTERM', () => worker.stop())
}
