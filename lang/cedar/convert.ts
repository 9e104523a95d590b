import { nearest } from "../../base/text.ts";
import { SCOPES, SQL_CLASSES, factAt, type Fact, type FactType } from "../../spec/contract/facts/index.ts";
import { formatText, printText } from "../format/index.ts";
import { CEDAR_FAULTS_MAX } from "./limits.ts";
import type { CedarExpr, CedarFault, CedarPolicy, Place } from "./nodes.ts";
import { parseCedar } from "./parse.ts";

/** The fact that Cedar's `action` stands for, by the first protocol of the scope. */
const ACTION_FACTS: Readonly<Record<string, string>> = {
  postgres: "statement.kind",
  mysql: "statement.kind",
  ssh: "channel.kind",
  http: "request.method",
  kubernetes: "request.verb",
};
const USER_TYPES = ["User", "Principal"];
const GROUP_TYPES = ["Group", "UserGroup", "Role", "Team"];
const TARGET_TYPES = ["Target", "Database", "Host", "Cluster"];

export interface CedarImport {
  /** The policies as `.policy` text in its style; only those without a fault. */
  readonly text: string;
  readonly faults: readonly CedarFault[];
  readonly policies: number;
}

/**
 * Cedar policies as rules. `principal` is the user, `principal in Group::"x"` a group of it, `action` the kind of statement,
 * channel or request, `resource` the target, and `context` holds every fact by its path (`context.statement.read_only`).
 * A policy that says more is left out, and what can't be said is named with its place.
 *
 * Both sides decide alike where every fact is known: forbids win, then permits, else it is denied. Where Cedar would skip a
 * policy for an error (an attribute that is not there), the import asks for a `has` before it.
 */
export function importCedar(text: string, scope: string, packageName: string): CedarImport {
  const { policies, faults } = parseCedar(text);
  const all: CedarFault[] = [...faults];
  const names = new Set<string>();
  const rules: string[] = [];
  for (const [i, policy] of policies.entries()) {
    const found = new Converter(scope).rule(policy, uniqueName(policy, i, names));
    all.push(...found.faults);
    if (found.faults.length === 0) rules.push(found.text);
  }
  const written = `package ${packageName}\n\n${rules.join("\n\n")}\n`;
  return {
    text: formatText({ path: "imported.policy", text: written }).text,
    faults: all.sort((a, b) => a.at.start - b.at.start).slice(0, CEDAR_FAULTS_MAX),
    policies: rules.length,
  };
}

/** The `@id` of a policy as a rule's name, or a number. */
function uniqueName(policy: CedarPolicy, index: number, taken: Set<string>): string {
  const id = policy.annotations.find((one) => one.key === "id")?.value ?? "";
  const base = id
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "_")
    .replaceAll(/^_+|_+$/g, "");
  const named = /^[a-z]/.test(base) ? base : `cedar_${base === "" ? index : base}`;
  // Words of the language can't name a rule.
  let name = formatText({ path: "", text: `allow ${named} on sql` }).diagnostics.length > 0 ? `${named}_rule` : named;
  for (let n = 2; taken.has(name); n++) name = `${named}_${n}`;
  taken.add(name);
  return name;
}

/** A condition, and the attributes that are there when it holds. */
interface Condition {
  readonly text: string;
  readonly present: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();
const list = (items: readonly string[]): string => `[${items.join(", ")}]`;

class Converter {
  readonly #scope: string;
  readonly #protocol: string;
  readonly #faults: CedarFault[] = [];

  constructor(scope: string) {
    this.#scope = scope;
    this.#protocol = (SCOPES[scope] ?? ["postgres"])[0]!;
  }

  rule(policy: CedarPolicy, name: string): { readonly text: string; readonly faults: readonly CedarFault[] } {
    const lines: string[] = [];
    let because = "";
    for (const { key, value } of policy.annotations) {
      if (key === "because" || key === "reason" || key === "advice") because = `\n  because ${printText(value)}`;
      else if (key !== "id") lines.push(`@${key}${value === "" ? "" : `(${printText(value)})`}`);
    }
    lines.push(`${policy.effect === "permit" ? "allow" : "deny"} ${name} on ${this.#scope}`);
    let present = NOTHING;
    const when = [...policy.head, ...policy.when].map((one) => {
      const found = this.#condition(one, present);
      present = new Set([...present, ...found.present]);
      return found.text;
    });
    if (when.length > 0) lines.push(`  when ${when.join(" and ")}`);
    const unless = policy.unless.map((one) => this.#condition(one, present).text);
    if (unless.length > 0) lines.push(`  unless ${unless.join(" or ")}`);
    return { text: `${lines.join("\n")}${because}`, faults: this.#faults };
  }

  #fault(at: Place, message: string): string {
    this.#faults.push({ at, message });
    return "false";
  }

  /** Everything stands in brackets; the formatter takes away those that are not needed. */
  #condition(expr: CedarExpr, present: ReadonlySet<string>): Condition {
    const plain = (text: string): Condition => ({ text: `(${text})`, present: NOTHING });
    switch (expr.kind) {
      case "bool":
        return plain(String(expr.value));
      case "not":
        return plain(`not ${this.#condition(expr.operand, present).text}`);
      case "if": {
        const test = this.#condition(expr.test, present);
        const then = this.#condition(expr.then, new Set([...present, ...test.present])).text;
        const otherwise = this.#condition(expr.otherwise, present).text;
        return plain(`(${test.text} and ${then}) or (not ${test.text} and ${otherwise})`);
      }
      case "binary":
        return this.#binary(expr, present);
      case "has": {
        const read = expr.names.reduce<CedarExpr>(
          (of, name) => ({ kind: "attribute", of, name, at: expr.at }),
          expr.of,
        );
        const value = this.#read(read);
        if (value === null) return plain(this.#fault(expr.at, "this attribute is no fact of the scope"));
        if (!value.mayBeAbsent) return plain("true");
        return { text: `(exists ${value.text})`, present: new Set([value.text]) };
      }
      case "like": {
        const value = this.#value(expr.of, present);
        const pattern = expr.parts.map((part) => part.replaceAll(/[\\*?]/g, "\\$&")).join("**");
        return plain(`${value.text} like ${printText(pattern)}`);
      }
      case "is":
        return plain(this.#is(expr));
      case "method":
        return plain(this.#method(expr, present));
      case "attribute": {
        const value = this.#value(expr, present);
        if (value.type.kind !== "bool") this.#fault(expr.at, "this is not true or false");
        return plain(value.text);
      }
      case "int":
      case "string":
      case "entity":
      case "variable":
      case "set":
      case "call":
        return plain(this.#fault(expr.at, "a condition must be true or false"));
    }
  }

  #binary(expr: Extract<CedarExpr, { kind: "binary" }>, present: ReadonlySet<string>): Condition {
    const { op, left, right } = expr;
    const plain = (text: string): Condition => ({ text: `(${text})`, present: NOTHING });
    if (op === "&&" || op === "||") {
      const a = this.#condition(left, present);
      const b = this.#condition(right, op === "&&" ? new Set([...present, ...a.present]) : present);
      if (op === "||") return plain(`${a.text} or ${b.text}`);
      return { text: `(${a.text} and ${b.text})`, present: new Set([...a.present, ...b.present]) };
    }
    if (op === "in") return plain(this.#in(left, right));
    const entities = left.kind === "variable" || left.kind === "entity" || right.kind === "variable";
    if (entities) {
      if (op !== "==" && op !== "!=") return plain(this.#fault(expr.at, `${op} does not compare entities`));
      const [variable, entity] = left.kind === "variable" ? [left, right] : [right, left];
      const same = this.#same(variable, entity);
      return plain(op === "==" ? same : `not (${same})`);
    }
    const a = this.#value(left, present);
    const b = this.#value(right, present);
    if (op !== "==" && op !== "!=" && (a.type.kind !== "int" || b.type.kind !== "int"))
      return plain(this.#fault(expr.at, `${op} compares whole numbers only`));
    return plain(`${this.#as(a, b.type, left)} ${op} ${this.#as(b, a.type, right)}`);
  }

  /** `principal == User::"x"` and the like. */
  #same(variable: CedarExpr, entity: CedarExpr): string {
    if (variable.kind !== "variable" || entity.kind !== "entity")
      return this.#fault(variable.at, "entities are compared with principal, action and resource only");
    const type = entity.type.split("::").at(-1)!;
    const is = (types: readonly string[], fact: string): string =>
      types.includes(type)
        ? `${fact} == ${printText(entity.id)}`
        : this.#fault(entity.at, `${entity.type} has no counterpart; known here: ${types.join(", ")}`);
    switch (variable.name) {
      case "principal":
        return is(USER_TYPES, "user.name");
      case "resource":
        return is(TARGET_TYPES, "target.name");
      case "action":
        return this.#action(entity);
      case "context":
        return this.#fault(variable.at, "context is no entity");
    }
  }

  #action(entity: Extract<CedarExpr, { kind: "entity" }>): string {
    const path = Object.hasOwn(ACTION_FACTS, this.#protocol) ? ACTION_FACTS[this.#protocol]! : "";
    const fact = factAt(this.#protocol as "postgres", path);
    if (fact?.type.kind !== "enum") return this.#fault(entity.at, `actions have no counterpart on ${this.#scope}`);
    if (fact.type.values.includes(entity.id)) return `${path} == ${entity.id}`;
    const near = nearest(entity.id, fact.type.values);
    return this.#fault(
      entity.at,
      `${entity.id} is not a value of ${path}${near === undefined ? "" : `; did you mean ${near}?`}`,
    );
  }

  /** `principal in Group::"x"`, `action in [Action::"a", Action::"b"]`; `in` holds for the entity itself too. */
  #in(left: CedarExpr, right: CedarExpr): string {
    if (right.kind === "set") {
      if (right.items.length === 0) return "false";
      return right.items.map((item) => `(${this.#in(left, item)})`).join(" or ");
    }
    if (left.kind !== "variable" || right.kind !== "entity")
      return this.#fault(left.at, "`in` is asked of principal, action and resource only");
    const type = right.type.split("::").at(-1)!;
    if (left.name === "principal" && GROUP_TYPES.includes(type)) return `user.groups has ${printText(right.id)}`;
    // The classes of statements are the groups of their kinds.
    const isSql = this.#protocol === "postgres" || this.#protocol === "mysql";
    if (left.name === "action" && isSql && (SQL_CLASSES as readonly string[]).includes(right.id))
      return `statement.class == ${right.id}`;
    return this.#same(left, right);
  }

  #is(expr: Extract<CedarExpr, { kind: "is" }>): string {
    const type = expr.type.split("::").at(-1)!;
    const types = { principal: USER_TYPES, resource: TARGET_TYPES, action: ["Action"], context: [] };
    const known = expr.of.kind === "variable" ? types[expr.of.name] : [];
    if (!known.includes(type)) return this.#fault(expr.at, `${expr.type} has no counterpart`);
    return expr.within === null ? "true" : this.#in(expr.of, expr.within);
  }

  #method(expr: Extract<CedarExpr, { kind: "method" }>, present: ReadonlySet<string>): string {
    const { of, name, args } = expr;
    const [first] = args;
    if (first === undefined || args.length > 1) return this.#fault(expr.at, `.${name} is given one value`);
    switch (name) {
      case "contains": {
        const item = this.#value(first, present);
        if (of.kind === "set") return `${item.text} in ${this.#set(of, item.type)}`;
        const set = this.#value(of, present);
        const element = set.type.kind === "set" || set.type.kind === "list" ? set.type.of : set.type;
        return `${set.text} has ${this.#as(item, element, first)}`;
      }
      case "containsAny":
      case "containsAll": {
        const set = this.#value(of, present);
        if ((set.type.kind !== "set" && set.type.kind !== "list") || first.kind !== "set")
          return this.#fault(expr.at, `.${name} is read of a fact that is a set, with the values written out`);
        if (first.items.length === 0) return String(name === "containsAll");
        return `${set.text} has ${name === "containsAny" ? "any" : "all"} ${this.#set(first, set.type.of)}`;
      }
      case "isInRange": {
        const value = this.#value(of, present);
        const range = first.kind === "call" && first.name === "ip" ? first.args[0] : undefined;
        if (value.type.kind !== "address" || range?.kind !== "string")
          return this.#fault(expr.at, ".isInRange is read of an address, with ip(…) written out");
        return `${value.text} within cidr(${printText(range.value.includes("/") ? range.value : `${range.value}/32`)})`;
      }
      default:
        return this.#fault(expr.at, `.${name}(…) is not in the fragment that is imported`);
    }
  }

  #set(expr: Extract<CedarExpr, { kind: "set" }>, element: FactType): string {
    return list(expr.items.map((item) => this.#as(this.#value(item, NOTHING), element, item)));
  }

  /** A value where another type is expected: texts are words where the other side is an enumeration. */
  #as(value: Value, other: FactType, expr: CedarExpr): string {
    if (other.kind !== "enum" || expr.kind !== "string") return value.text;
    return other.values.includes(expr.value)
      ? expr.value
      : this.#fault(expr.at, `${JSON.stringify(expr.value)} is not a ${other.name}`);
  }

  #value(expr: CedarExpr, present: ReadonlySet<string>): Value {
    switch (expr.kind) {
      case "bool":
        return { text: String(expr.value), type: { kind: "bool" }, mayBeAbsent: false };
      case "int":
        return { text: String(expr.value), type: { kind: "int" }, mayBeAbsent: false };
      case "string":
        return { text: printText(expr.value), type: { kind: "string" }, mayBeAbsent: false };
      case "set":
        return {
          text: this.#set(expr, { kind: "string" }),
          type: { kind: "set", of: { kind: "string" } },
          mayBeAbsent: false,
        };
      case "attribute": {
        const read = this.#read(expr);
        if (read === null) break;
        if (read.mayBeAbsent && !present.has(read.text))
          this.#fault(expr.at, `this attribute may be absent; test it with \`has\` first`);
        return read;
      }
      case "entity":
      case "variable":
      case "has":
      case "like":
      case "is":
      case "not":
      case "binary":
      case "if":
      case "call":
      case "method":
        break;
    }
    const what = expr.kind === "attribute" ? "this attribute is no fact of the scope" : "this can't be compared";
    return { text: this.#fault(expr.at, what), type: { kind: "bool" }, mayBeAbsent: false };
  }

  /** The fact that an attribute stands for: `context.statement.kind`, `principal.name`, `resource.labels.env`. */
  #read(expr: CedarExpr): Value | null {
    const names: string[] = [];
    let at = expr;
    for (; at.kind === "attribute"; at = at.of) names.unshift(at.name);
    if (at.kind !== "variable") return null;
    if (at.name === "principal") names.unshift("user");
    if (at.name === "resource") names.unshift("target");
    if (at.name === "action") return null;
    for (let count = names.length; count > 0; count--) {
      const fact = this.#fact(names.slice(0, count).join("."));
      if (fact === undefined) continue;
      const [key, ...more] = names.slice(count);
      if (key === undefined) return { text: fact.path, type: fact.type, mayBeAbsent: fact.optional };
      if (fact.type.kind !== "map" || more.length > 0) return null;
      return { text: `${fact.path}[${printText(key)}]`, type: fact.type.of, mayBeAbsent: true };
    }
    return null;
  }

  #fact(path: string): Fact | undefined {
    const protocols = SCOPES[this.#scope] ?? [];
    const facts = protocols.map((protocol) => factAt(protocol, path));
    return facts.every((fact) => fact !== undefined) ? facts[0] : undefined;
  }
}

interface Value {
  readonly text: string;
  readonly type: FactType;
  readonly mayBeAbsent: boolean;
}
