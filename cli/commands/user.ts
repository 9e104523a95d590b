import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, realpathSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { isMap, isScalar, isSeq, parseDocument, YAMLMap, YAMLSeq, type Document } from "yaml";
import { formatVerifier, makeVerifier, PASSWORD_BYTES_MAX, SALT_BYTES } from "../../runtime/credentials/index.ts";
import { readConfig, readUsers } from "../../runtime/gateway/config.ts";
import { chooseCommand, onlyArgument, readArguments } from "../arguments.ts";
import { configPath, CONFIG_FILE, faultsOf, loadConfig, readText } from "../config-file.ts";
import { EXIT, table, UsageError, type Io } from "../io.ts";

export const USER_HELP = `sallyport user: people who sign in with a password

  sallyport user add NAME [--group GROUP]...    add a person; asks for the password twice
  sallyport user add NAME --replace ...         give somebody another password and other groups
  sallyport user list                           who is known, with their groups
  sallyport user remove NAME

Options:
  --group GROUP     a group the person is in; may be given several times
  --password-stdin  read the password from stdin, up to the first line break
  --users FILE      the users file; else usersFile of the configuration, else the list in the configuration itself
  --config FILE     the gateway's configuration (SALLYPORT_CONFIG; sallyport.yaml)
  --json            print the list as JSON

Only a SCRAM-SHA-256 verifier is kept, never the password. A running gateway takes a changed users file over by itself.
`;

const OPTIONS = {
  group: { type: "string", multiple: true },
  "password-stdin": { type: "boolean" },
  replace: { type: "boolean" },
  users: { type: "string" },
  config: { type: "string" },
  json: { type: "boolean" },
} as const;
type Values = ReturnType<typeof readArguments<typeof OPTIONS>>["values"];

export async function userCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, OPTIONS);
  const [name, ...rest] = positionals;
  if (values.help === true || name === undefined) {
    io.stdout(USER_HELP);
    return values.help === true ? EXIT.ok : EXIT.usage;
  }
  return chooseCommand(name, { add, list, remove }, "sallyport user")(values, rest, io);
}

/** The file that holds the list, and whether it is the configuration itself. */
interface UsersFile {
  readonly path: string;
  readonly isConfig: boolean;
  readonly document: Document;
  /** Whether people write `[ a ]` there and not `[a]`. */
  readonly padded: boolean;
}

function openUsers(values: Values, io: Io): UsersFile {
  const { path, isConfig } = usersPath(values, io);
  const text = existsSync(path) ? readText(path) : "";
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault !== undefined)
    throw new UsageError(`${path}:${fault.linePos?.[0].line ?? 1}: ${fault.message.split("\n")[0]}`);
  if (document.contents === null) document.contents = new YAMLMap() as never;
  if (!isMap(document.contents)) throw new UsageError(`${path} is not a mapping with users`);
  return { path, isConfig, document, padded: /[[{] \S/.test(text) };
}

function usersPath(values: Values, io: Io): { path: string; isConfig: boolean } {
  if (values.users !== undefined) return { path: resolve(io.cwd, values.users), isConfig: false };
  const file = configPath(values.config, io);
  if (file === undefined) throw new UsageError(`there is no ${CONFIG_FILE} here: give --config or --users`);
  const { config, resolve: beside } = loadConfig(file);
  return config.usersFile === null
    ? { path: file, isConfig: true }
    : { path: beside(config.usersFile), isConfig: false };
}

function usersOf({ document, path }: UsersFile): YAMLSeq {
  const found: unknown = document.get("users", true);
  if (isSeq(found)) {
    // Flow style would put verifiers of 130 characters on one line.
    if (found.items.length === 0) found.flow = false;
    return found;
  }
  const isEmpty = found === undefined || (isScalar(found) && found.value === null);
  if (!isEmpty) throw new UsageError(`users of ${path} is not a list`);
  const made = new YAMLSeq();
  document.set("users", made);
  return made;
}

const nameOf = (item: unknown): unknown => (isMap(item) ? item.get("name") : undefined);

async function add(values: Values, rest: readonly string[], io: Io): Promise<number> {
  const name = onlyArgument(rest, "the user's name");

  if (/[\u0000-\u001f\u007f:]/.test(name) || name.length > 63)
    throw new UsageError("a name has at most 63 characters, without control characters and colons");
  const file = openUsers(values, io);
  const users = usersOf(file);
  const index = users.items.findIndex((item) => nameOf(item) === name);
  if (index >= 0 && values.replace !== true)
    throw new UsageError(`${name} is known already; --replace gives another password and groups`);
  if (index < 0 && values.replace === true) throw new UsageError(`there is no user ${name} to replace`);
  const password = await newPassword(values, name, io);
  const verifier = formatVerifier(await makeVerifier(password, randomBytes(SALT_BYTES)));
  const existing = users.items[index];
  if (isMap(existing)) {
    // Only what changes is touched, so that comments stay.
    if (values.group !== undefined) existing.set("groups", groupsNode(file.document, values.group));
    existing.set("scram", verifier);
  } else {
    const entry = file.document.createNode({ name, groups: [], scram: verifier });
    (entry as YAMLMap).set("groups", groupsNode(file.document, values.group ?? []));
    users.add(entry);
  }
  save(file);
  io.stdout(`${name} is ${index >= 0 ? "changed" : "added"} in ${file.path}\n`);
  return EXIT.ok;
}

function groupsNode(document: Document, groups: readonly string[]): YAMLSeq {
  const node = document.createNode([...new Set(groups)]) as YAMLSeq;
  node.flow = true;
  return node;
}

async function newPassword(values: Values, name: string, io: Io): Promise<string> {
  const password =
    values["password-stdin"] === true ? (await io.readStdin()).split(/\r?\n/, 1)[0]! : await askTwice(name, io);
  if (password === "") throw new UsageError("the password is empty");
  if (Buffer.byteLength(password) > PASSWORD_BYTES_MAX)
    throw new UsageError(`the password is longer than ${PASSWORD_BYTES_MAX} bytes`);
  return password;
}

async function askTwice(name: string, io: Io): Promise<string> {
  const first = await io.askSecret(`New password of ${name}: `);
  if (first === undefined) throw new UsageError("there is no terminal to ask for the password: use --password-stdin");
  if ((await io.askSecret("Once more: ")) !== first)
    throw new UsageError("the two passwords differ; nothing is changed");
  return first;
}

function remove(values: Values, rest: readonly string[], io: Io): number {
  const name = onlyArgument(rest, "the user's name");
  const file = openUsers(values, io);
  const users = usersOf(file);
  const index = users.items.findIndex((item) => nameOf(item) === name);
  if (index < 0) throw new UsageError(`there is no user ${name} in ${file.path}`);
  users.delete(index);
  save(file);
  io.stdout(`${name} is removed from ${file.path}; open sessions are not ended by that\n`);
  return EXIT.ok;
}

function list(values: Values, rest: readonly string[], io: Io): number {
  if (rest.length > 0) throw new UsageError(`${JSON.stringify(rest[0])} is one argument too many`);
  const file = openUsers(values, io);
  const text = String(file.document);
  const read = file.isConfig ? readConfig(text) : readUsers(text);
  if (!read.ok) throw new UsageError(faultsOf(file.path, read.error));
  const users = "users" in read.value ? read.value.users : read.value;
  const shown = users.map(({ name, groups, scram }) => ({ name, groups, password: scram !== null }));
  if (values.json === true) io.stdout(`${JSON.stringify({ users: shown }, null, 2)}\n`);
  else if (shown.length === 0) io.stdout(`${file.path} has no users yet\n`);
  else
    io.stdout(
      table(io, [
        ["NAME", "PASSWORD", "GROUPS"],
        ...shown.map((user) => [user.name, user.password ? "set" : "none", user.groups.join(", ")]),
      ]),
    );
  return EXIT.ok;
}

/** Puts the changed file in the place of the old one at once, after a check that the gateway will take it. */
function save({ path, isConfig, document, padded }: UsersFile): void {
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: padded });
  const read = isConfig ? readConfig(text) : readUsers(text);
  if (!read.ok)
    throw new UsageError(
      `the change is not made, for the gateway would not take the file:\n${faultsOf(path, read.error)}`,
    );
  // A link stays a link: what it points at is replaced.
  const real = existsSync(path) ? realpathSync(path) : path;
  const temporary = join(dirname(real), `.${randomBytes(6).toString("hex")}.users`);
  try {
    const handle = openSync(temporary, "wx", 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, real);
  } catch (fault) {
    rmSync(temporary, { force: true });
    throw new UsageError(`${path} can't be written: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
}
