// A chat. One hosts, any number join; what one types the others read. If the host goes away and comes back, everyone
// is there again by themselves.
//
//   node chat.mjs host tcp://127.0.0.1:7700 --name ada [--token secret]
//   node chat.mjs join tcp://127.0.0.1:7700 --name bob [--token secret]
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"
import { Endpoint, tokenAuthenticator, ZincError } from "zincmq"

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { name: { type: "string", default: "somebody" }, token: { type: "string", default: "" } },
})
const [role, address] = positionals
if ((role !== "host" && role !== "join") || address === undefined) {
  console.error("usage: node chat.mjs host|join ADDRESS [--name NAME] [--token TOKEN]")
  process.exit(2)
}

const { name, token } = values
let me
try {
  me =
    role === "host"
      ? await Endpoint.host({ listen: address, name, ...(token && { authenticator: tokenAuthenticator(token) }) })
      : await Endpoint.join(address, { name, token })
} catch (error) {
  console.error(ZincError.is(error) ? `${error.code}: ${error.message}` : error)
  process.exit(1)
}

me.on("joined", ({ peer }) => console.log(`* ${peer.name} is here`))
me.on("left", ({ peer, reason }) => console.log(`* ${peer.name} left: ${reason}`))
// Once it is ready, nothing that anybody says is missed.
await me.handle("chat", ({ value }) => console.log(`<${value.from}> ${value.line}`)).ready
console.log(role === "host" ? `listening at ${me.addresses.join(", ")}` : `joined ${me.peers[0].name}`)

// Ends with the input (Ctrl-D) or Ctrl-C; close() lets what was said arrive, or gives up after five seconds.
const input = createInterface({ input: process.stdin })
process.once("SIGINT", () => input.close())
for await (const line of input) {
  // While the host is away lines wait for it. False: too many wait, and this one was not taken.
  if (line !== "" && !me.send("chat", { from: name, line })) console.log("* not said: too much waits already")
}
await me.close()
