export { describePromotionFault, type PromotionFault, PromotionFaultKind } from "./promotion-script.ts"
export { simulatePromotion } from "./promotion-swarm.ts"
