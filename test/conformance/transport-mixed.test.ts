/** Our engine and libzmq, each as the other's host: what one leg says on the wire the other understands. */
import { describe, it } from "vitest"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { NativeTransport } from "../../src/transport/native/index.ts"
import { ZmtpTransport } from "../../src/transport/zmtp/index.ts"
import { overIpc, overTcp } from "./subjects.ts"

const native = await NativeTransport.open()
const zmtp = new ZmtpTransport()
const runner = { describe, it }

for (const [way, open] of [
  ["tcp", overTcp],
  ["ipc", overIpc],
] as const) {
  transportSuite({
    runner,
    name: `native clients of a zmtp host over ${way}`,
    hostSupports: zmtp.supports,
    clientSupports: native.supports,
    open: () => open(zmtp, native),
  })
  transportSuite({
    runner,
    name: `zmtp clients of a native host over ${way}`,
    hostSupports: native.supports,
    clientSupports: zmtp.supports,
    open: () => open(native, zmtp),
  })
}
