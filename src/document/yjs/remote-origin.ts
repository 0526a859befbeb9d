/** The transaction origin of everything that came from elsewhere, so that bindings can tell it from edits made here. */
export const remoteOrigin: { readonly zinc: "remote" } = Object.freeze({ zinc: "remote" })
