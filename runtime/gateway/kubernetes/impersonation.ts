import type { Identity } from "../../identity/index.ts";
import type { Field } from "../../protocols/http/index.ts";

export interface ImpersonationSettings {
  /** Put before every user's and every group's name, so that the cluster tells them from its own. */
  readonly userPrefix: string;
  readonly groupPrefix: string;
}

/** Names of the API server's own accounts and groups: nobody gets those from a directory. */
const SYSTEM = "system:";

/** A name as a field's value: UTF-8, one byte for each character. Null: it would come out as another name. */
const asValue = (name: string): string | null =>
  name === "" || name.trim() !== name || /[\0-\x1f\x7f]/.test(name) ? null : Buffer.from(name).toString("latin1");

/**
 * The fields by which the API server is told for whom the gateway asks: user, groups, and the session (and, when there is one,
 * the approval) as extras, which its audit log keeps.
 *
 * @returns in words why nobody can be named so
 */
export function impersonation(
  identity: Identity,
  session: string,
  decision: number,
  settings: ImpersonationSettings,
): readonly Field[] | string {
  const user = asValue(settings.userPrefix + identity.name);
  if (user === null) return `the name ${JSON.stringify(identity.name)} can't be told to the cluster`;
  if (user.startsWith(SYSTEM)) return "names that begin with system: are the cluster's own";
  const fields: Field[] = [["impersonate-user", user]];
  for (const group of identity.groups) {
    const value = asValue(settings.groupPrefix + group);
    if (value === null) return `the group ${JSON.stringify(group)} can't be told to the cluster`;
    // A directory's group of such a name would be one of the cluster's, system:masters too.
    if (value.startsWith(SYSTEM)) return `the group ${JSON.stringify(group)} has a name of the cluster's own`;
    fields.push(["impersonate-group", value]);
  }
  fields.push(
    ["impersonate-extra-sallyport-session", session],
    ["impersonate-extra-sallyport-decision", `${session}.${decision}`],
  );
  return fields;
}
