/** The repository's own files as text, for the tests that hold what prose cannot. */
import { readdirSync, readFileSync } from "node:fs"
import { dirname, join, posix, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

export const root: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

export interface SourceFile {
  /** From the root of the repository, with "/". */
  readonly path: string
  readonly text: string
  /** The text with comments and the insides of strings blanked; offsets and lines stay. */
  readonly code: string
  /** What it imports or re-exports, as written. */
  readonly imports: readonly Import[]
}

export interface Import {
  readonly specifier: string
  /** The file meant, from the root, for relative specifiers. */
  readonly path: string | undefined
  readonly typeOnly: boolean
}

const ignored = new Set(["node_modules", "dist", ".git", ".scratch", "coverage", "build"])

/** Every file below a folder of the repository, as paths from its root. */
export function filesBelow(folder: string): string[] {
  const paths: string[] = []
  const walk = (directory: string) => {
    let entries: import("node:fs").Dirent[]
    try {
      entries = readdirSync(directory, { withFileTypes: true })
    } catch {
      return
    }
    for (const entry of entries) {
      if (ignored.has(entry.name)) continue
      const path = join(directory, entry.name)
      if (entry.isDirectory()) walk(path)
      else if (entry.isFile()) paths.push(relative(root, path).split(sep).join("/"))
    }
  }
  walk(join(root, folder))
  return paths.sort()
}

export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8")
}

export function typescriptBelow(folder: string): SourceFile[] {
  return filesBelow(folder)
    .filter(path => path.endsWith(".ts"))
    .map(path => sourceFile(path, textOf(path)))
}

/** What ships: everything in src/ but tests. */
export const production: readonly SourceFile[] = typescriptBelow("src").filter(file => !file.path.endsWith(".test.ts"))

/** Made by a generator; its form is not ours to hold. */
export function isGenerated(path: string): boolean {
  return path.includes("/generated/")
}

export function sourceFile(path: string, text: string): SourceFile {
  const { code, strings } = blank(text)
  return { path, text, code, imports: importsOf(path, code, strings) }
}

/** Matches of a pattern in the code of a file, as "path:line: text". */
export function findings(file: SourceFile, pattern: RegExp): string[] {
  const found: string[] = []
  for (const match of file.code.matchAll(pattern)) {
    const line = file.code.slice(0, match.index).split("\n").length
    found.push(`${file.path}:${line}: ${file.text.split("\n")[line - 1]!.trim()}`)
  }
  return found
}

/** The files another one names: by import, or by `new URL("./x.ts", import.meta.url)` for workers and processes. */
export function reachedFrom(file: SourceFile): string[] {
  const paths = file.imports.flatMap(each => (each.path === undefined ? [] : [each.path]))
  for (const match of file.text.matchAll(/new URL\(\s*["'`](\.[^"'`]+?)\.(?:ts|js)["'`]/g)) {
    paths.push(posix.join(posix.dirname(file.path), `${match[1]}.ts`))
  }
  return paths
}

function importsOf(path: string, code: string, strings: ReadonlyMap<number, string>): Import[] {
  const imports: Import[] = []
  // Strings are blank here, so the quote's place finds what was written.
  const pattern = /(?:\b(import|export)\b(\s+type\b)?[^"'`;()]*?(?:\bfrom\s*)?|\bimport\s*\(\s*)(["'])/g
  for (const match of code.matchAll(pattern)) {
    const quote = match.index + match[0].length - 1
    const before = match[0].slice(0, -1)
    if (match[1] === "export" && !/\bfrom\s*$/.test(before)) continue
    if (match[1] === "import" && !/(\bfrom|\bimport)\s*$/.test(before)) continue
    const specifier = strings.get(quote)
    if (specifier === undefined) continue
    imports.push({
      specifier,
      path: specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined,
      typeOnly: match[2] !== undefined,
    })
  }
  return imports
}

/** Blanks comments and string contents. Template substitutions count as string content: our code keeps them small. */
function blank(text: string): { code: string; strings: Map<number, string> } {
  const strings = new Map<number, string>()
  let code = ""
  let at = 0
  const skip = (end: number) => {
    code += text.slice(at, end).replace(/[^\n]/g, " ")
    at = end
  }
  while (at < text.length) {
    const char = text[at]!
    const next = text[at + 1]
    if (char === "/" && next === "/") skip(endOr(text.indexOf("\n", at), text.length))
    else if (char === "/" && next === "*") skip(endOr(text.indexOf("*/", at + 2) + 2, text.length, 1))
    else if (char === '"' || char === "'" || char === "`") {
      const start = at
      const end = closing(text, at)
      strings.set(start, text.slice(start + 1, end))
      code += char
      at++
      skip(end)
      code += char
      at++
    } else if (char === "/" && startsRegex(code)) skip(closingRegex(text, at))
    else {
      code += char
      at++
    }
  }
  return { code, strings }
}

function endOr(index: number, fallback: number, least = 0): number {
  return index <= least - 1 || index === -1 ? fallback : index
}

function closing(text: string, start: number): number {
  const quote = text[start]
  let at = start + 1
  while (at < text.length && text[at] !== quote) at += text[at] === "\\" ? 2 : 1
  return Math.min(at, text.length)
}

function startsRegex(before: string): boolean {
  return /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\breturn|\bcase|=>)\s*$/.test(before.slice(-40))
}

function closingRegex(text: string, start: number): number {
  let at = start + 1
  let inClass = false
  while (at < text.length && text[at] !== "\n" && (inClass || text[at] !== "/")) {
    if (text[at] === "\\") at++
    else if (text[at] === "[") inClass = true
    else if (text[at] === "]") inClass = false
    at++
  }
  return Math.min(at + 1, text.length)
}
