/** maus for JavaScript: workers and managers in pages, Web Workers and Node. See README.md. */
export { MausError, CODES } from './errors.js'
export { Manager } from './manager.js'
export { Workers, named } from './workers.js'
export { Worker } from './worker.js'
export { Stream } from './stream.js'
export { currentCall } from './shell/context.js'
export { pause } from './shell/clock.js'
export { Time, Regexp } from './wire/values.js'
export { startWebWorker, WebWorker } from './web_worker.js'
export { Parkserver, Parkserver as parkserver } from './parkserver.js'
export {
    FirstManager as manager, connectParkserver, end, getWorker, registerParkserver, worker,
} from './first.js'
