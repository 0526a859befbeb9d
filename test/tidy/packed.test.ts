/** The package as a user gets it: packed, installed in a folder of its own, imported by name, and compiled against. */
import { execFile } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { root, textOf } from "./source.ts"

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly bin: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
}

const manifest = JSON.parse(textOf("package.json")) as Manifest
const scratch = mkdtempSync(join(tmpdir(), "zinc-packed-"))
const installed = join(scratch, "node_modules", manifest.name)

/** Subpaths with code behind them, such as "zincmq/core". */
const subpaths = Object.entries(manifest.exports).flatMap(([subpath, target]) =>
  typeof target === "string" ? [] : [{ name: join(manifest.name, subpath), target }],
)

beforeAll(async () => {
  if (!existsSync(join(root, "dist/index.js"))) throw new Error("dist/ is missing: run `npm run build` first")
  // Without scripts: `prepare` would rebuild dist/ under the feet of other tests.
  await run("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", scratch], root)
  writeFileSync(join(scratch, "package.json"), JSON.stringify({ name: "consumer", private: true, type: "module" }))
  const archive = join(scratch, `${manifest.name}-${manifest.version}.tgz`)
  await run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", archive], scratch)
}, 120_000)

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

describe("The packed package", () => {
  it("holds what it needs and nothing of the workshop", () => {
    for (const name of ["package.json", "LICENSE", "THIRD-PARTY.md", "dist/index.js", "dist/index.d.ts"]) {
      expect(existsSync(join(installed, name)), name).toBe(true)
    }
    for (const name of ["src", "test", "scripts", "benchmarks", "node_modules/zeromq"]) {
      expect(existsSync(join(installed, name)), name).toBe(false)
    }
  })

  it("has what its README links to", () => {
    const links = [...readFileSync(join(installed, "README.md"), "utf8").matchAll(/\]\(([^)#]+)/g)].map(([, to]) => to!)
    const own = links.filter(to => !to.includes("://"))
    expect(own.length).toBeGreaterThan(10)
    expect(own.filter(to => !existsSync(join(installed, to)))).toEqual([])
  })

  it("has code and types behind every subpath", () => {
    const missing = subpaths
      .flatMap(({ target }) => [target.default, target.types])
      .filter(path => !existsSync(join(installed, path)))
    expect(missing).toEqual([])
  })

  it("brings no optional package", () => {
    const optional = Object.keys(manifest.peerDependencies)
    expect(optional.filter(name => existsSync(join(scratch, "node_modules", name)))).toEqual([])
  })

  it("imports by every subpath, without the optional packages", async () => {
    const names = subpaths.map(each => each.name)
    expect(names).toContain(manifest.name)
    const program = `
      for (const name of ${JSON.stringify(names)}) {
        const door = await import(name)
        console.log(name, Object.keys(door).length)
      }`
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], scratch)
    expect(
      stdout
        .trim()
        .split("\n")
        .map(line => line.split(" ")[0]),
    ).toEqual(names)
  })

  it("exports behind each subpath what the source exports there", async () => {
    const program = `
      for (const name of ${JSON.stringify(subpaths.map(each => each.name))}) console.log(JSON.stringify(Object.keys(await import(name))))`
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], scratch)
    const doors = stdout.trim().split("\n")
    for (const [index, { name, target }] of subpaths.entries()) {
      const source = target.default.replace("./dist/", "src/").replace(/\.js$/, ".ts")
      const door = (await import(join(root, source))) as object
      expect(JSON.parse(doors[index]!), name).toEqual(Object.keys(door).sort())
    }
  })

  it("has each class once, whichever subpath it comes through", async () => {
    const program = `
      const all = await import("${manifest.name}")
      for (const path of ["core", "endpoint", "document", "message"]) {
        const door = await import("${manifest.name}/" + path)
        for (const name of Object.keys(door)) if (name in all) console.log(name, door[name] === all[name])
      }`
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], scratch)
    const shared = stdout.trim().split("\n").sort()
    expect(shared).toContain("ZincError true")
    expect(shared).toContain("TextDocument true")
    expect(shared.filter(line => !line.endsWith(" true"))).toEqual([])
  })

  it("codes messages of the user's own copy of Protocol Buffers", async () => {
    const program = `
      import { create, isMessage } from "@bufbuild/protobuf"
      import { DurationSchema } from "@bufbuild/protobuf/wkt"
      import { protobufCodec } from "${manifest.name}"
      const codec = protobufCodec(DurationSchema)
      const read = codec.decode(codec.encode(create(DurationSchema, { seconds: 5n, nanos: 7 })))
      console.log(isMessage(read, DurationSchema), read.seconds, read.nanos)`
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], scratch)
    expect(stdout.trim()).toBe("true 5n 7")
  })

  it("exports no subpath but those it names", async () => {
    const program = `
      try { await import("${manifest.name}/core/clock.js"); console.log("open") }
      catch (error) { console.log(error.code) }`
    const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", program], scratch)
    expect(stdout.trim()).toBe("ERR_PACKAGE_PATH_NOT_EXPORTED")
  })

  it("compiles against its types under strict and NodeNext", async () => {
    const imports = subpaths.map((each, index) => `import * as door${index} from "${each.name}"`)
    const use = `
      const doors: readonly object[] = [${subpaths.map((_, index) => `door${index}`).join(", ")}]
      export const count: number = doors.length
      export function advice(error: unknown): string {
        return door0.ZincError.is(error) && error.code === door0.ErrorCode.Timeout ? "wait longer" : "look closer"
      }
      // @ts-expect-error A code that is none: were the types missing, this would pass.
      export const wrong: door0.ErrorCode = "NoSuchCode"`
    writeFileSync(join(scratch, "consumer.ts"), [...imports, use].join("\n"))
    // A user has the types of Node; ours must not ask for more.
    symlinkSync(join(root, "node_modules/@types"), join(scratch, "node_modules/@types"))
    writeFileSync(
      join(scratch, "tsconfig.json"),
      JSON.stringify({
        compilerOptions: {
          strict: true,
          exactOptionalPropertyTypes: true,
          module: "NodeNext",
          target: "ES2022",
          lib: ["ES2023", "ESNext.Disposable", "DOM"],
          types: ["node"],
          noEmit: true,
        },
        files: ["consumer.ts"],
      }),
    )
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", scratch], scratch)
  })

  it("imports only what it declares", () => {
    const declared = new Set([...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)])
    const undeclared = new Set<string>()
    for (const path of readdirSync(join(installed, "dist"), { recursive: true, encoding: "utf8" })) {
      if (!/\.(js|d\.ts)$/.test(path)) continue
      const text = readFileSync(join(installed, "dist", path), "utf8")
      for (const match of text.matchAll(
        /^(?:(?:import|export)\s[^"'=]*?\bfrom|import)\s*\(?["']([^"'.][^"']*)["']/gm,
      )) {
        const names = match[1]!.split("/")
        const name = names[0]!.startsWith("@") ? names.slice(0, 2).join("/") : names[0]!
        if (!declared.has(name) && !name.startsWith("node:") && !builtinModules.includes(name)) undeclared.add(name)
      }
    }
    expect([...undeclared]).toEqual([])
  })

  it("runs its command", async () => {
    const { stdout } = await run("npx", ["--no-install", "zinc", "--version"], scratch)
    expect(stdout.trim()).toBe(manifest.version)
  })
})

/** Rejects with all that the program said. */
async function run(command: string, parameters: string[], cwd: string): Promise<{ stdout: string }> {
  try {
    return await promisify(execFile)(command, parameters, { cwd, timeout: 100_000, maxBuffer: 2 ** 24 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${parameters.join(" ").slice(0, 200)} failed:\n${stdout}\n${stderr}`, { cause: error })
  }
}
