// Runs in a worker thread.
export default message => message.value.reduce((sum, each) => sum + each, 0)
