export { FileVoteFolder, type FileVoteFolderOptions } from "./file-vote-folder.ts"
