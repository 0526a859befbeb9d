import { describe, expect, it } from "vitest"
import { dialableFrom } from "./dialable.ts"

const seenFrom = "tcp://10.0.0.7:51234"

describe("dialableFrom", () => {
  it.each([
    [
      "a machine and a port, as they are",
      ["tcp://floor.local:7701"],
      seenFrom,
      "tcp://hub:7700",
      ["tcp://floor.local:7701"],
    ],
    [
      "every interface: where the relay is seen",
      ["tcp://0.0.0.0:7701"],
      seenFrom,
      "tcp://hub:7700",
      ["tcp://10.0.0.7:7701"],
    ],
    [
      "every interface, of a relay on the host's machine",
      ["tcp://*:7701"],
      "tcp://127.0.0.1:5",
      "tcp://hub:7700",
      ["tcp://hub:7701"],
    ],
    ["every interface, and nobody knows where", ["tcp://*:7701"], "", "tcp://hub:7700", ["tcp://hub:7701"]],
    [
      "every interface, of a relay seen at a mapped address",
      ["tcp://*:7701"],
      "tcp://[::ffff:10.0.0.7]:5",
      "tcp://hub:7700",
      ["tcp://10.0.0.7:7701"],
    ],
    ["of IPv6", ["ws://[::]:80/zinc"], "tcp://[fd00::7]:5", "ws://hub:80/zinc", ["ws://[fd00::7]:80/zinc"]],
    [
      "only this machine, to one on it",
      ["tcp://127.0.0.1:7701"],
      "tcp://127.0.0.1:5",
      "tcp://localhost:7700",
      ["tcp://127.0.0.1:7701"],
    ],
    ["only this machine, to one that is not", ["tcp://127.0.0.1:7701"], "tcp://127.0.0.1:5", "tcp://hub:7700", []],
    [
      "another scheme, to a page",
      ["tcp://floor:7701", "ws://floor:7780"],
      seenFrom,
      "ws://hub:7780",
      ["ws://floor:7780"],
    ],
    [
      "tcp, to one who came by a path",
      ["tcp://0.0.0.0:7701"],
      "ipc:///run/zinc",
      "ipc:///run/zinc",
      ["tcp://127.0.0.1:7701"],
    ],
    ["a path, to one who came by another", ["ipc:///run/floor"], "", "ipc:///run/zinc", ["ipc:///run/floor"]],
    ["nonsense", ["", "7701", "tcp://x"], seenFrom, "tcp://hub:7700", []],
  ])("%s", (_, addresses, remote, dialled, expected) => {
    expect(dialableFrom(addresses, remote, dialled)).toEqual(expected)
  })
})
