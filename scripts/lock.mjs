// Takes download addresses out of package-lock.json, so that it names no registry; versions and hashes stay.
// Run after `npm install --omit-lockfile-registry-resolved=false` (leaving them out there loses other platforms' packages).
import { readFileSync, writeFileSync } from "node:fs"

const lock = JSON.parse(readFileSync("package-lock.json", "utf8"))
for (const entry of Object.values(lock.packages)) if (!entry.link) delete entry.resolved
writeFileSync("package-lock.json", `${JSON.stringify(lock, null, 2)}\n`)
