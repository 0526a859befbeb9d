/** Columns for people: padded by what a terminal shows, colours not counted. */

export function table(rows: readonly (readonly string[])[], gap = 2): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, shownWidth(cell))
  return rows
    .map(row =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell + " ".repeat(widths[column]! - shownWidth(cell) + gap),
        )
        .join("")
        .trimEnd(),
    )
    .join("\n")
}

/** How many columns a text takes; wide characters count two where it matters most (CJK and emoji). */
export function shownWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are control sequences
  const plain = text.replace(/\u001b\[[0-9;]*m/g, "")
  let width = 0
  for (const character of plain) {
    const point = character.codePointAt(0)!
    if (point === 0x200d || (point >= 0x300 && point <= 0x36f) || (point >= 0xfe00 && point <= 0xfe0f)) continue
    width += isWide(point) ? 2 : 1
  }
  return width
}

function isWide(point: number): boolean {
  return (
    (point >= 0x1100 && point <= 0x115f) ||
    (point >= 0x2e80 && point <= 0xa4cf) ||
    (point >= 0xac00 && point <= 0xd7a3) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0xff00 && point <= 0xff60) ||
    (point >= 0x1f300 && point <= 0x1faff) ||
    (point >= 0x20000 && point <= 0x3fffd)
  )
}

/** 1234567 → "1,234,567". */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+(?!\d))/g, ",")
}

/** Milliseconds for people: "0.42 ms", "12 ms", "3.4 s". */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return `${(ms / 1_000).toFixed(1)} s`
}

/** Octets for people: "812 B", "4.0 KiB", "8.0 MiB". */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
