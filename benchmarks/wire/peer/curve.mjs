// Keys of the benches under CURVE. Both ends know all of them, so they protect nothing.
export const isCovered = process.env.ZINC_BENCH_CURVE === "1"

/** The pairs of rfc:26's examples in libzmq's manual, zmq_curve(7). */
export const server = {
  publicKey: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
  secretKey: "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
}
export const client = {
  publicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
  secretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
}
