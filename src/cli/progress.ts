/** Says how far long work is, on a terminal only and only there. */
import type { Output } from "./output.ts"

export interface Progress {
  say(words: string): void
  /** Takes the line away. */
  end(): void
}

export async function openProgress(output: Output, words: string): Promise<Progress> {
  if (output.json || output.stderr.isTTY !== true) return { say() {}, end() {} }
  const { default: ora } = await import("ora")
  const spinner = ora({
    text: words,
    stream: output.stderr as NodeJS.WriteStream,
    discardStdin: false,
    hideCursor: false,
  })
  spinner.start()
  return {
    say: text => {
      spinner.text = text
    },
    end: () => {
      spinner.stop()
    },
  }
}
