import { isDetector, type BundleRule, type Manifest } from "../../spec/contract/bundle/index.ts";

/** What is wrong with a rule's details, which nothing but the loader looks at; null: it protects what it says. */
export function ruleFault(rule: BundleRule, manifest: Manifest): string | null {
  const { effect, approve, mask, limit, alertTo } = rule;
  if (rule.protocols.length === 0) return "stands on no protocol";
  if (new Set(rule.protocols).size < rule.protocols.length) return "stands on a protocol twice";
  if (rule.condition < -1 || rule.condition >= manifest.programs.length) return "has a condition that is not there";
  if ((effect === "approve") !== (approve !== null)) return "has approval details that don't fit its effect";
  if ((effect === "mask") !== (mask !== null)) return "has mask details that don't fit its effect";
  if ((effect === "limit") !== (limit !== null)) return "has a limit that doesn't fit its effect";
  if (effect !== "alert" && alertTo.length > 0) return "has channels that don't fit its effect";
  if (effect === "alert" && alertTo.length === 0) return "tells nobody";
  if (approve !== null) return approvalFault(approve);
  if (limit !== null) return limitFault(limit);
  return mask === null ? null : maskFault(mask, manifest);
}

function approvalFault({
  groups,
  users,
  quorum,
  withinMs,
  validMs,
}: NonNullable<BundleRule["approve"]>): string | null {
  if (quorum < 1 || groups.length + users.length === 0) return "asks for approval by nobody";
  return withinMs < 1 || validMs < 0 ? "asks for approval in no time" : null;
}

function limitFault({ rows, bytes, rate }: NonNullable<BundleRule["limit"]>): string | null {
  if (rows === null && bytes === null && rate === null) return "limits nothing";
  if ([rows, bytes, rate?.count ?? null].some((most) => most !== null && most < 1)) return "has a limit below 1";
  return rate !== null && rate.perMs < 1 ? "counts statements over no time" : null;
}

function maskFault(mask: NonNullable<BundleRule["mask"]>, { detectors }: Manifest): string | null {
  const { columns, fields, detect, output } = mask;
  if (columns.length + fields.length + detect.length === 0 && output === null) return "masks nothing";
  const unknown = detect.find((name) => !isDetector(name) && !detectors.some((one) => one.name === name));
  return unknown === undefined ? null : `looks for ${unknown}, which is no detector`;
}
