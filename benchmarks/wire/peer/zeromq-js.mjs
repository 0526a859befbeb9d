// npm zeromq.
import * as zmq from "zeromq"
import { playWith } from "./awaited.mjs"

await playWith(zmq)
