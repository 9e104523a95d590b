import type { Decision } from "../../spec/contract/decision/index.ts";
import type { FactValue, ProtocolName, Truth } from "../../spec/contract/facts/index.ts";
import { run } from "../vm/index.ts";
import { combine, decide } from "./decide.ts";
import type { Executable } from "./executable.ts";

/** Gives a fact by its path; what it does not know is absent. */
export type FactReader = (path: string) => FactValue;

/**
 * A bundle as one session sees it: conditions over facts that stay the same for the session are settled once, and the
 * rest is asked for each statement.
 */
export class SessionPolicy {
  readonly bundle: Executable;
  readonly protocol: ProtocolName;
  readonly #session: FactReader;
  readonly #folded: ReadonlyMap<number, Truth>;
  /** Nothing that is left to ask changes from one execution of a statement to the next, so a decision may be kept with it. */
  readonly cacheable: boolean;

  constructor(bundle: Executable, protocol: ProtocolName, session: FactReader) {
    this.bundle = bundle;
    this.protocol = protocol;
    this.#session = session;
    const folded = new Map<number, Truth>();
    const slots = this.#slots(() => undefined);
    let cacheable = true;
    for (const index of bundle.rulesOf(protocol)) {
      const { condition } = bundle.manifest.rules[index]!;
      if (condition < 0) continue;
      const lifetime = bundle.lifetimeOf(index);
      if (lifetime === "session") folded.set(index, run(bundle.machine, condition, slots));
      else if (lifetime === "execution") cacheable = false;
    }
    this.#folded = folded;
    this.cacheable = cacheable;
  }

  #slots(own: (path: string) => FactValue | undefined): readonly FactValue[] {
    return this.bundle.manifest.facts.map((path) => own(path) ?? this.#session(path));
  }

  /** One action; `own` gives its facts, undefined for those of the session. */
  decide(own: (path: string) => FactValue | undefined): Decision {
    return decide(this.bundle, this.protocol, this.#slots(own), this.#folded);
  }

  decideAll(actions: readonly ((path: string) => FactValue | undefined)[]): Decision {
    return combine(actions.map((own) => this.decide(own)));
  }
}
