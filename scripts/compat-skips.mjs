// What of zeromq.js's unit tests does not apply to zincmq/zeromq, and why.

/** Whole files. */
export const filesLeftOut = {
  "context-thread-test.ts": "the native addon in worker threads",
  "socket-thread-test.ts": "the native addon in worker threads",
  "proxy-router-dealer-test.ts": "runs the proxy in a worker thread from a TypeScript file of its own",
  "socket-draft-dgram-test.ts": "draft sockets, which libzmq itself leaves out by default",
  "socket-draft-radio-dish-test.ts": "draft sockets, which libzmq itself leaves out by default",
  "socket-draft-scatter-gather-test.ts": "draft sockets, which libzmq itself leaves out by default",
  "socket-draft-server-client-test.ts": "draft sockets, which libzmq itself leaves out by default",
  "zmq-draft-test.ts": "draft sockets, which libzmq itself leaves out by default",
  "typings-compatibility-test.ts": "the typings of the native package, under old compilers",
  "typings-test.ts": "the typings of the native package",
}

/** Single tests, by their full title. */
export const testsSkipped = [
  [
    /^(context construction|(proxy|socket) construction with constructor) should throw if called as function$/,
    "calling a class without new is refused by the language, whose message names the class; a native class says it otherwise",
  ],
  [
    /send\/receive when not applicable should fail sending$/,
    "expects of a Subscriber a send that complains of its argument, left over from the native class; ours has no send",
  ],
  [
    /concurrently should throw error on concurrent send$/,
    "concurrent sends queue here, on purpose, where the native binding refuses all but one with EBUSY",
  ],
  [
    /inproc send\/receive when connected should share memory of large buffers$/,
    "inproc copies here, as every other transport does, so that nobody can change a message that was sent",
  ],
  [
    /send\/receive when connected should not starve event loop$/,
    "counts ticks of a timer during 2,500 awaits, which are over here before three are due; src/zeromq has a test that counts turns of the loop",
  ],
]
