/** A manager in a page: has the Mandelbrot set drawn by all workers of the type `jobs`, tile by tile. */
import { Manager } from '/maus/index.js'

const WIDTH = 960
const HEIGHT = 720
const TILE = 40
const ZOOM_MOST = 2 ** 20
const at = id => document.getElementById(id)
const context = at('picture').getContext('2d')

let view = { zoom: 1, left: 0, top: 0 } // in pixels of a picture that is WIDTH * zoom wide
let byWorker = true
let drawing = 0 // the number of the drawing that is under way
let drawn = [] // {left, top, worker, pixels}
const artists = new Map() // worker -> {host, hue, tiles, item, count}

function hueOf(index) {
    return (165 + index * 137.5) % 360 // neighbours differ much
}

/** Red, green and blue of a colour, 0 to 1. */
function rgbOf(hue, saturation) {
    const part = n => {
        const k = (n + hue / 30) % 12
        return 0.62 - 0.38 * saturation * Math.max(-1, Math.min(k - 3, 9 - k, 1))
    }
    return [part(0), part(8), part(4)]
}

function artistOf(worker, host) {
    let artist = artists.get(worker)
    if (!artist) {
        const item = document.createElement('li')
        const mark = document.createElement('i')
        const name = document.createElement('span')
        const count = document.createElement('b')
        artist = { host, hue: hueOf(artists.size), tiles: 0, item, count }
        mark.style.background = `rgb(${rgbOf(artist.hue, 0.8).map(each => Math.round(each * 255)).join(',')})`
        name.textContent = `${host} · ${worker.slice(0, 6)}`
        item.append(mark, name, count)
        at('workers').append(item)
        artists.set(worker, artist)
    }
    return artist
}

function paint({ left, top, worker, pixels }) {
    const [red, green, blue] = byWorker ? rgbOf(artists.get(worker).hue, 0.8) : rgbOf(40, 0.25)
    const image = context.createImageData(TILE, TILE)
    for (let i = 0; i < pixels.length; i++) {
        const shade = pixels[i] ? 285 - pixels[i] : 0 // far away is dark, near is light, inside is black
        image.data[4 * i] = shade * red * 1.5
        image.data[4 * i + 1] = shade * green * 1.5
        image.data[4 * i + 2] = shade * blue * 1.5
        image.data[4 * i + 3] = 255
    }
    context.putImageData(image, left, top)
}

function tiles() {
    const made = []
    for (let top = 0; top < HEIGHT; top += TILE) {
        for (let left = 0; left < WIDTH; left += TILE) made.push({ left, top })
    }
    const far = ({ left, top }) => Math.hypot(left - WIDTH / 2, top - HEIGHT / 2)
    return made.sort((a, b) => far(a) - far(b)) // from the middle outward
}

function say(text, dot) {
    at('state').textContent = text
    at('dot').className = dot
    document.body.dataset.state = dot
}

function progress(done, all) {
    at('bar').style.width = `${100 * done / all}%`
}

async function drawTile(workers, tile, number) {
    const { zoom, left, top } = view
    const part = [WIDTH * zoom, left + tile.left, top + tile.top, TILE, TILE]
    const [[worker, host], pixels] = await workers.call('draw_tile', part)
    if (number !== drawing) return
    const made = { ...tile, worker, pixels }
    const artist = artistOf(worker, host)
    artist.count.textContent = String(++artist.tiles)
    drawn.push(made)
    paint(made)
    progress(drawn.length, WIDTH * HEIGHT / TILE / TILE)
}

async function draw(workers) {
    const number = ++drawing
    const begun = performance.now()
    drawn = []
    context.fillStyle = '#10131a'
    context.fillRect(0, 0, WIDTH, HEIGHT)
    for (const artist of artists.values()) {
        artist.tiles = 0
        artist.count.textContent = '0'
    }
    say(workers.length ? 'drawing' : 'drawing: waits for a worker', 'serving')
    try {
        await Promise.all(tiles().map(each => drawTile(workers, each, number)))
        if (number !== drawing) return
        for (const [worker, artist] of artists) artist.item.className = workers.ids.includes(worker) ? '' : 'gone'
        const count = [...artists.values()].filter(each => each.tiles).length
        say(`drawn by ${count} ${count === 1 ? 'worker' : 'workers'} in ${Math.round(performance.now() - begun)} ms`, 'free')
    } catch (failed) {
        if (number === drawing) problem(failed)
    }
}

function problem(failed) {
    say('it failed', '')
    at('problem').textContent = failed.message
    at('problem').hidden = false
}

function closer(x, y) {
    const zoom = Math.min(ZOOM_MOST, view.zoom * 4)
    const grown = zoom / view.zoom
    const most = zoom => [WIDTH * zoom - WIDTH, HEIGHT * zoom - HEIGHT]
    const inside = (value, limit) => Math.max(0, Math.min(limit, Math.round(value)))
    view = {
        zoom,
        left: inside((view.left + x) * grown - WIDTH / 2, most(zoom)[0]),
        top: inside((view.top + y) * grown - HEIGHT / 2, most(zoom)[1]),
    }
}

async function begin() {
    if (!/manager=/.test(location.hash)) {
        throw new Error('This address has no token. Open the address that the gateway printed for managers, with everything behind the #.')
    }
    const manager = new Manager(location.href)
    say('waits for a worker: open the page of the workers in other tabs', 'connecting')
    const workers = await manager.getWorkers({ min: 1, type: 'jobs' })
    at('draw').addEventListener('click', () => draw(workers))
    at('out').addEventListener('click', () => {
        view = { zoom: 1, left: 0, top: 0 }
        draw(workers)
    })
    at('colour').addEventListener('click', () => {
        byWorker = !byWorker
        at('colour').setAttribute('aria-pressed', String(byWorker))
        drawn.forEach(paint)
    })
    at('picture').addEventListener('click', event => {
        const scale = WIDTH / at('picture').clientWidth
        closer(event.offsetX * scale, event.offsetY * scale)
        draw(workers)
    })
    await draw(workers)
}

begin().catch(problem)
