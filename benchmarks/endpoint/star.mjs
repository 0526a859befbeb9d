// Runs one star: a host, a process with all receivers, a sender. Each contender is a program with three roles:
//
//   host                                   says {"address"}; ends with its standard input and says {"cpuMs"}
//   receive COUNT SIZE CLIENTS ADDRESS     says {"ready"}, then {"seconds", "cpuMs"} when every client has every message
//   send COUNT SIZE CLIENTS ADDRESS WINDOW sends when told on its standard input, says {"cpuMs"}
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { child } from "../harness/child.mjs"

const here = dirname(fileURLToPath(import.meta.url))

export async function star(name, { clients, count, size, window }) {
  const program = join(here, `peer/${name}.mjs`)
  const host = child(process.execPath, [program, "host"])
  const { address } = await host.next()
  const receivers = child(process.execPath, [program, "receive", count, size, clients, address])
  await receivers.next()
  const sender = child(process.execPath, [program, "send", count, size, clients, address, window])
  const received = await receivers.next()
  const sent = await sender.done
  await receivers.done
  host.dismiss()
  return { host: await host.done, receivers: received, sender: sent }
}
