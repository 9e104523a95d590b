import { REDACT, type BundleRule, type MaskSpec } from "../../spec/contract/bundle/index.ts";
import { planBody, type BodyMasks } from "../../runtime/enforce/mask/index.ts";

/** A mask rule over these paths and detectors, as a bundle has it. */
export const maskRule = (
  protocol: BundleRule["protocols"][number],
  fields: readonly string[],
  { name = "people", detect = [], mask = REDACT }: { name?: string; detect?: readonly string[]; mask?: MaskSpec } = {},
): BundleRule => ({
  name,
  effect: "mask",
  protocols: [protocol],
  condition: -1,
  because: null,
  annotations: [],
  source: { file: "", line: 0, column: 0 },
  approve: null,
  limit: null,
  alertTo: [],
  mask: {
    columns: [],
    fields: [...fields],
    detect: [...detect],
    output: null,
    with: [{ name: null, mask }],
    predicates: "refuse",
    trusted: [],
  },
});

/** The masks of these rules; `scan` is what their detectors leave of a text. */
export function masksOf(rules: readonly BundleRule[], scan: (text: string) => string = (text) => text): BodyMasks {
  const plan = planBody(rules, new Uint8Array(32), () => scan);
  if (!plan.ok) throw new Error(plan.error);
  return plan.value;
}
