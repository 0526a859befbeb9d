// Holds connections and says what they cost.
import { count, lines, say } from "./role.mjs"

/** `bind` listens, tells its argument how many messages have come, and resolves with the address. */
export async function hold(bind) {
  let messages = 0
  let complete
  const all = new Promise(resolve => {
    complete = resolve
  })
  const address = await bind(more => {
    messages += more
    if (messages === count) complete()
  })
  say({ address })
  await settled()
  say({ rss: process.memoryUsage.rss() })
  for await (const _ of lines()) {
    await settled()
    say({ rss: process.memoryUsage.rss() })
    await all
    say({ messages })
  }
}

async function settled() {
  for (let i = 0; i < 3; i++) {
    await new Promise(resolve => setTimeout(resolve, 100))
    globalThis.gc()
  }
}
