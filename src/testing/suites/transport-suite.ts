/**
 * What every transport must keep, sentence by sentence of `transport/transport.ts`. The host's transport and the
 * client's may differ: then it says whether the two understand each other.
 *
 *     transportSuite({ runner: { describe, it }, name: "mine", hostSupports: mine.supports, open: () => ({ … }) })
 */
import { bindingTests } from "./transport/binding.ts"
import { closingTests } from "./transport/closing.ts"
import { connectingTests } from "./transport/connecting.ts"
import { controlTests } from "./transport/control.ts"
import type { DeclareTest } from "./transport/declare-test.ts"
import type { TransportSuiteOptions } from "./transport/options.ts"
import { publishTests } from "./transport/publish.ts"
import { pushTests } from "./transport/push.ts"
import { subscriberTests } from "./transport/subscriber.ts"
import { World } from "./transport/world.ts"

export function transportSuite(options: TransportSuiteOptions): void {
  const { runner, hostSupports: host, clientSupports: client = host } = options
  const test: DeclareTest = (name, body) => {
    runner.it(name, async () => World.run(await options.open(), body))
  }
  runner.describe(`transport ${options.name}`, () => {
    runner.describe("binding", () => bindingTests(test))
    runner.describe("connecting", () => connectingTests(test, host))
    runner.describe("the control leg", () => controlTests(test, host, client))
    runner.describe("the push leg", () => pushTests(test, host, client))
    runner.describe("the publish leg", () => publishTests(test))
    runner.describe("a publisher that knows its subscribers", () => subscriberTests(test, host))
    runner.describe("closing", () => closingTests(test, host, client))
  })
}
