import type { BundleRule } from "../../../spec/contract/bundle/index.ts";
import type { LoadedBundle } from "../../bundle/index.ts";
import { planBody, type BodyMasks, type MaskSecrets } from "../../enforce/mask/index.ts";
import type { WebAdapter } from "../../protocols/http/index.ts";
import { scanOf } from "../scan.ts";
import type { WebTarget } from "./session.ts";

type Protocol = WebTarget["protocol"];

/** The masks of bundles as they apply to bodies: each made once for a bundle. */
export class WebMasks {
  readonly #secrets: MaskSecrets;
  /** How protocols put a rule whose fields mean more there than they say. */
  readonly #puts = new Map<Protocol, NonNullable<WebAdapter["maskRule"]>>();
  readonly #made = new WeakMap<LoadedBundle, Map<string, BodyMasks | string>>();

  constructor(secrets: MaskSecrets) {
    this.#secrets = secrets;
  }

  putFor(protocol: Protocol, put: NonNullable<WebAdapter["maskRule"]>): void {
    this.#puts.set(protocol, put);
  }

  /** What these rules mask; in words why they can't be applied. */
  of(bundle: LoadedBundle, rules: readonly number[], protocol: Protocol): BodyMasks | string {
    const made = this.#made.get(bundle) ?? new Map<string, BodyMasks | string>();
    this.#made.set(bundle, made);
    const key = `${protocol} ${rules.join()}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const put = this.#puts.get(protocol) ?? ((rule: BundleRule): BundleRule => rule);
    const plan = planBody(
      rules.map((index) => put(bundle.manifest.rules[index]!)),
      this.#secrets,
      (list) => scanOf(bundle.manifest, list, this.#secrets),
    );
    const masks = plan.ok ? plan.value : plan.error;
    made.set(key, masks);
    return masks;
  }

  /** The masks of all rules, whoever they are for. Null: there are none. Where they can't be applied all is hidden. */
  ofAnybody(bundle: LoadedBundle, protocol: Protocol): BodyMasks | null {
    const { rules } = bundle.manifest;
    const all = bundle.rulesOf(protocol).filter((index) => rules[index]!.effect === "mask");
    if (all.length === 0) return null;
    const masks = this.of(bundle, all, protocol);
    return typeof masks === "string" ? ALL_HIDDEN : masks;
  }
}

const ALL_HIDDEN: BodyMasks = ((): BodyMasks => {
  const plan = planBody(
    [
      {
        name: "everything",
        effect: "mask",
        protocols: ["http"],
        condition: -1,
        because: null,
        annotations: [],
        source: { file: "", line: 0, column: 0 },
        approve: null,
        limit: null,
        alertTo: [],
        mask: { columns: [], fields: ["$"], detect: [], output: null, with: [], predicates: "refuse", trusted: [] },
      },
    ],
    new Uint8Array(32),
    () => null,
  );
  if (!plan.ok) throw new Error(plan.error);
  return plan.value;
})();
