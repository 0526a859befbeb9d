// Node itself: no program starts faster.
console.log(JSON.stringify({ ready: performance.now() }))
