// Zinc over its own transport: a host nobody edits at, and clients.
import { Endpoint, text } from "../../../dist/index.js"
import {
  address,
  awaitEnd,
  count,
  cpuMs,
  dismissed,
  markCpu,
  now,
  role,
  say,
  transactions,
  warmUp,
  write,
} from "./common.mjs"

if (role === "host") {
  const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0" })
  say({ address: host.addresses[0] })
  markCpu()
  await dismissed()
  say({ cpuMs: cpuMs() })
  await host.close()
} else if (role === "replicas") {
  const ends = await Promise.all(Array.from({ length: count }, () => Endpoint.join(address)))
  for (const end of ends) await end.document("warm-up", text)
  const documents = await Promise.all(ends.map(end => end.document("notes", text)))
  markCpu()
  say({ ready: true })
  await awaitEnd(documents.map(document => ({ text: document, watch: check => document.on("change", check) })))
  for (const end of ends) await end.close()
} else if (role === "writer") {
  const end = await Endpoint.join(address)
  const document = await end.document("notes", text)
  const work = transactions()
  const other = await end.document("warm-up", text)
  await write(warmUp(work), other, edits => other.transact(edits))
  await other.acknowledged("rooted")
  say({ ready: true })
  await dismissed()
  markCpu()
  const began = now()
  await write(work, document, edits => document.transact(edits))
  const wrote = now()
  await document.acknowledged("rooted")
  say({ began, wrote, cpuMs: cpuMs() })
  await end.close()
}
