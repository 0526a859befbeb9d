// npm run bench -- [names…] [options]      for example: npm run -s bench -- wire --json
import { arch, cpus, platform, release, totalmem } from "node:os"
import { readOptions } from "../scripts/options.mjs"
import { measure } from "./harness/measure.mjs"
import { jsonReport, tableReport } from "./harness/report.mjs"
import { benches } from "./registry.mjs"

const usage = `usage: npm run bench -- [names…] [options]

names: ${benches.map(bench => bench.name).join(", ")}; a beginning such as "wire" means all of them; none means every bench

  --json           one JSON object a line on standard output, nothing else there
  --quick          3 short runs
  --all            further rows (other transports and sizes)
  --runs N         how many interleaved runs; 5 unless the bench has its own number
  --seconds S      how long one run takes, about; 1 unless the bench has its own
  --only A,B       only these contenders
  --size A,B       only rows of these sizes
  --transport A,B  only rows of these transports
  --record A,B     only trees whose root record is kept so: embedded, zookeeper, etcd
  --faults N       how often something is killed, in benches that kill
  --fault A,B      only these: "kill the root", "stop the root", "kill a relay", "close the root"; or "nothing", to compare
  --calm MS        how long a tree is well before it is hurt again; 1000
  --state FOLDER   where what was measured before is kept, in benches that go on (.failover)
  --tally          only what was measured before, all commits together, in benches that go on
  --load N         of that, only what was measured while the machine's load was no more than that
  --trace FILE     what happened when around each fault is written there
  --details        CPU and the like (in the table always)`

const { values, positionals } = readOptions(
  usage,
  {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    all: { type: "boolean", default: false },
    details: { type: "boolean", default: false },
    runs: { type: "string" },
    faults: { type: "string" },
    fault: { type: "string" },
    calm: { type: "string" },
    state: { type: "string" },
    trace: { type: "string" },
    tally: { type: "boolean", default: false },
    load: { type: "string" },
    record: { type: "string" },
    seconds: { type: "string" },
    only: { type: "string" },
    size: { type: "string" },
    transport: { type: "string" },
  },
  { allowPositionals: true },
)

const chosen = benches.filter(
  bench =>
    positionals.length === 0 || positionals.some(name => bench.name === name || bench.name.startsWith(`${name}/`)),
)
if (chosen.length === 0) {
  console.error(`no bench is called ${positionals.join(" or ")}\n\n${usage}`)
  process.exit(2)
}

const options = {
  quick: values.quick,
  all: values.all,
  runs: values.runs === undefined ? undefined : Number(values.runs),
  seconds: values.seconds === undefined ? undefined : Number(values.seconds),
  ...(values.faults === undefined ? {} : { faults: Number(values.faults) }),
  records: values.record?.split(","),
  cells: values.fault?.split(","),
  ...(values.calm === undefined ? {} : { calm: values.calm }),
  state: values.state,
  trace: values.trace,
  tally: values.tally,
  ...(values.load === undefined ? {} : { load: Number(values.load) }),
  only: values.only?.split(","),
  sizes: values.size?.split(",").map(Number),
  transports: values.transport?.split(","),
}
const report = values.json ? jsonReport({ details: values.details }) : tableReport()

console.error(
  `# ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${Math.round(totalmem() / 2 ** 30)} GiB, ` +
    `${platform()} ${release()} ${arch()}, node ${process.version}; ` +
    "medians of interleaved runs\n" +
    `# npm run bench -- ${process.argv.slice(2).join(" ")}`,
)
for (const { load } of chosen) {
  const { default: bench } = await load()
  report.begin(bench)
  const paced = {
    ...options,
    runs: options.runs ?? (options.quick ? 3 : (bench.runs ?? 5)),
    seconds: options.seconds ?? (options.quick ? 0.3 : (bench.seconds ?? 1)),
  }
  for await (const row of measure(bench, paced)) report.row(row)
}
report.end()
