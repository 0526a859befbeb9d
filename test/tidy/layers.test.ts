/** Imports only point left: core → zmtp → transport → message → endpoint → cluster → document; adapters are leaves. */
import { describe, expect, it } from "vitest"
import { production, type SourceFile, textOf } from "./source.ts"

const everything = [
  "core",
  "zmtp",
  "transport",
  "message",
  "endpoint",
  "external",
  "coordination",
  "discovery",
  "cluster",
  "storage",
  "document",
]

/** What each part may import besides itself. `cli` and `testing` stand on top; `index.ts` is the front door. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  zmtp: ["core"],
  transport: ["core", "zmtp"],
  message: ["core", "zmtp", "transport"],
  zeromq: ["core", "zmtp", "transport"],
  endpoint: ["core", "zmtp", "transport", "message"],
  coordination: ["core", "external"],
  discovery: ["core", "external"],
  external: ["core"],
  cluster: ["core", "zmtp", "transport", "message", "endpoint", "coordination", "discovery"],
  storage: ["core"],
  document: ["core", "zmtp", "transport", "message", "endpoint", "cluster", "storage"],
  "whole-endpoint.ts": ["core", "zmtp", "transport", "message", "endpoint", "cluster", "storage", "document"],
  relays: ["core", "endpoint", "whole-endpoint.ts", "zinc.ts"],
  "zinc.ts": ["core", "endpoint", "cluster", "transport", "relays", "whole-endpoint.ts"],
  browser: ["core", "zmtp", "transport", "endpoint", "document", "whole-endpoint.ts"],
  cli: [...everything, "testing", "index.ts"],
  testing: [...everything, "index.ts"],
  "index.ts": ["core", "zmtp", "transport", "message", "endpoint", "cluster", "storage", "document", "zinc.ts"],
}

/** Folders of adapters: only the front door, the command line and the test kit may choose one. */
const adapters = [
  "src/transport/native/",
  "src/transport/simulated/",
  "src/storage/memory/",
  "src/storage/file/",
  "src/cluster/vote-folder/memory/",
  "src/cluster/vote-folder/file/",
  "src/coordination/memory/",
  "src/coordination/zookeeper/",
  "src/coordination/etcd/",
  "src/discovery/memory/",
  "src/discovery/static/",
  "src/discovery/dns/",
  "src/discovery/mdns/",
  "src/discovery/zookeeper/",
  "src/discovery/etcd/",
]

/**
 * The only places that touch the machine. Everything else is handed its clock, randomness, network and disk, so that
 * it runs in the simulator and in a browser.
 */
const shells = [
  /^src\/transport\/.*(carrier|tcp|ipc)[^/]*\.ts$/,
  /^src\/transport\/carrier\//,
  /^src\/transport\/native\//,
  /^src\/storage\/file\//,
  /^src\/cluster\/vote-folder\/file\//,
  /^src\/external\/zookeeper\/wire\.ts$/,
  /^src\/discovery\/dns\/name-service\.ts$/,
  /^src\/discovery\/mdns\/mdns-discovery\.ts$/,
  /^src\/endpoint\/.*(worker|pool)/,
  /^src\/relays\//,
  /^src\/zeromq\//,
  /^src\/cli\//,
  /^src\/testing\//,
]

/** Packages that only one part may import, so that a heavy client stays in its own subpath. */
const packagesOf: Readonly<Record<string, RegExp>> = {
  zeromq: /^src\/(transport\/native|testing)\//,
  yjs: /^src\/(document|cli|testing)\//,
  "y-protocols": /^src\/(document|cli|testing)\//,
  piscina: /^src\/endpoint\/.*(worker|pool)/,
  pino: /^src\/(cli|core)\//,
  commander: /^src\/cli\//,
  chokidar: /^src\/cli\//,
  "write-file-atomic": /^src\/(cli|storage)\//,
  "fast-diff": /^src\/(cli|document)\//,
  picocolors: /^src\/cli\//,
  ora: /^src\/cli\//,
  "log-update": /^src\/cli\//,
  "multicast-dns": /^src\/discovery\/mdns\//,
  vitest: /^$/,
}

function partOf(path: string): string {
  return path.split("/")[1]!
}

function packageOf(specifier: string): string {
  const names = specifier.split("/")
  return specifier.startsWith("@") ? names.slice(0, 2).join("/") : names[0]!
}

function breaches(check: (file: SourceFile) => readonly string[]): string[] {
  return production.flatMap(file => check(file).map(text => `${file.path} ${text}`))
}

describe("Layers", () => {
  it("knows every part of src", () => {
    const parts = new Set(production.map(file => partOf(file.path)))
    expect([...parts].filter(part => !(part in allowed))).toEqual([])
  })

  it("import only to the left", () => {
    const wrong = breaches(file => {
      const part = partOf(file.path)
      return file.imports
        .filter(each => each.path?.startsWith("src/"))
        .map(each => partOf(each.path!))
        .filter(target => target !== part && !allowed[part]?.includes(target))
        .map(target => `imports ${target}, which is not to its left`)
    })
    expect(wrong).toEqual([])
  })

  it("never leave src", () => {
    const wrong = breaches(file =>
      file.imports
        .filter(each => each.path !== undefined && !each.path.startsWith("src/") && each.path !== "package.json")
        .map(each => `imports ${each.path}`),
    )
    expect(wrong).toEqual([])
  })

  it("import only files that exist", () => {
    const paths = new Set(production.map(file => file.path))
    const wrong = breaches(file =>
      file.imports
        .filter(each => each.path?.endsWith(".ts") && !paths.has(each.path))
        .map(each => `imports ${each.path}, which is not there`),
    )
    expect(wrong).toEqual([])
  })

  it("choose no adapter below the front door", () => {
    const wrong = breaches(file => {
      if (["cli", "testing", "zinc.ts", "whole-endpoint.ts", "index.ts"].includes(partOf(file.path))) return []
      return file.imports
        .filter(each => adapters.some(folder => each.path?.startsWith(folder) && !file.path.startsWith(folder)))
        .map(each => `imports the adapter ${each.path}`)
    })
    expect(wrong).toEqual([])
  })

  it("leave the clients of external services to adapters", () => {
    const wrong = breaches(file => {
      if (file.path.startsWith("src/external/") || adapters.some(folder => file.path.startsWith(folder))) return []
      if (/^src\/(cli|testing)\//.test(file.path)) return []
      return file.imports
        .filter(each => each.path?.startsWith("src/external/") && !each.typeOnly)
        .map(each => `imports ${each.path}`)
    })
    expect(wrong).toEqual([])
  })

  it("keep node: out of the hearts", () => {
    const wrong = breaches(file => {
      if (shells.some(shell => shell.test(file.path))) return []
      return file.imports.filter(each => each.specifier.startsWith("node:")).map(each => `imports ${each.specifier}`)
    })
    expect(wrong).toEqual([])
  })

  it("import a package only in the part it belongs to", () => {
    const wrong = breaches(file =>
      file.imports
        .filter(each => each.path === undefined && !each.specifier.startsWith("node:"))
        .filter(each => packagesOf[packageOf(each.specifier)]?.test(file.path) === false)
        .map(each => `imports ${each.specifier}`),
    )
    expect(wrong).toEqual([])
  })

  it("import only declared packages", () => {
    const manifest = JSON.parse(textOf("package.json")) as Record<string, Record<string, string> | undefined>
    const declared = { ...manifest.dependencies, ...manifest.peerDependencies }
    const wrong = breaches(file =>
      file.imports
        .filter(each => each.path === undefined && !each.specifier.startsWith("node:"))
        .filter(each => !(packageOf(each.specifier) in declared))
        .map(each => `imports ${each.specifier}, which package.json does not declare`),
    )
    expect(wrong).toEqual([])
  })

  it("let the command line reach the parts only through their doors", () => {
    const manifest = JSON.parse(textOf("package.json")) as { exports: Record<string, string | { default: string }> }
    const doors = new Set(
      Object.values(manifest.exports).map(entry =>
        (typeof entry === "string" ? entry : entry.default).replace("./dist/", "src/").replace(/\.js$/, ".ts"),
      ),
    )
    const wrong = breaches(file => {
      if (partOf(file.path) !== "cli") return []
      return file.imports
        .filter(each => each.path?.startsWith("src/") && partOf(each.path) !== "cli" && !doors.has(each.path))
        .map(each => `imports ${each.path}, which is no door of package.json`)
    })
    expect(wrong).toEqual([])
  })
})
