/** Every relative link in a page leads to something, and to a heading that is there. */
import { existsSync } from "node:fs"
import { join, posix } from "node:path"
import { describe, expect, it } from "vitest"
import { filesBelow, root, textOf } from "./source.ts"

const pages = filesBelow(".").filter(path => path.endsWith(".md"))

/** Anchors as most renderers make them of headings. */
function anchors(path: string): Set<string> {
  return new Set(
    [...textOf(path).matchAll(/^#+ (.+)$/gm)].map(match =>
      match[1]!
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  )
}

describe("Pages", () => {
  it("link only to what exists", () => {
    const broken = pages.flatMap(page =>
      [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)]
        .map(match => match[1]!)
        .filter(target => !/^[a-z]+:/.test(target))
        .filter(target => {
          const [path, anchor] = target.split("#")
          const file = path === "" ? page : posix.join(posix.dirname(page), path!)
          if (!existsSync(join(root, file))) return true
          return anchor !== undefined && file.endsWith(".md") && !anchors(file).has(anchor)
        })
        .map(target => `${page}: ${target}`),
    )
    expect(broken).toEqual([])
  })
})
