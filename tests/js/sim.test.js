/** The promise under faults by a seed (sim.js). MAUS_SIM_SEEDS=1:2000 runs other seeds. */
import { test } from 'node:test'

import { forSeeds } from './chance.js'
import { Sim } from './sim.js'

test('[P-47] every call completes exactly once, whatever fails', () => forSeeds(60, chance => new Sim(chance).play()))
