/**
 * A Y.Doc as plain data, whatever its root types are: a replica that has not been told "this root is a map" holds an
 * untyped one, which Yjs itself prints as nothing.
 */
import * as Y from "yjs"

export interface PlainType {
  /** The sequence in it: text as strings, marks as `{ mark }`, the rest as it is. */
  readonly list?: readonly unknown[]
  readonly map?: Readonly<Record<string, unknown>>
}

type SharedType = NonNullable<ReturnType<Y.Doc["share"]["get"]>>

/** Only roots that hold something. */
export function plainDocument(doc: Y.Doc): Record<string, PlainType> {
  const roots: Record<string, PlainType> = {}
  for (const name of [...doc.share.keys()].sort()) {
    const value = plainType(doc.share.get(name)!)
    if (value.list !== undefined || value.map !== undefined) roots[name] = value
  }
  return roots
}

function plainType(type: SharedType): PlainType {
  const list: unknown[] = []
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted) continue
    for (const value of contentOf(item)) {
      const before = list.at(-1)
      if (typeof value === "string" && typeof before === "string") list[list.length - 1] = before + value
      else list.push(value)
    }
  }
  const map: Record<string, unknown> = {}
  for (const key of [...type._map.keys()].sort()) {
    const item = type._map.get(key)!
    if (!item.deleted) map[key] = contentOf(item).at(-1)
  }
  return {
    ...(list.length > 0 ? { list } : {}),
    ...(Object.keys(map).length > 0 ? { map } : {}),
  }
}

function contentOf(item: Y.Item): unknown[] {
  const { content } = item
  if (content instanceof Y.ContentType) return [plainType(content.type)]
  if (content instanceof Y.ContentString) return [content.str]
  if (content instanceof Y.ContentFormat) return [{ mark: [content.key, content.value] }]
  if (content instanceof Y.ContentDoc) return [{ document: content.doc.guid }]
  return content.getContent()
}
