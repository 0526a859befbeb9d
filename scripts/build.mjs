// Builds dist/ from src/: declarations by the TypeScript compiler, code by the bundler. One file a door and a few that the
// doors share: a program that opens 130 small modules pays for each of them at every start.
import { execFile } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { basename, dirname, join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { rolldown } from "rolldown"

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const dist = join(root, "dist")
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))

/** What programs and threads are started from, besides the doors that package.json names. */
const programs = [
  "cli/demo/demo-worker",
  "cli/relays/relay-parts",
  "cli/replay/replay-client",
  "endpoint/worker/worker-entry",
  "relays/relay-program",
]

/** The door for pages. */
const page = "browser/index"

/**
 * Packages whose code goes into ours. Protocol Buffers is 66 modules, of which we call a few, and it keeps no state that
 * two copies could disagree about. Yjs must stay outside: a user's copy and ours have to be one.
 */
const taken = ["@bufbuild/protobuf"]

rmSync(dist, { recursive: true, force: true })
await Promise.all([declarations(), code(), codeForPages()])
findStrayAddresses()
chmodSync(join(dist, "cli/main.js"), 0o755)

async function declarations() {
  const compiler = join(root, "node_modules/typescript/bin/tsc")
  const compile = promisify(execFile)(process.execPath, [compiler, "-p", join(root, "tsconfig.build.json")])
  await compile.catch(error => {
    console.error(`${error.stdout}${error.stderr}`)
    process.exit(1)
  })
}

async function code() {
  const names = [...doors(), ...programs].filter(name => name !== page)
  const bundle = await rolldown(bundling(names, "node"))
  await bundle.write({
    dir: dist,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    // What several doors need is put together by layer.
    codeSplitting: {
      minShareCount: 2,
      groups: [{ name: layer, debugName: "layer" }],
      includeDependenciesRecursively: false,
    },
    // What is loaded later stays where its source is; `import.meta.url` then means the same in both.
    chunkFileNames: chunk =>
      chunk.isDynamicEntry
        ? `${relative(join(root, "src"), chunk.facadeModuleId).replace(/\.ts$/, "")}.js`
        : "shared/[name]-[hash].js",
  })
  await bundle.close()
}

/** The door for pages shares nothing with the others, of whose parts some need Node. */
async function codeForPages() {
  const pool = join(root, "src/endpoint/worker/worker-pool.ts")
  const none = readFileSync(join(root, "src/browser/no-worker-pool.ts"), "utf8").replace("../core/", "../../core/")
  const plugins = [{ name: "no-worker-threads", load: id => (id === pool ? none : null) }]
  const bundle = await rolldown({ ...bundling([page], "browser"), plugins })
  await bundle.write({
    dir: dist,
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "browser/[name].js",
  })
  await bundle.close()
}

function bundling(names, platform) {
  return {
    cwd: root,
    input: Object.fromEntries(names.map(name => [name, join(root, "src", `${name}.ts`)])),
    platform,
    preserveEntrySignatures: "allow-extension",
    external: name => !/^[./]/.test(name) && !taken.some(each => name === each || name.startsWith(`${each}/`)),
    onLog(level, log) {
      throw new Error(`${level}: ${log.message}`)
    },
  }
}

/** "core", "transport-zmtp", or undefined for a module that belongs to one door only. */
function layer(id) {
  const [first, second, third] = relative(root, id).split(sep)
  if (first !== "src" || third === undefined) return undefined
  return second === "transport" && !third.endsWith(".ts") ? `transport-${third}` : second
}

/** The entry points that package.json names, as "core/index". */
function doors() {
  const targets = Object.values(manifest.exports).flatMap(entry => (typeof entry === "string" ? [] : [entry.default]))
  return [...targets, ...Object.values(manifest.bin)].map(target => /^\.\/dist\/(.*)\.js$/.exec(target)[1])
}

/** A program is named beside a module's own address, and must be there wherever the bundler has put that module. */
function findStrayAddresses() {
  for (const path of readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(each => each.endsWith(".js"))) {
    for (const name of programs) {
      const address = new RegExp(`new URL\\("([^"]*/${basename(name)}\\.js)", import\\.meta\\.url\\)`)
      const [, target] = address.exec(readFileSync(join(dist, path), "utf8")) ?? []
      if (target !== undefined && join(dirname(path), target) !== `${name}.js`)
        throw new Error(`dist/${path} looks for ${name}.js at ${target}`)
    }
  }
}
