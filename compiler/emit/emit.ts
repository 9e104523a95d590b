import { unreachable } from "../../base/assert.ts";
import { OP } from "../../spec/contract/bytecode/index.ts";
import type { Constant, Program } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpr, TimePart } from "../../lang/index.ts";
import { Expressions } from "./expressions.ts";
import { zoneConstant } from "./zone.ts";

const key = (constant: Constant): string => JSON.stringify(constant);

/** Constants, facts and programs of one bundle, each once. */
export class Emitter {
  readonly facts: string[] = [];
  readonly constants: Constant[] = [];
  readonly expressions = new Expressions();
  readonly #constantAt = new Map<string, number>();
  readonly #factAt = new Map<string, number>();
  readonly #code: number[][] = [];

  /** Emits a condition as a program of its own; answers its number. */
  condition(expr: CheckedExpr): number {
    const index = this.#code.length;
    const code: number[] = [];
    this.#code.push(code);
    this.#emit(expr, code);
    code.push(OP.halt, 0);
    return index;
  }

  /** All programs; steps are filled in by whoever proves them. */
  programs(): readonly Program[] {
    return this.#code.map((code) => ({ code, stepsMax: 0 }));
  }

  #constant(constant: Constant): number {
    const known = this.#constantAt.get(key(constant));
    if (known !== undefined) return known;
    this.constants.push(constant);
    this.#constantAt.set(key(constant), this.constants.length - 1);
    return this.constants.length - 1;
  }

  #fact(path: string): number {
    let at = this.#factAt.get(path);
    if (at === undefined) this.#factAt.set(path, (at = this.facts.push(path) - 1));
    return at;
  }

  #set(values: readonly (string | number)[]): number {
    const sorted = [...new Set(values.map(String))].sort();
    return this.#constant({ kind: "set", values: sorted });
  }

  #emit(expr: CheckedExpr, code: number[]): void {
    switch (expr.kind) {
      case "const":
        code.push(OP.const, this.#constant(constantOf(expr.value)));
        return;
      case "constant-set":
        code.push(OP.const, this.#set(expr.values));
        return;
      case "fact":
        code.push(OP.fact, this.#fact(expr.path));
        return;
      case "element":
        code.push(OP.element, expr.depth);
        return;
      case "index":
        code.push(OP.fact, this.#fact(expr.path));
        code.push(OP.index, this.#constant({ kind: "string", value: expr.key }));
        return;
      case "not":
        this.#emit(expr.operand, code);
        code.push(OP.not, 0);
        return;
      case "and":
      case "or": {
        this.#emit(expr.left, code);
        const patch = code.length + 1;
        code.push(expr.kind === "and" ? OP.skip_if_false : OP.skip_if_true, 0);
        this.#emit(expr.right, code);
        code.push(expr.kind === "and" ? OP.and : OP.or, 0);
        code[patch] = code.length / 2;
        return;
      }
      case "compare":
        this.#emit(expr.left, code);
        this.#emit(expr.right, code);
        code.push(COMPARE[expr.op], 0);
        return;
      case "in":
        if (expr.set.kind === "constant-set") {
          this.#emit(expr.value, code);
          code.push(OP.in_set, this.#set(expr.set.values));
        } else {
          this.#emit(expr.set, code);
          this.#emit(expr.value, code);
          code.push(OP.contains, 0);
        }
        return;
      case "has":
        this.#emit(expr.set, code);
        if (expr.mode === "one") {
          this.#emit(expr.values, code);
          code.push(OP.contains, 0);
        } else if (expr.values.kind === "constant-set") {
          code.push(expr.mode === "any" ? OP.has_any : OP.has_all, this.#set(expr.values.values));
        } else {
          this.#emit(expr.values, code);
          code.push(expr.mode === "any" ? OP.has_any_of : OP.has_all_of, 0);
        }
        return;
      case "like":
        this.#emit(expr.value, code);
        code.push(OP.like, this.#constant({ kind: "glob", pattern: expr.pattern }));
        return;
      case "matches":
        this.#emit(expr.value, code);
        code.push(
          OP.matches,
          this.#constant({ kind: "expression", expression: this.expressions.add(expr.regex, "search") }),
        );
        return;
      case "field":
        this.#emit(expr.of, code);
        code.push(OP.field, this.#constant({ kind: "string", value: expr.name }));
        return;
      case "time-part":
        this.#emit(expr.time, code);
        code.push(PARTS[expr.part], this.#constant(zoneConstant(expr.zone)));
        return;
      case "affix":
        this.#emit(expr.value, code);
        this.#emit(expr.text, code);
        code.push(expr.side === "start" ? OP.starts_with : OP.ends_with, 0);
        return;
      case "within":
        this.#emit(expr.value, code);
        code.push(OP.within, this.#constant({ kind: "cidr", text: expr.cidr }));
        return;
      case "exists":
        this.#emit(expr.operand, code);
        code.push(OP.exists, 0);
        return;
      case "else":
        this.#emit(expr.value, code);
        this.#emit(expr.fallback, code);
        code.push(OP.or_else, 0);
        return;
      case "quantified":
        this.#emit(expr.over, code);
        code.push(expr.quantifier === "any" ? OP.any : OP.all, this.condition(expr.condition));
        return;
      default:
        unreachable(expr);
    }
  }
}

const PARTS: Readonly<Record<TimePart, number>> = { hour: OP.hour, minute: OP.minute, weekday: OP.weekday };
const COMPARE = { "==": OP.eq, "!=": OP.ne, "<": OP.lt, "<=": OP.le, ">": OP.gt, ">=": OP.ge } as const;

function constantOf(value: boolean | number | string): Constant {
  if (typeof value === "boolean") return { kind: "bool", value };
  return typeof value === "number" ? { kind: "int", value } : { kind: "string", value };
}
