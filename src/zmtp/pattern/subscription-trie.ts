/**
 * Which subscribers want a topic: a compressed trie of prefixes, each with the set of those that asked for it. A
 * prefix counts once per subscriber however often it is asked for (S2). Everything is iterative and a subscription
 * costs at most two nodes, so that neither deep nor many topics hurt more than their own bytes (S7).
 *
 *   "" {a}  ──"news."──▶ {b} ──"sport"──▶ {c}        a topic wants everyone on its way down
 *                         └──"art"────▶ {a, c}
 */
import { copyOf, noBytes } from "../../core/bytes.ts"

class Node<S> {
  /** What leads here from the parent; empty only at the root. */
  label: Uint8Array
  parent: Node<S> | undefined
  /** By first octet of their labels. */
  children: Map<number, Node<S>> | undefined
  /** One by itself, for most prefixes have one, or a set of them. */
  subscribers: S | Set<S> | undefined

  constructor(label: Uint8Array, parent: Node<S> | undefined) {
    this.label = label
    this.parent = parent
  }
}

export class SubscriptionTrie<S> {
  readonly #root = new Node<S>(noBytes, undefined)
  /** Grows with each change, so that a match may be kept for as long as it stands. */
  version = 0
  /** Nodes in the trie, without the root. */
  nodes = 0
  /** No shorter than the longest prefix; more octets of a topic than these do not matter. */
  depth = 0

  get isEmpty(): boolean {
    return this.nodes === 0 && this.#root.subscribers === undefined
  }
  /** Whether somebody asked for the empty prefix, which every topic begins with. */
  get wantsAll(): boolean {
    return this.#root.subscribers !== undefined
  }
  /** Whether somebody asked for exactly this prefix. */
  has(prefix: Uint8Array): boolean {
    return this.#find(prefix)?.subscribers !== undefined
  }

  /** Whether it was new for this subscriber. */
  add(prefix: Uint8Array, subscriber: S): boolean {
    const node = this.#reach(prefix)
    const { subscribers } = node
    if (subscribers === undefined) node.subscribers = subscriber
    else if (subscribers === subscriber) return false
    else if (!(subscribers instanceof Set)) node.subscribers = new Set([subscribers, subscriber])
    else if (subscribers.has(subscriber)) return false
    else subscribers.add(subscriber)
    if (prefix.length > this.depth) this.depth = prefix.length
    this.version++
    return true
  }

  /** Whether this subscriber had it. */
  remove(prefix: Uint8Array, subscriber: S): boolean {
    const node = this.#find(prefix)
    if (node === undefined || node.subscribers === undefined) return false
    const { subscribers } = node
    if (subscribers instanceof Set) {
      if (!subscribers.delete(subscriber)) return false
      if (subscribers.size === 1) for (const last of subscribers) node.subscribers = last
    } else {
      if (subscribers !== subscriber) return false
      node.subscribers = undefined
      this.#prune(node)
    }
    if (this.isEmpty) this.depth = 0
    this.version++
    return true
  }

  /** Adds to `into` everyone who wants the topic [start, end), some perhaps more than once. */
  match(topic: Uint8Array, start: number, end: number, into: S[]): void {
    let node = this.#root
    let at = start
    for (;;) {
      const { subscribers } = node
      if (subscribers instanceof Set) for (const subscriber of subscribers) into.push(subscriber)
      else if (subscribers !== undefined) into.push(subscribers)
      if (at === end || node.children === undefined) return
      const child = node.children.get(topic[at]!)
      if (child === undefined || !continues(topic, at, end, child.label)) return
      at += child.label.length
      node = child
    }
  }

  /** Whether anyone wants the topic [start, end). */
  matches(topic: Uint8Array, start: number, end: number): boolean {
    let node = this.#root
    let at = start
    for (;;) {
      if (node.subscribers !== undefined) return true
      if (at === end || node.children === undefined) return false
      const child = node.children.get(topic[at]!)
      if (child === undefined || !continues(topic, at, end, child.label)) return false
      at += child.label.length
      node = child
    }
  }

  #find(prefix: Uint8Array): Node<S> | undefined {
    let node = this.#root
    let at = 0
    while (at < prefix.length) {
      const child = node.children?.get(prefix[at]!)
      if (child === undefined || !continues(prefix, at, prefix.length, child.label)) return undefined
      at += child.label.length
      node = child
    }
    return node
  }

  /** The node of a prefix, made if need be. */
  #reach(prefix: Uint8Array): Node<S> {
    let node = this.#root
    let at = 0
    while (at < prefix.length) {
      const child = node.children?.get(prefix[at]!)
      if (child === undefined) return this.#attach(node, copyOf(prefix, at))
      let common = 1
      while (common < child.label.length && prefix[at + common] === child.label[common]) common++
      node = common === child.label.length ? child : this.#split(child, common)
      at += common
    }
    return node
  }

  #attach(parent: Node<S>, label: Uint8Array): Node<S> {
    const node = new Node<S>(label, parent)
    parent.children ??= new Map()
    parent.children.set(label[0]!, node)
    this.nodes++
    return node
  }

  /** Puts a node in the middle of `child`'s label. */
  #split(child: Node<S>, at: number): Node<S> {
    const middle = this.#attach(child.parent!, copyOf(child.label, 0, at))
    child.label = copyOf(child.label, at)
    child.parent = middle
    middle.children = new Map([[child.label[0]!, child]])
    return middle
  }

  /** Takes away a node that nobody needs, and joins a lone child with what is above it. */
  #prune(node: Node<S>): void {
    const parent = node.parent
    if (parent === undefined || node.subscribers !== undefined) return
    if (node.children === undefined) {
      parent.children!.delete(node.label[0]!)
      this.nodes--
      if (parent.children!.size === 0) parent.children = undefined
      // The parent may be left with a lone child. It goes no further up: nobody there lost a child.
      this.#prune(parent)
    } else if (node.children.size === 1) {
      const child = node.children.values().next().value!
      const label = new Uint8Array(node.label.length + child.label.length)
      label.set(node.label)
      label.set(child.label, node.label.length)
      child.label = label
      child.parent = parent
      parent.children!.set(label[0]!, child)
      this.nodes--
    }
  }
}

/** Whether octets [at, end) of `bytes` begin with the label. */
function continues(bytes: Uint8Array, at: number, end: number, label: Uint8Array): boolean {
  if (label.length > end - at) return false
  for (let i = 1; i < label.length; i++) if (bytes[at + i] !== label[i]) return false
  return true
}
