import { describe, it } from "vitest"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { NativeTransport } from "../../src/transport/native/index.ts"
import { overIpc, overTcp } from "./subjects.ts"

const native = await NativeTransport.open()
const runner = { describe, it }

transportSuite({ runner, name: "native over tcp", hostSupports: native.supports, open: () => overTcp(native) })
transportSuite({ runner, name: "native over ipc", hostSupports: native.supports, open: () => overIpc(native) })
