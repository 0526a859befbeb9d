// Every bench there is: one file each, loaded only when asked for. `npm run bench -- wire` runs all whose name begins so.
//
// A bench file's default export:
//   {
//     name: "wire/push-pull",
//     question: "one line: what is asked, and of what work",
//     seconds: 0.5, runs: 5                           how long and how often, unless told otherwise; both may be absent
//     async cases(options) → an iterable or async iterable of Case
//   }
// and a Case is one row of the results:
//   {
//     parameters: { transport: "tcp", size: 16 },    goes into the row as it is
//     unit: "msg/s",
//     better: "more" | "less",
//     contenders: { zinc: async seconds => measurement, net: … }    ours is called "zinc"
//     targets: { libzmq: 0.7 }                        zinc / libzmq is to reach this (or stay below it, for "less")
//     margins: { net: 6144 }                          zinc is to stay within net's figure plus this
//     limit: 150                                      what zinc itself is to reach or stay below; by name with `rows`
//   }
// A contender does its work once, for about the seconds given, checks its own outcome (and throws when it is wrong), and
// returns a number, or { value, details } where details are further numbers by name, such as the CPU a process took.
// With `rows: { median: {…}, p99: {…} }` in the Case, a contender returns { values: { median, p99 } } and each gets a row
// of its own with those parameters added; `unit`, `better`, `targets` and `margins` may then be given by name, too.
export const benches = [
  { name: "wire/push-pull", load: () => import("./wire/push-pull.mjs") },
  { name: "wire/round-trip", load: () => import("./wire/round-trip.mjs") },
  { name: "wire/mixed", load: () => import("./wire/mixed.mjs") },
  { name: "wire/drop-in", load: () => import("./wire/drop-in.mjs") },
  { name: "wire/fan-out", load: () => import("./wire/fan-out.mjs") },
  { name: "wire/one-to-all", load: () => import("./wire/one-to-all.mjs") },
  { name: "wire/under-load", load: () => import("./wire/under-load.mjs") },
  { name: "wire/curve", load: () => import("./wire/curve.mjs") },
  { name: "wire/websocket", load: () => import("./wire/websocket.mjs") },
  { name: "wire/inproc", load: () => import("./wire/inproc.mjs") },
  { name: "wire/connections", load: () => import("./wire/connections.mjs") },
  { name: "endpoint/deliver", load: () => import("./endpoint/deliver.mjs") },
  { name: "endpoint/round-trip", load: () => import("./endpoint/round-trip.mjs") },
  { name: "failover", load: () => import("./failover/failover.mjs") },
  { name: "startup/host", load: () => import("./startup/host.mjs") },
  { name: "startup/join", load: () => import("./startup/join.mjs") },
  { name: "tree/hop", load: () => import("./tree/hop.mjs") },
  { name: "tree/cores", load: () => import("./tree/cores.mjs") },
  { name: "tree/scale", load: () => import("./tree/scale.mjs") },
  { name: "growth/storm", load: () => import("./growth/storm.mjs") },
  { name: "healing/relay", load: () => import("./healing/relay.mjs") },
  { name: "coordination/stores", load: () => import("./coordination/stores.mjs") },
  { name: "election/voters", load: () => import("./election/voters.mjs") },
  { name: "documents/trace", load: () => import("./documents/trace.mjs") },
]
