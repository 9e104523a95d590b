import type { FactLifetime, ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Manifest } from "../../spec/contract/bundle/index.ts";
import type { CubeIndex, Machine } from "../vm/index.ts";

/** A verified bundle, ready to decide. */
export interface Executable {
  readonly digest: string;
  readonly manifest: Manifest;
  readonly machine: Machine;
  /** The cubes of a protocol's rules. */
  indexOf(protocol: ProtocolName): CubeIndex;
  /** Rules of a protocol, by number, ascending. */
  rulesOf(protocol: ProtocolName): readonly number[];
  /** The shortest-lived fact that a rule's condition reads. */
  lifetimeOf(rule: number): FactLifetime;
  /** How long a fact keeps its value. */
  lifetimeOfFact(path: string, protocol: ProtocolName): FactLifetime;
}
