// npm zeromq loaded, and a ROUTER bound: no session, no liveness, no order.
import { Router } from "zeromq"

const router = new Router({ linger: 0 })
await router.bind("tcp://127.0.0.1:0")
console.log(JSON.stringify({ ready: performance.now() }))
router.close()
