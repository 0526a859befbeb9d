// Three endpoints move money between accounts at the same time. On an ordered topic the root numbers every message, so
// all of them book the same transfers in the same order, and reject the same ones for want of money.
import { Endpoint } from "zincmq"

const host = await Endpoint.host({ listen: "tcp://127.0.0.1:0", name: "bank" })

/** An endpoint with books of its own, changed only by what comes back in order. */
async function branch(name) {
  const endpoint = await Endpoint.join(host.addresses[0], { name })
  const books = { accounts: { ann: 1000, ben: 1000, cleo: 1000 }, refused: [], booked: 0 }
  const book = ({ from, to, amount }, { number }) => {
    if (books.accounts[from] < amount) books.refused.push(number)
    else {
      books.accounts[from] -= amount
      books.accounts[to] += amount
    }
    books.booked++
  }
  return { endpoint, books, book }
}

const branches = await Promise.all(["north", "south", "west"].map(branch))
const transfers = 300
const handlings = []
const done = branches.map(
  ({ endpoint, books, book }) =>
    new Promise(resolve => {
      const take = ({ value, order }) => {
        book(value, order)
        if (books.booked === transfers) resolve()
      }
      handlings.push(endpoint.handle("transfer", take, { route: "ordered" }))
    }),
)
// From here on nothing is missed.
await Promise.all(handlings.map(handling => handling.ready))

const people = ["ann", "ben", "cleo"]
// Handlers do not hear their own endpoint's messages, so a teller, apart from the branches, sends them.
const tellers = await Promise.all(people.map(name => Endpoint.join(host.addresses[0], { name: `teller of ${name}` })))
for (let i = 0; i < transfers; i++) {
  const from = people[i % 3]
  const to = people[(i + 1 + (Math.floor(i / 3) % 2)) % 3]
  tellers[i % 3].send("transfer", { from, to, amount: 5 + ((i * 13) % 60) }, { route: "ordered" })
}
await Promise.all(done)

for (const { endpoint, books } of branches)
  console.log(`${endpoint.name}: ${JSON.stringify(books.accounts)}, ${books.refused.length} refused`)
const [first, ...others] = branches.map(({ books }) => JSON.stringify(books))
console.log(others.every(books => books === first) ? "all books are equal" : "THE BOOKS DIFFER")

for (const endpoint of [...tellers, ...branches.map(each => each.endpoint), host]) await endpoint.close()
