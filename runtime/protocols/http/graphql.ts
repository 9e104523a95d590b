import {
  GraphQLError,
  GraphQLInterfaceType,
  GraphQLObjectType,
  GraphQLUnionType,
  Kind,
  getNamedType,
  parse,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { err, ok, type Result } from "../../../base/result.ts";
import { REDACT, compareMasks } from "../../../spec/contract/bundle/index.ts";
import { placeState, textMask, type BodyMasks, type PlaceState, type Places } from "../../enforce/mask/index.ts";
import {
  GRAPHQL_BATCH_MAX,
  GRAPHQL_CHARS_MAX,
  GRAPHQL_DEPTH_MAX,
  GRAPHQL_FIELDS_MAX,
  GRAPHQL_TOKENS_MAX,
} from "./limits.ts";

/** One operation that a request asks for. */
export interface GraphqlOperation {
  readonly kind: "query" | "mutation" | "subscription";
  readonly name: string | null;
  /** Every field selected, by its path without aliases. */
  readonly fields: ReadonlySet<string>;
  readonly introspection: boolean;
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
}

interface Asked {
  readonly query: string;
  readonly operationName: string | null;
}

/** Reads the JSON body of a GraphQL request: one operation, or a list of them. */
export function readGraphqlBody(body: Buffer): Result<readonly GraphqlOperation[], string> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch {
    return err("the GraphQL request is not JSON");
  }
  const list = Array.isArray(value) ? (value as unknown[]) : [value];
  if (list.length === 0 || list.length > GRAPHQL_BATCH_MAX)
    return err(`a GraphQL request has 1 to ${GRAPHQL_BATCH_MAX} operations`);
  const found: GraphqlOperation[] = [];
  for (const one of list) {
    const { query, operationName } = (one ?? {}) as { query?: unknown; operationName?: unknown };
    if (typeof query !== "string")
      return err("a GraphQL request without its query's text can't be read (persisted queries are not taken)");
    if (operationName != null && typeof operationName !== "string") return err("operationName is not a text");
    const read = readOperation({ query, operationName: operationName ?? null });
    if (!read.ok) return read;
    found.push(read.value);
  }
  return ok(found);
}

/** Reads one operation, as a GET has it in its query. */
export function readOperation({ query, operationName }: Asked): Result<GraphqlOperation, string> {
  if (query.length > GRAPHQL_CHARS_MAX) return err(`a GraphQL document has at most ${GRAPHQL_CHARS_MAX} characters`);
  let document: DocumentNode;
  try {
    document = parse(query, { maxTokens: GRAPHQL_TOKENS_MAX, noLocation: true });
  } catch (fault) {
    return err(
      `the GraphQL document can't be read: ${fault instanceof GraphQLError ? fault.message : "it is too deep"}`,
    );
  }
  const operations = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  const wanted =
    operationName === null || operationName === ""
      ? operations
      : operations.filter((one) => one.name?.value === operationName);
  const definition = wanted[0];
  if (definition === undefined || wanted.length > 1)
    return err("the GraphQL request does not say which one operation is to run");
  const fields = new Set<string>();
  const walked = walk(document, definition.selectionSet, "", fields);
  if (walked !== null) return err(walked);
  return ok({
    kind: definition.operation,
    name: definition.name?.value ?? null,
    fields,
    introspection: [...fields].some((path) => /(^|\.)__(schema|type)(\.|$)/.test(path)),
    document,
    definition,
  });
}

const fragmentOf = (document: DocumentNode, name: string): FragmentDefinitionNode | undefined =>
  document.definitions.find((one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === name) as
    FragmentDefinitionNode | undefined;

/** Collects the paths of all fields; what `@skip` and `@include` would leave out counts too. Answers why it can't. */
function walk(document: DocumentNode, top: SelectionSetNode, prefix: string, fields: Set<string>): string | null {
  let count = 0;
  const go = (set: SelectionSetNode, path: string, open: readonly string[], depth: number): string | null => {
    if (depth > GRAPHQL_DEPTH_MAX) return `the GraphQL operation nests deeper than ${GRAPHQL_DEPTH_MAX}`;
    for (const one of set.selections) {
      if (++count > GRAPHQL_FIELDS_MAX) return `the GraphQL operation asks for more than ${GRAPHQL_FIELDS_MAX} fields`;
      let fault: string | null = null;
      if (one.kind === Kind.FIELD) {
        const name = path === "" ? one.name.value : `${path}.${one.name.value}`;
        fields.add(name);
        if (one.selectionSet !== undefined) fault = go(one.selectionSet, name, open, depth + 1);
      } else if (one.kind === Kind.INLINE_FRAGMENT) fault = go(one.selectionSet, path, open, depth + 1);
      else {
        const name = one.name.value;
        const fragment = fragmentOf(document, name);
        if (fragment === undefined) return `the fragment ${name} is not there`;
        if (open.includes(name)) return `the fragment ${name} holds itself`;
        fault = go(fragment.selectionSet, path, [...open, name], depth + 1);
      }
      if (fault !== null) return fault;
    }
    return null;
  };
  return go(top, prefix, [], 0);
}

/** A place while it is built: by the key that the answer has there. */
interface Node {
  readonly children: Map<string, Node>;
  mask: number;
}

/**
 * Where the masked fields of an operation stand in its answer: by type and field in the schema, under whatever alias and
 * through whatever fragment. A field of an interface or union is masked when any type that may stand there has it masked.
 * Lists are passed through. Hidden is what stands beside the data, or in it where nothing was asked for: texts of errors and
 * extensions tell values too. Of an error `locations`, `path` and `extensions.code` stay.
 *
 * @returns the places, and the masks that they name; in words why not: a field or type that the schema does not have
 */
export function graphqlPlaces(
  operations: readonly GraphqlOperation[],
  list: boolean,
  schema: GraphQLSchema,
  masks: BodyMasks,
): Result<{ readonly places: Places; readonly masks: BodyMasks }, string> {
  const roots: Node[] = [];
  for (const operation of operations) {
    const root = schema.getRootType(operation.definition.operation);
    if (root == null) return err(`the schema has no ${operation.kind}`);
    const data: Node = { children: new Map(), mask: -1 };
    const fault = place(operation.document, operation.definition.selectionSet, root, data, schema, masks);
    if (fault !== null) return err(fault);
    roots.push(data);
  }
  return ok({
    places: states(roots, list, masks.masks.length),
    masks: {
      ...masks,
      masks: [...masks.masks, textMask(REDACT, NO_SECRETS)],
      labels: [...masks.labels, "texts beside the data"],
    },
  });
}

/** What hides all of a text takes none. */
const NO_SECRETS = new Uint8Array(32);

function place(
  document: DocumentNode,
  set: SelectionSetNode,
  type: GraphQLNamedType,
  node: Node,
  schema: GraphQLSchema,
  masks: BodyMasks,
): string | null {
  for (const one of set.selections) {
    let fault: string | null = null;
    if (one.kind === Kind.FIELD) {
      const name = one.name.value;
      const key = one.alias?.value ?? name;
      const child: Node = node.children.get(key) ?? { children: new Map(), mask: -1 };
      node.children.set(key, child);
      if (name === "__typename" || name === "__schema" || name === "__type") continue;
      const owners = possibleTypes(type, schema);
      const field =
        type instanceof GraphQLObjectType || type instanceof GraphQLInterfaceType ? type.getFields()[name] : undefined;
      if (field === undefined) return `the schema has no ${type.name}.${name}`;
      for (const { type: owner, field: masked, mask } of masks.typeFields)
        if ((masked === "*" || masked === name) && (owner === "*" || owners.has(owner)))
          child.mask = stricter(child.mask, mask, masks);
      if (one.selectionSet !== undefined)
        fault = place(document, one.selectionSet, getNamedType(field.type), child, schema, masks);
    } else {
      const fragment = one.kind === Kind.INLINE_FRAGMENT ? one : fragmentOf(document, one.name.value)!;
      const on = fragment.typeCondition === undefined ? type : schema.getType(fragment.typeCondition.name.value);
      if (on === undefined) return `the schema has no type ${fragment.typeCondition!.name.value}`;
      fault = place(document, fragment.selectionSet, on, node, schema, masks);
    }
    if (fault !== null) return fault;
  }
  return null;
}

/** Of two masks, by number, the strictest; -1 stands for none. */
const stricter = (one: number, other: number, { masks }: BodyMasks): number =>
  one < 0 || compareMasks(masks[other]!.spec, masks[one]!.spec) < 0 ? other : one;

/** The names under which a mask may speak of this type: its own, those it may stand for, and those it stands for. */
function possibleTypes(type: GraphQLNamedType, schema: GraphQLSchema): ReadonlySet<string> {
  const names = new Set([type.name]);
  if (type instanceof GraphQLInterfaceType || type instanceof GraphQLUnionType)
    for (const one of schema.getPossibleTypes(type)) names.add(one.name);
  for (const name of [...names]) {
    const one = schema.getType(name);
    if (one instanceof GraphQLObjectType || one instanceof GraphQLInterfaceType)
      for (const parent of one.getInterfaces()) names.add(parent.name);
  }
  return names;
}

/** Nodes as states of an automaton: elements of a list stay where the list is. What is `hidden` is where nobody knows more. */
function states(roots: readonly Node[], list: boolean, hidden: number): Places {
  const made: PlaceState[] = [];
  const put = (state: PlaceState): number => made.push(state) - 1;
  const fixed = (mask: number): number =>
    put(placeState({ mask, keys: [], other: made.length, elements: [], element: made.length }));
  /** An object of which these keys are known; in the place of it a list of such, or nothing to be shown. */
  const object = (keys: Readonly<Record<string, number>>, element: number): PlaceState =>
    placeState({
      mask: hidden,
      keys: Object.entries(keys).map(([key, next]) => ({ bytes: Buffer.from(key), next })),
      other: hide,
      elements: [],
      element,
    });
  // The root's place, for what is known when all the others are.
  fixed(hidden);
  const hide = fixed(hidden);
  const show = fixed(-1);
  const extensions = put(object({ code: show }, hide));
  const error = put(object({ locations: show, path: show, extensions }, hide));
  const errors = put(object({}, error));
  const add = (node: Node): number => {
    if (node.mask >= 0) return fixed(node.mask);
    if (node.children.size === 0) return show;
    const at = fixed(hidden);
    made[at] = object(Object.fromEntries([...node.children].map(([key, child]) => [key, add(child)])), at);
    return at;
  };
  const tops = roots.map((root) => object({ data: add(root), errors }, hide));
  if (!list) made[0] = tops[0]!;
  else
    // A list that can't be taken is answered with one object of errors.
    made[0] = { ...object({ errors }, hide), elements: tops.map((top, index) => ({ index, next: put(top) })) };
  return made;
}
