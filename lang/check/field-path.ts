import { err, ok, type Result } from "../../base/result.ts";

const FIELD_PATHS_MAX = 500;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]*/;

/**
 * One path of a mask's `fields`, choices multiplied out: `$.a[*].{b, c}` gives two. A path begins with `$` and goes on with
 * `.name`, `..name`, `.*`, `[*]`, `[0]` or `["name"]`; or it is a GraphQL `Type.field`. The answer is in one spelling.
 */
export function fieldPaths(text: string): Result<readonly string[], string> {
  if (!text.startsWith("$")) {
    return /^[A-Z]\w*\.(?:[A-Z_a-z]\w*|\*)$/.test(text)
      ? ok([text])
      : err("a path begins with `$`, or is a GraphQL `Type.field`, the type with a capital letter");
  }
  let paths: readonly string[] = ["$"];
  let at = 1;
  const fail = (why: string): Result<never, string> => err(`${why}, at ${JSON.stringify(text.slice(at, at + 12))}`);
  while (at < text.length) {
    const rest = text.slice(at);
    if (rest.startsWith("[")) {
      const found = /^\[(?:\*|\d{1,9}|"(?:[^"\\]|\\.)*")\]/.exec(rest);
      if (found === null) return fail('in brackets stands `*`, a number or a "name"');
      const name = found[0].startsWith('["') ? unquoted(found[0].slice(1, -1)) : null;
      if (name === undefined) return fail("this is not a text as JSON writes it");
      paths = paths.map((path) => path + (name === null ? found[0] : member(".", name)));
      at += found[0].length;
      continue;
    }
    const dots = rest.startsWith("..") ? ".." : rest.startsWith(".") ? "." : "";
    if (dots === "") return fail("a part begins with a dot or a bracket");
    at += dots.length;
    const behind = text.slice(at);
    if (behind.startsWith("{")) {
      const end = behind.indexOf("}");
      const names =
        end < 0
          ? []
          : behind
              .slice(1, end)
              .split(",")
              .map((name) => name.trim());
      if (names.length === 0 || names.some((name) => NAME.exec(name)?.[0] !== name))
        return fail("a choice is {name, name}");
      paths = paths.flatMap((path) => names.map((name) => path + dots + name));
      if (paths.length > FIELD_PATHS_MAX) return fail(`its choices make more than ${FIELD_PATHS_MAX} paths`);
      at += end + 1;
    } else if (behind.startsWith("*")) {
      paths = paths.map((path) => `${path}${dots}*`);
      at += 1;
    } else {
      const name = NAME.exec(behind)?.[0];
      if (name === undefined) return fail("behind a dot stands a name, `*` or a choice in braces");
      paths = paths.map((path) => path + dots + name);
      at += name.length;
    }
  }
  return paths[0] === "$"
    ? err("`$` alone is the whole body; use a rule without `fields`, or name a field")
    : ok(paths);
}

function unquoted(text: string): string | undefined {
  try {
    return JSON.parse(text) as string;
  } catch {
    return undefined;
  }
}

const member = (dots: string, name: string): string =>
  NAME.exec(name)?.[0] === name ? dots + name : `[${JSON.stringify(name)}]`;

/** The name that `with { name: mask }` speaks of: the last one of a path; null when it ends in `*` or a number. */
export function lastName(path: string): string | null {
  const quoted = /\[("(?:[^"\\]|\\.)*")\]$/.exec(path);
  if (quoted !== null) return unquoted(quoted[1]!) ?? null;
  return /\.([A-Za-z_][A-Za-z0-9_-]*)$/.exec(path)?.[1] ?? null;
}
