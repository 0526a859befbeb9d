// One text, edited by three endpoints at once. Everyone sees every edit, and all end with the same text.
import { Endpoint, text } from "zincmq"

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "hub" })
const writers = await Promise.all(["ada", "bob", "cy"].map(name => Endpoint.join(host.addresses[0], { name })))

// A document is opened by name and type; whoever opens it first makes it.
const notes = await Promise.all(writers.map(writer => writer.document("notes", text)))
notes[0].insert(0, "Shopping: \n")
await notes[0].acknowledged("rooted")

// All at once, each at the end of what it sees.
for (const [index, item] of ["apples", "bread", "cheese"].entries()) {
  notes[index].insert(notes[index].length, `- ${item} (${writers[index].name})\n`)
}
await Promise.all(notes.map(each => each.acknowledged("rooted")))
await Promise.all(notes.map(hasAll))

// One that comes late gets the whole text.
const late = await Endpoint.join(host.addresses[0], { name: "dee" })
const copy = await late.document("notes", text)
if (!copy.synchronized) await new Promise(resolve => copy.on("synchronized", resolve))

console.log(copy.toString())
const texts = [...notes, copy].map(String)
console.log(texts.every(each => each === texts[0]) ? "all four are equal" : "THE TEXTS DIFFER")

for (const endpoint of [...writers, late, host]) await endpoint.close()

function hasAll(document) {
  const items = ["apples", "bread", "cheese"]
  const complete = () => items.every(item => document.toString().includes(item))
  return new Promise(resolve => {
    if (complete()) return resolve()
    const stop = document.on("change", () => {
      if (!complete()) return
      stop()
      resolve()
    })
  })
}
