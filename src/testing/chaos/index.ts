/** What real processes wrote down while things went wrong, judged as the simulator judges itself. */
export type { HistoryEntry, HistoryEvent, HistoryMessage } from "./history-entry.ts"
export { type Judgement, type JudgeOptions, judgeHistory } from "./judge.ts"
