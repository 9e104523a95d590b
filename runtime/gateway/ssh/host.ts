import type { ActiveBundle } from "../../bundle/index.ts";
import type { Alerts } from "../../enforce/alert/index.ts";
import type { Approvals } from "../../enforce/approve/index.ts";
import type { Rates } from "../../enforce/limit/index.ts";
import type { Directory, SshTrust } from "../../identity/index.ts";
import type { Clock, Random, RecordingStore } from "../../outside/index.ts";
import type { Recorder } from "../../record/index.ts";
import type { SshAuthority } from "./authority.ts";
import type { BrowserDoor } from "./browser.ts";
import type { SshSettings } from "./config.ts";
import type { HostKey } from "./host-key.ts";
import type { SshTarget } from "./upstream.ts";

/** What the SSH side is made of: its part of the configuration with its files read. */
export interface SshParts {
  readonly settings: SshSettings;
  readonly targets: readonly SshTarget[];
  readonly hostKey: HostKey;
  /** For the targets without a key of their own. */
  readonly authority: SshAuthority;
  /** As it is now: a changed revocation list counts at the next sign-in. */
  readonly trust: () => SshTrust;
  readonly recordings: RecordingStore;
}

/** What SSH connections need of the gateway. */
export interface SshHost {
  readonly ssh: SshParts;
  readonly bundles: ActiveBundle;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly rates: Rates;
  readonly alerts: Alerts;
  /** Null: nobody signs in through a browser. */
  readonly browser: BrowserDoor | null;
  readonly parts: {
    readonly config: {
      readonly limits: { readonly handshakeMs: number };
      readonly approvals: { readonly noticeEveryMs: number };
    };
    readonly directory: Directory;
    readonly clock: Clock;
    readonly random: Random;
    readonly secret: Buffer;
    readonly howToGrant: (id: string) => string;
    readonly say: (line: string) => void;
  };
  refusedSignIn(user: string, from: string, why: string): void;
}
