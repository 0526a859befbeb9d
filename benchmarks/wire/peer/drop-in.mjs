// Our engine through the door that looks like zeromq.js.
import { playWith } from "./awaited.mjs"

// As in zinc.mjs.
const dist = process.env.ZINC_BENCH_DIST ?? new URL("../../../dist", import.meta.url).href

await playWith(await import(`${dist}/zeromq/index.js`))
