// A worker in Node for `maus-bench languages`: node echo_worker.mjs ADDRESS-OF-A-GATEWAY
import { Worker } from '../../lib/js/src/index.js'

const worker = new Worker(process.argv[2])
worker.expose('echo(str)->str', x => x)
await worker.start()
