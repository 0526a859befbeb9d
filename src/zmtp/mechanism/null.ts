/** NULL: no security. Each side sends READY, in any order, and that is all. */
import { ZincError } from "../../core/errors.ts"
import { type Command, encodeReady } from "../command.ts"
import type { HandshakeStep, Mechanism } from "./mechanism.ts"

export class NullMechanism implements Mechanism {
  readonly name = "NULL"

  receive(command: Command): HandshakeStep {
    switch (command.name) {
      case "READY":
        return { type: "ready", properties: command.properties }
      case "ERROR":
        return {
          type: "failed",
          error: new ZincError("HandshakeFailed", `the peer refused us: ${command.reason || "it gave no reason"}`),
        }
      default:
        return {
          type: "failed",
          error: new ZincError("BadFrame", "the peer sent something else where READY was due"),
        }
    }
  }

  ready(properties: Iterable<readonly [string, Uint8Array]>): Uint8Array {
    return encodeReady(properties)
  }
}
