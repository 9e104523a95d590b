import type { RunningGateway } from "../../cli/commands/serve.ts";

/** What people of the suite ask for; each protocol has its own way to say it. */
export type Asked = "allowed" | "denied" | "held" | "masked";

export interface Answer {
  /** The protocol's own word for how it went: an SQLSTATE, an exit code, an HTTP status. */
  readonly status: string;
  /** Everything that the client showed. */
  readonly shown: string;
}

/** One signed-in connection. Everything that is asked goes over it. */
export interface Session {
  ask(what: Asked): Promise<Answer>;
  close(): Promise<void>;
}

export interface OutcomesGateway {
  readonly running: RunningGateway;
  readonly folder: string;
  /** Signs the requester in. */
  open(): Promise<Session>;
  policy(text: string): Promise<void>;
  close(): Promise<void>;
}

/** What the suite needs of a protocol: a gateway in front of a real target, and a real client. */
export interface Driver {
  /** As policies call it. */
  readonly protocol: string;
  /** Something that it needs is not on this machine. */
  readonly missing: boolean;
  readonly requester: string;
  readonly approver: { readonly name: string; readonly groups: readonly string[] };
  /** Conditions of the rules, and the mask's own lines. */
  readonly rules: { readonly denied: string; readonly held: string; readonly mask: string };
  /** What is masked: text as the target has it. */
  readonly secret: string;
  /** How each end looks in this protocol. `lost`: the target can't be reached. */
  readonly status: {
    readonly ok: string;
    readonly denied: string;
    readonly unavailable: string;
    readonly lost: string;
  };
  /** Starts the target; answers its port. */
  begin(): Promise<number>;
  end(): Promise<void>;
  /** @param targetPort a way to the target that can be cut */
  start(policy: string, targetPort: number): Promise<OutcomesGateway>;
  /** How often what was asked has happened at the target. */
  happened(what: "denied" | "held"): number | Promise<number>;
}
