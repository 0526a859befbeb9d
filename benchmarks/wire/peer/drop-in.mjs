// Our engine through the door that looks like zeromq.js.
import * as zmq from "../../../dist/zeromq/index.js"
import { playWith } from "./awaited.mjs"

await playWith(zmq)
