// A voter and nothing else, as a process: told what to be in JSON, it says on standard output what happens, one JSON object a
// line, and answers "status", "log" and "close" on standard input. While it is root it orders a message every few milliseconds.
import { createInterface } from "node:readline"
import { VoterDoor, Voting } from "../../dist/cluster/index.js"
import { FileVoteFolder } from "../../dist/cluster/vote-folder/file/index.js"
import { silentLogger, systemClock, systemRandom } from "../../dist/core/index.js"
import { TcpCarrier, ZmtpTransport } from "../../dist/transport/zmtp/index.js"

const { tree, folder, address, seeds, store, everyMs, log } = JSON.parse(process.argv[2])
const now = () => performance.timeOrigin + performance.now()
const say = what => process.stdout.write(`${JSON.stringify(what)}\n`)
const logger = log
  ? Object.fromEntries(
      ["debug", "info", "warn", "error"].map(level => [
        level,
        (message, fields) =>
          process.stderr.write(`${now().toFixed(1)} ${address} ${level} ${message} ${said(fields)}\n`),
      ]),
    )
  : silentLogger

const transport = new ZmtpTransport({ carriers: [new TcpCarrier()] })
const door = new VoterDoor(transport, logger)
const bound = await door.bind(address)
const voting = await Voting.open({
  tree,
  folder: await FileVoteFolder.open({ folder, tree }),
  addresses: [bound],
  direct: true,
  seeds,
  coordinator: await open(store),
  transport,
  clock: systemClock,
  random: systemRandom,
  logger,
  // So that the whole log can be judged in the end.
  limits: { keptEntries: 1_000_000 },
})
door.receive(voting)

let sequence = 0
/** By epoch: when we last acted as its root. */
const acts = {}

voting.on("reign", ({ epoch, self, root }) => {
  if (self) sequence = voting.log.table.sequenceOf("stream", "load")
  say({ type: "reign", at: now(), epoch, self, root: root.voterId })
})
voting.on("deposed", ({ epoch, reason }) => say({ type: "deposed", at: now(), epoch, reason }))
voting.on("noRoot", ({ reason }) => say({ type: "noRoot", at: now(), reason }))
voting.on("votersChanged", ({ record }) => say({ type: "voters", count: record.voters.length }))
voting.on("committed", ({ entries }) => {
  // Only a root acknowledges.
  if (!voting.hasAuthority()) return
  const acked = entries.filter(entry => entry.kind === "message").map(entry => [entry.number, entry.sequence])
  if (acked.length > 0) say({ type: "acked", acked })
})

setInterval(() => {
  // Before the authority is asked for: a process may be stopped between that and the act, and then the act is of before.
  const at = now()
  if (!voting.hasAuthority()) return
  const outcome = voting.order({
    stream: "stream",
    origin: "load",
    sequence: sequence + 1,
    lowest: 1,
    payload: octets(sequence + 1),
  })
  if (outcome.type !== "ordered") return
  sequence++
  acts[voting.reignEpoch] = at
}, everyMs)

createInterface({ input: process.stdin }).on("line", line => {
  if (line === "status")
    say({
      type: "status",
      authority: voting.hasAuthority(),
      epoch: voting.reignEpoch ?? voting.root?.epoch,
      linked: voting.linked.length,
      following: voting.isFollowing,
      last: voting.log.last.number,
      acts,
    })
  else if (line === "log") {
    const entries = voting.log.from(voting.log.base.number + 1)
    say({
      type: "log",
      base: voting.log.base.number,
      committed: voting.committed,
      entries: entries.map(({ epoch, number, kind, sequence: of, payload }) =>
        kind === "message" ? [epoch, number, of, Buffer.from(payload).readUInt32LE(0)] : [epoch, number],
      ),
    })
  } else if (line === "close") process.exit(0)
})

say({ type: "ready", voter: voting.voterId, address: bound })

async function open(from) {
  if (from.zookeeper !== undefined) {
    const { ZooKeeperCoordinator } = await import("../../dist/coordination/zookeeper/index.js")
    return ZooKeeperCoordinator.open({ tree, servers: from.zookeeper })
  }
  if (from.etcd !== undefined) {
    const { EtcdCoordinator } = await import("../../dist/coordination/etcd/index.js")
    return EtcdCoordinator.open({ tree, servers: from.etcd })
  }
  return undefined
}

function octets(number) {
  const bytes = Buffer.alloc(64)
  bytes.writeUInt32LE(number, 0)
  return bytes
}

function said(fields) {
  return JSON.stringify(fields, (_, value) => (value instanceof Error ? `${value.code} ${value.message}` : value)) ?? ""
}
