export { MemoryVoteDisk, MemoryVoteFolder } from "./memory-vote-folder.ts"
