/** The page that becomes a worker with one click. */
import { startWebWorker } from '/maus/index.js'

const TILES_MAX = 48
const WORDS = {
    new: 'starting', connecting: 'connecting', free: 'a worker, and free', linking: 'a worker, and about to serve',
    serving: 'a worker, and serving a manager', draining: 'a worker, and about to be free', stopped: 'not a worker any more',
}
const at = id => document.getElementById(id)

let worker = null
let pixels = 0
let waiting = [] // tiles that came and are not shown yet
let lastCalls = 0
let lastMoment = 0

function show() {
    const state = worker ? worker.state : 'stopped'
    at('state').textContent = WORDS[state]
    at('dot').className = { free: 'free', serving: 'serving', linking: 'serving', draining: 'serving', stopped: '' }[state] ?? 'connecting'
    at('toggle').textContent = worker && state !== 'stopped' ? 'Stop' : 'Become a worker'
    document.body.dataset.state = state
}

function showProblem(text) {
    at('problem').textContent = text
    at('problem').hidden = !text
}

function showTile({ pixels: shades, width, height }) {
    const canvas = document.createElement('canvas')
    canvas.width = width
    canvas.height = height
    const context = canvas.getContext('2d')
    const image = context.createImageData(width, height)
    shades.forEach((shade, i) => {
        image.data.set([shade * 0.45, shade * 0.85, shade * 0.75, 255], 4 * i)
    })
    context.putImageData(image, 0, 0)
    at('nothing').hidden = true
    at('tiles').prepend(canvas)
    while (at('tiles').children.length > TILES_MAX) at('tiles').lastElementChild.remove()
}

/** Numbers and tiles, some times a second: the work must not wait for its picture. */
function refresh() {
    const calls = worker ? worker.calls : lastCalls
    const moment = performance.now()
    at('calls').textContent = calls.toLocaleString('en')
    at('rate').textContent = Math.round(Math.max(0, calls - lastCalls) / ((moment - lastMoment) / 1000)).toLocaleString('en')
    at('pixels').textContent = pixels.toLocaleString('en')
    waiting.slice(-12).forEach(showTile)
    waiting = []
    lastCalls = calls
    lastMoment = moment
}

function start() {
    showProblem('')
    worker = startWebWorker(location.href, { type: 'jobs', module: '/functions.js' })
    worker.addEventListener('change', show)
    worker.addEventListener('message', ({ data }) => {
        pixels += data.width * data.height
        waiting.push(data)
        if (waiting.length > TILES_MAX) waiting.shift()
    })
    worker.addEventListener('error', () => showProblem(worker.error.message))
}

at('toggle').addEventListener('click', () => {
    if (worker && worker.state !== 'stopped') worker.stop()
    else start()
    show()
})
if (!/worker=/.test(location.hash)) {
    showProblem('This address has no token. Open the address that the gateway printed, with everything behind the #.')
    at('toggle').disabled = true
}
lastMoment = performance.now()
setInterval(refresh, 500)
show()
