import { describe, it } from "vitest"
import { SeededRandom } from "../../src/core/random.ts"
import { SimulatedClock } from "../../src/core/simulated-clock.ts"
import { transportSuite } from "../../src/testing/suites/transport-suite.ts"
import { SimulatedNetwork } from "../../src/transport/simulated/index.ts"

function network() {
  const clock = new SimulatedClock()
  return { clock, network: new SimulatedNetwork({ clock, random: new SeededRandom(1) }) }
}

transportSuite({
  runner: { describe, it },
  name: "simulated",
  hostSupports: network().network.transport("any").supports,
  open: () => {
    const { clock, network: simulated } = network()
    return {
      host: simulated.transport("hub"),
      client: simulated.transport("leaf"),
      address: () => "sim://*:0",
      unreachable: "sim://nowhere:1",
      bad: ["tcp://127.0.0.1:1", "sim://", "sim://a:b", "sim://hub:70000", "hub"],
      mute: async () => {
        const transport = simulated.transport("mute")
        const sockets = {
          router: transport.router({ onBatch() {} }),
          publisher: transport.publisher({ onSubscribe() {}, onUnsubscribe() {} }),
          puller: transport.puller({ onBatch() {} }),
        }
        const { control } = await transport.bind("sim://mute", sockets)
        simulated.pause("mute")
        return control
      },
      settle: durationMs => clock.run(durationMs),
    }
  },
})
