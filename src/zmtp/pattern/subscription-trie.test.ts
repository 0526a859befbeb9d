import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { startsWith, utf8 } from "../../core/bytes.ts"
import { SubscriptionCount } from "./subscription-count.ts"
import { SubscriptionTrie } from "./subscription-trie.ts"

function wanting(trie: SubscriptionTrie<string>, topic: Uint8Array): string[] {
  const found: string[] = []
  trie.match(topic, 0, topic.length, found)
  return [...new Set(found)].sort()
}

describe("SubscriptionTrie", () => {
  it("S1 matches binary prefixes, the empty one everything", () => {
    const trie = new SubscriptionTrie<string>()
    trie.add(utf8(""), "all")
    trie.add(utf8("ab"), "ab")
    trie.add(utf8("abc"), "abc")
    expect(wanting(trie, utf8("abd"))).toEqual(["ab", "all"])
    expect(wanting(trie, utf8("abc"))).toEqual(["ab", "abc", "all"])
    expect(wanting(trie, utf8("a"))).toEqual(["all"])
    expect(wanting(trie, utf8("AB"))).toEqual(["all"])
  })

  it("S2 counts a prefix once per subscriber", () => {
    const trie = new SubscriptionTrie<string>()
    expect(trie.add(utf8("A"), "x")).toBe(true)
    expect(trie.add(utf8("A"), "x")).toBe(false)
    expect(trie.remove(utf8("A"), "x")).toBe(true)
    expect(wanting(trie, utf8("A"))).toEqual([])
    expect(trie.remove(utf8("A"), "x")).toBe(false)
    expect(trie.isEmpty).toBe(true)
  })

  it("S7 takes deep topics and many without recursion", () => {
    const trie = new SubscriptionTrie<string>()
    const deep = new Uint8Array(100_000)
    for (let length = 1; length <= 2_000; length++) trie.add(deep.subarray(0, length * 50), "x")
    expect(wanting(trie, deep)).toEqual(["x"])
    expect(trie.nodes).toBe(2_000)
    for (let length = 1; length <= 2_000; length++) trie.remove(deep.subarray(0, length * 50), "x")
    expect(trie.nodes).toBe(0)
  })

  it("agrees with a plain list of prefixes, and leaves no node behind", () => {
    const prefix = fc.uint8Array({ max: 2, maxLength: 6 })
    const step = fc.record({ add: fc.boolean(), prefix, who: fc.constantFrom("a", "b", "c") })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(prefix, { maxLength: 10 }), (steps, topics) => {
        const trie = new SubscriptionTrie<string>()
        const list = new Map<string, { readonly prefix: Uint8Array; readonly who: string }>()
        for (const { add, prefix, who } of steps) {
          const key = `${who}:${prefix}`
          if (add) expect(trie.add(prefix, who)).toBe(!list.has(key))
          else expect(trie.remove(prefix, who)).toBe(list.has(key))
          if (add) list.set(key, { prefix, who })
          else list.delete(key)
        }
        for (const topic of topics) {
          const expected = [...list.values()].filter(one => startsWith(topic, one.prefix)).map(one => one.who)
          expect(wanting(trie, topic)).toEqual([...new Set(expected)].sort())
          expect(trie.matches(topic, 0, topic.length)).toBe(expected.length > 0)
        }
        const distinct = new Set([...list.values()].map(one => `${one.prefix}`)).size
        expect(trie.nodes).toBeLessThanOrEqual(2 * distinct)
        for (const { prefix, who } of list.values()) trie.remove(prefix, who)
        expect(trie.nodes).toBe(0)
        expect(trie.isEmpty).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe("SubscriptionCount", () => {
  it("S2 ends a prefix with its last unsubscribe", () => {
    const count = new SubscriptionCount()
    count.add(utf8("A"))
    count.add(utf8("A"))
    expect(count.remove(utf8("A"))).toBe(false)
    expect(count.matches(utf8("Ab"), 0, 2)).toBe(true)
    expect(count.remove(utf8("A"))).toBe(true)
    expect(count.matches(utf8("Ab"), 0, 2)).toBe(false)
    expect(count.remove(utf8("A"))).toBe(false)
  })

  it("S3 lists each prefix once", () => {
    const count = new SubscriptionCount()
    for (const topic of ["A", "B", "A"]) count.add(utf8(topic))
    expect([...count.prefixes()]).toEqual([utf8("A"), utf8("B")])
  })
})
