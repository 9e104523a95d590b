import type { BundleRule, Manifest } from "../../spec/contract/bundle/index.ts";
import { scannerOf } from "../enforce/detect/index.ts";
import { DetectMask, planDetection, type MaskSecrets, type TextScan } from "../enforce/mask/index.ts";

const STARS = "***";

/** The scan that these mask rules ask for; null when one of their detectors is not known. */
export function scanOf(manifest: Manifest, rules: readonly BundleRule[], secrets: MaskSecrets): TextScan | null {
  const plan = planDetection(rules, scannerOf(manifest));
  if (plan === null) return null;
  const mask = new DetectMask(plan, "text", secrets);
  return (text) => {
    const bytes = Buffer.from(text);
    if (!mask.touches(bytes, 0, bytes.length)) return text;
    const out = Buffer.allocUnsafe(mask.bound(bytes.length));
    const length = mask.write(bytes, 0, bytes.length, out, 0);
    return length < 0 ? STARS : out.toString("utf8", 0, length);
  };
}
