export { Enforcer, type EnforcerParts } from "./enforcer.ts";
export { Relay } from "./relay.ts";
export { ReadBuffer } from "./read-buffer.ts";
export { TargetCatalog, type AskTarget } from "./target-catalog.ts";
export {
  RECORD_FAILED,
  RequestEnforcer,
  isRefusal,
  unavailable,
  type Held,
  type Judgement,
} from "./request-enforcer.ts";
export { ActionDesk, type DeskAction, type DeskParts, type DeskRuling, type Waiter } from "./action-desk.ts";
