import type { Decision } from "../../spec/contract/decision/index.ts";
import {
  ABSENT,
  UNKNOWN,
  type FactLifetime,
  type FactValue,
  type ProtocolName,
  type Truth,
} from "../../spec/contract/facts/index.ts";
import { counts } from "../bundle/index.ts";
import { run, type CubeIndex, type Plane, type Row } from "../vm/index.ts";
import { combine, decisionOf } from "./decide.ts";
import type { Executable } from "./executable.ts";

/** Gives a fact by its path; what it does not know is absent. */
export type FactReader = (path: string) => FactValue;

/** Facts of one action by path; undefined for those of the session. */
export type ActionFacts = (path: string) => FactValue | undefined;

const NO_NUMBERS: readonly number[] = [];

/**
 * A bundle as one session sees it. What the session's facts settle is settled once, here: the cubes that they rule out are
 * gone, and only what is left is asked for each statement. When the session's facts change, a new one is made.
 */
export class SessionPolicy {
  readonly bundle: Executable;
  readonly protocol: ProtocolName;
  readonly #session: FactReader;
  readonly #index: CubeIndex;
  /** The cubes that the session leaves. */
  readonly #left: Row;
  /** Planes that still tell apart what is left. */
  readonly #planes: readonly Plane[];
  /** Rules whose condition is to be run, but reads nothing that a statement could change: its truth. */
  readonly #settled: ReadonlyMap<number, Truth>;
  /** A fact that the session settled is unknown, so a matching rule may match for that reason. */
  readonly #unknownInSession: boolean;
  readonly #rows: Row[] = [];
  /** Nothing that is left to ask changes from one execution of a statement to the next, so a decision may be kept with it. */
  readonly cacheable: boolean;

  /** `fold` false: nothing is settled beforehand, for whoever decides one action of each of many sessions. */
  constructor(bundle: Executable, protocol: ProtocolName, session: FactReader, fold = true) {
    this.bundle = bundle;
    this.protocol = protocol;
    this.#session = session;
    const index = bundle.indexOf(protocol);
    this.#index = index;
    const settles = (lifetime: FactLifetime): boolean => fold && lifetime === "session";
    const lasting = index.planes.filter((plane) => settles(bundle.lifetimeOfFact(plane.path, protocol)));
    let unknown = false;
    const rows: Row[] = [];
    for (const plane of lasting) {
      const { words, count } = plane.rowFor(session(plane.path));
      unknown ||= plane.sawUnknown;
      rows.push({ words: words.slice(), count });
    }
    const selected = index.select(rows, rows.length);
    const left = new Int32Array(index.wordCount);
    const settled = new Map<number, Truth>();
    let slots: readonly FactValue[] | null = null;
    let cacheable = true;
    let kept = 0;
    for (let i = 0; i < selected.count; i++) {
      const cube = selected.cubes[i]!;
      const rule = index.rules[cube]!;
      const lifetime = bundle.lifetimeOf(rule);
      if (index.exact[cube] === 0 && settles(lifetime)) {
        const { condition, effect } = bundle.manifest.rules[rule]!;
        slots ??= this.#slots(() => undefined);
        const found = settled.get(rule) ?? run(bundle.machine, condition, slots);
        settled.set(rule, found);
        if (!counts(effect, found)) continue;
      }
      if (lifetime === "execution") cacheable = false;
      left[cube >> 5]! |= 1 << (cube & 31);
      kept++;
    }
    this.#left = { words: left, count: kept };
    this.#planes = index.planes.filter(
      (plane) => !lasting.includes(plane) && plane.asking.some((word, i) => (word & left[i]!) !== 0),
    );
    this.#settled = settled;
    this.#unknownInSession = unknown;
    this.cacheable = cacheable;
  }

  #slots(own: ActionFacts): readonly FactValue[] {
    return this.bundle.manifest.facts.map((path) => own(path) ?? this.#session(path));
  }

  /** One action; `own` gives its facts, undefined for those of the session. */
  decide(own: ActionFacts): Decision {
    const rows = this.#rows;
    rows[0] = this.#left;
    let count = 1;
    let sawUnknown = this.#unknownInSession;
    let path = "";
    let value: FactValue = ABSENT;
    for (const plane of this.#planes) {
      if (plane.path !== path) {
        path = plane.path;
        value = own(path) ?? this.#session(path);
      }
      rows[count++] = plane.rowFor(value);
      sawUnknown ||= plane.sawUnknown;
    }
    const selected = this.#index.select(rows, count);
    return this.#decisionOf(selected.cubes, selected.count, sawUnknown, own);
  }

  #decisionOf(cubes: Int32Array, count: number, sawUnknown: boolean, own: ActionFacts): Decision {
    const { manifest, machine } = this.bundle;
    const { rules, exact } = this.#index;
    const matched: number[] = [];
    let unknown: number[] | null = null;
    let slots: readonly FactValue[] | null = null;
    let last = -1;
    let lastTested = -1;
    for (let i = 0; i < count; i++) {
      const cube = cubes[i]!;
      const index = rules[cube]!;
      if (index === last) continue;
      const rule = manifest.rules[index]!;
      if (exact[cube] === 1) {
        // An exact cube fires; whether for what is known or for what is not, only the whole condition can tell.
        if (sawUnknown && rule.effect !== "allow" && rule.condition >= 0) {
          slots ??= this.#slots(own);
          if (run(machine, rule.condition, slots) === UNKNOWN) (unknown ??= []).push(index);
        }
      } else {
        if (index === lastTested) continue;
        lastTested = index;
        const settled = this.#settled.get(index);
        const found = settled ?? run(machine, rule.condition, (slots ??= this.#slots(own)));
        if (!counts(rule.effect, found)) continue;
        if (found === UNKNOWN) (unknown ??= []).push(index);
      }
      last = index;
      matched.push(index);
    }
    return decisionOf(manifest, matched, unknown ?? NO_NUMBERS);
  }

  decideAll(actions: readonly ActionFacts[]): Decision {
    return combine(actions.map((own) => this.decide(own)));
  }
}
