import { createHash, timingSafeEqual } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import type { Clock } from "../outside/index.ts";
import type { Directory, Identity } from "./directory.ts";
import { TOKEN_BYTES_MAX } from "./limits.ts";
import type { WebSessions } from "./web-session.ts";

/** A service with a token of its own. */
export interface ServiceToken {
  readonly name: string;
  readonly groups: readonly string[];
  /** SHA-256 of the token, in hex. */
  readonly sha256: string;
  readonly expiresAt: number;
}

/** How service tokens begin, so that they are not taken for an issuer's, and are found in places where they should not be. */
export const SERVICE_TOKEN_PREFIX = "spt_";

/** What a request shows of who sends it. */
export interface WebCredentials {
  /** Values of the identity fields that the client gave, with the fields' names. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The gateway's own cookie. */
  readonly cookie: string | null;
  /** Name in a client certificate that a trusted authority signed, with when it ends; null when none was shown. */
  readonly certificate: { readonly name: string; readonly expiresAt: number } | null;
  /** Address of the client, for holding off who guesses. */
  readonly from: string;
  /** Nobody between can read it: TLS, or a client on this machine. */
  readonly private: boolean;
}

/** Why nobody was found. `none`: nothing was shown; `refused`: what was shown is not good. */
export interface NoIdentity {
  readonly kind: "none" | "refused";
  readonly why: string;
  /** The identity field that was refused, for the challenge. */
  readonly field: string | null;
}

const HELD_OFF = "too many failed sign-ins; wait a minute";

const refused = (why: string, field: string | null): { readonly ok: false; readonly error: NoIdentity } =>
  err({ kind: "refused", why, field });

/**
 * Finds out who sends a request: by a field with a bearer token of an issuer, a service token or a password, else by the
 * cookie of a browser sign-in, else by a client certificate. What is shown and not good is refused: nothing else is tried.
 */
export class WebIdentities {
  readonly #directory: Directory;
  readonly #sessions: WebSessions;
  readonly #clock: Clock;
  readonly #services: readonly (ServiceToken & { readonly digest: Buffer })[];

  constructor(directory: Directory, sessions: WebSessions, services: readonly ServiceToken[], clock: Clock) {
    this.#directory = directory;
    this.#sessions = sessions;
    this.#clock = clock;
    this.#services = services.map((one) => ({ ...one, digest: Buffer.from(one.sha256, "hex") }));
  }

  async find(shown: WebCredentials): Promise<Result<Identity, NoIdentity>> {
    const [first, second] = shown.fields;
    if (second !== undefined) return refused(`both ${first![0]} and ${second[0]} say who you are; send one`, second[0]);
    if (first !== undefined) return this.#byField(first[0], first[1], shown);
    if (shown.cookie !== null) {
      const found = await this.#sessions.read(shown.cookie);
      // An old cookie is as none: the browser is led to sign in again.
      return found === null ? err({ kind: "none", why: "the browser's sign-in has ended", field: null }) : ok(found);
    }
    if (shown.certificate !== null) return this.#byCertificate(shown.certificate);
    return err({ kind: "none", why: "nothing says who you are", field: null });
  }

  #byCertificate({ name, expiresAt }: NonNullable<WebCredentials["certificate"]>): Result<Identity, NoIdentity> {
    const user = this.#directory.user(name);
    if (user === undefined)
      return refused(`the certificate is of ${JSON.stringify(name)}, who is not known here`, null);
    return ok({ name, groups: user.groups, method: "certificate", issuer: null, expiresAt });
  }

  async #byField(field: string, value: string, shown: WebCredentials): Promise<Result<Identity, NoIdentity>> {
    if (!shown.private) return refused("tokens and passwords are taken over TLS only", field);
    const match = /^(Bearer|Basic) +([A-Za-z0-9\-._~+/]+=*)$/i.exec(value);
    if (match === null || value.length > TOKEN_BYTES_MAX)
      return refused(`${field} is not Bearer and a token, nor Basic and a name with a password`, field);
    if (match[1]!.toLowerCase() === "basic") return this.#byPassword(field, match[2]!, shown.from);
    const key = `from ${shown.from}`;
    if (this.#directory.isHeldOff(key)) return refused(HELD_OFF, field);
    const token = match[2]!;
    const found = token.startsWith(SERVICE_TOKEN_PREFIX)
      ? this.#byServiceToken(token)
      : await this.#directory.byToken(null, token);
    if (!found.ok) {
      this.#directory.noteFailure(key);
      return refused(found.error, field);
    }
    return ok(found.value);
  }

  #byServiceToken(token: string): Result<Identity, string> {
    const digest = createHash("sha256").update(token).digest();
    const found = this.#services.find(
      (one) => one.digest.length === digest.length && timingSafeEqual(one.digest, digest),
    );
    if (found === undefined) return err("the service token is not known");
    if (found.expiresAt <= this.#clock.now()) return err("the service token has expired");
    return ok({ name: found.name, groups: found.groups, method: "token", issuer: null, expiresAt: found.expiresAt });
  }

  async #byPassword(field: string, encoded: string, from: string): Promise<Result<Identity, NoIdentity>> {
    const text = Buffer.from(encoded, "base64").toString("utf8");
    const colon = text.indexOf(":");
    const found = await this.byPassword(text.slice(0, Math.max(0, colon)), text.slice(colon + 1), from);
    return found.ok ? found : refused(found.error, field);
  }

  /** Who knows the password of a name; whoever guesses is held off, by name and by address. */
  async byPassword(name: string, password: string, from: string): Promise<Result<Identity, string>> {
    const keys = [`user ${name}`, `from ${from}`];
    const heldOff = (): boolean => keys.some((key) => this.#directory.isHeldOff(key));
    if (heldOff()) return err(HELD_OFF);
    const found = name === "" ? null : await this.#directory.checkPassword(name, password);
    // Many guesses at once all got this far; those that come behind the failures of others learn nothing.
    if (heldOff()) return err(HELD_OFF);
    if (found !== null) {
      this.#directory.noteSuccess(keys[0]!);
      return ok(found);
    }
    for (const key of keys) this.#directory.noteFailure(key);
    return err("the name or password is wrong");
  }
}
