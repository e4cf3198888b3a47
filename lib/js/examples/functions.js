/** What the example page computes: parts of the Mandelbrot set, pixel for pixel as the C++ workers of maus-demo do. */
import { currentCall } from '/maus/index.js'

const STEPS_MAX = 2000
const PIXELS_MAX = 1048576

/** How many steps z = z * z + c takes from c until it is far away; STEPS_MAX: it stays. */
function stepsOf(x, y) {
    let re = x
    let im = y
    for (let steps = 0; steps < STEPS_MAX; steps++) {
        const re2 = re * re
        const im2 = im * im
        if (re2 + im2 > 4) return steps
        im = 2 * re * im + y
        re = re2 - im2 + x
    }
    return STEPS_MAX
}

function draw(pictureWidth, left, top, width, height) {
    if (width * height > PIXELS_MAX || pictureWidth === 0) throw new RangeError('a tile has at most 1,048,576 pixels')
    const scale = 3 / pictureWidth // from -2.25 to 0.75, and -1.125 to 1.125
    const pixels = new Uint8Array(width * height)
    let at = 0
    for (let row = 0; row < height; row++) {
        const y = 1.125 - scale * (top + row + 0.5)
        for (let column = 0; column < width; column++) {
            const steps = stepsOf(scale * (left + column + 0.5) - 2.25, y)
            pixels[at++] = steps === STEPS_MAX ? 0 : 255 - Math.min(steps * 6, 230)
        }
    }
    return pixels
}

const host = `browser (${(/Firefox|Edg|Chrome|Safari/.exec(navigator.userAgent) || ['?'])[0]})`

export const functions = {
    'draw_tile({u32,u32,u32,u32,u32})->{{str,str,i64},list<u8>}': ([pictureWidth, left, top, width, height]) => {
        const [, , worker] = currentCall().fence
        const pixels = draw(pictureWidth, left, top, width, height)
        postMessage({ pixels, width, height }) // for the page to show
        return [[worker, host, 0], pixels]
    },
    add: (x, y) => x + y,
}
