export { Enforcer, type EnforcerParts } from "./enforcer.ts";
export { Relay } from "./relay.ts";
export { ReadBuffer } from "./read-buffer.ts";
export { TargetCatalog, type AskTarget } from "./target-catalog.ts";
export { RECORD_FAILED, ActionEnforcer, isRefusal, unavailable, type Judgement } from "./action-enforcer.ts";
export { Gate } from "./gate.ts";
export type { GaveUp } from "./hold.ts";
export { ActionDesk, type DeskAction, type DeskParts, type DeskRuling, type Waiter } from "./action-desk.ts";
