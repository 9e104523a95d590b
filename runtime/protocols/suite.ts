import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ActionHost, Outcome, Ruling, SqlAction, Ticket, Wire } from "./protocol.ts";

/** One side's bytes of a conversation, up to where the other side speaks. */
export interface Step {
  readonly from: "client" | "server";
  readonly bytes: Buffer;
}

export interface Conversation {
  readonly title: string;
  readonly steps: readonly Step[];
}

/** A signed-in session of the protocol under test. */
export interface SuiteSession {
  fromClient(bytes: Buffer): void;
  fromServer(bytes: Buffer): void;
  serverGone(): void;
}

/** What a protocol tells the suite of itself. */
export interface Subject {
  readonly name: string;
  /**
   * `bytes`: the protocol frames by itself, and must not mind how they are cut. `messages`: a library owns the transport and
   * hands whole messages in; each step is then handed in as it is.
   */
  readonly delivery: "bytes" | "messages";
  start(host: ActionHost, wire: Wire): SuiteSession;
  /** Whole conversations of real clients and servers. */
  readonly conversations: readonly Conversation[];
  /** Lets an action pass, masked or in clear, as the policy of the samples says. */
  readonly permit: (action: SqlAction, masked: boolean) => Ruling;
  /** Texts that stand only in masked values. */
  readonly secrets: readonly string[];
  /** Titles of conversations in which a mask finds something to hide. */
  readonly maskable: readonly string[];
  /** An action that is refused: what the client sends for it, text that must never reach the server, and how a refusal looks. */
  readonly refusal: {
    readonly request: Buffer;
    readonly marker: string;
    readonly shows: (toClient: Buffer) => boolean;
  };
  /** A conversation that works in any idle session. */
  readonly afterwards: Conversation;
  /** What no honest peer sends: each must end the session. */
  readonly hostile: readonly (Step & { readonly title: string })[];
  /** The whole messages that a side's bytes begin with. */
  readonly messages: (from: Step["from"], bytes: Buffer) => readonly Buffer[];
}

type Judge = (action: SqlAction) => Ruling | Promise<Ruling>;

/** Host and wire of one session: everything that happened, in order. */
class Witness implements ActionHost, Wire {
  readonly wantsSamples = true;
  readonly events: string[] = [];
  readonly #up: Buffer[] = [];
  readonly #down: Buffer[] = [];
  readonly tickets = new Map<Ticket, Outcome[]>();
  ended: string | null = null;
  judge: (action: SqlAction) => Ruling | Promise<Ruling>;

  constructor(judge: Judge) {
    this.judge = (action) => {
      this.events.push(`${action.phase} ${action.text.toString("latin1")}`);
      const ruling = judge(action);
      if (!(ruling instanceof Promise)) this.#granted(action, ruling);
      else
        void ruling.then(
          (answer) => this.#granted(action, answer),
          () => undefined,
        );
      return ruling;
    };
  }
  #granted(action: SqlAction, ruling: Ruling): void {
    // What is only prepared has no outcome of its own.
    if (ruling.go && action.phase !== "parse") this.tickets.set(ruling.ticket, []);
  }
  finished(ticket: Ticket, outcome: Outcome): void {
    this.events.push(JSON.stringify(outcome));
    this.tickets.get(ticket)?.push(outcome);
  }
  withdraw(): void {}
  setting(): null {
    return null;
  }

  shownSetting(_name: string, value: string): string {
    return value;
  }
  toClient(bytes: Buffer): void {
    this.#down.push(Buffer.from(bytes));
  }
  toServer(bytes: Buffer): void {
    expect(this.ended, "nothing goes upstream after the end").toBe(null);
    this.#up.push(Buffer.from(bytes));
  }
  cancelUpstream(): void {}
  close(why: string): void {
    this.ended ??= why;
  }
  get seenByServer(): Buffer {
    return Buffer.concat(this.#up);
  }
  get seenByClient(): Buffer {
    return Buffer.concat(this.#down);
  }
}

/** Cuts the bytes of both sides at these places, counted over the whole conversation. */
function cut(steps: readonly Step[], places: readonly number[]): readonly Step[] {
  const wanted = new Set(places);
  const pieces: Step[] = [];
  let passed = 0;
  for (const { from, bytes } of steps) {
    let start = 0;
    for (let at = 1; at < bytes.length; at++) {
      if (!wanted.has(passed + at)) continue;
      pieces.push({ from, bytes: bytes.subarray(start, at) });
      start = at;
    }
    pieces.push({ from, bytes: bytes.subarray(start) });
    passed += bytes.length;
  }
  return pieces;
}

const lengthOf = (steps: readonly Step[]): number => steps.reduce((sum, step) => sum + step.bytes.length, 0);
const joined = (steps: readonly Step[], from: Step["from"]): Buffer =>
  Buffer.concat(steps.filter((step) => step.from === from).map((step) => step.bytes));

/**
 * What a protocol of statements must pass on its wire, whatever either side sends and however it is cut. Called from the
 * tests of each. What people get of all protocols, SSH and HTTP too, is `test/outcomes/suite.ts`.
 */
export function protocolSuite(subject: Subject): void {
  const begin = (judge: Judge): { readonly witness: Witness; readonly session: SuiteSession } => {
    const witness = new Witness(judge);
    return { witness, session: subject.start(witness, witness) };
  };
  const hand = (session: SuiteSession, { from, bytes }: Step): void => {
    // A copy: memory that is read into again must not change what was kept of it.
    const own = Buffer.from(bytes);
    if (from === "client") session.fromClient(own);
    else session.fromServer(own);
  };
  const run = (steps: readonly Step[], judge: Judge): Witness => {
    const { witness, session } = begin(judge);
    for (const step of steps) hand(session, step);
    return witness;
  };
  const permit =
    (masked: boolean): Judge =>
    (action) =>
      subject.permit(action, masked);
  const summary = (witness: Witness): unknown => ({
    events: witness.events,
    up: witness.seenByServer.toString("latin1"),
    down: witness.seenByClient.toString("latin1"),
    ended: witness.ended,
  });
  const all = subject.conversations;
  const masked = all.filter(({ title }) => subject.maskable.includes(title));

  describe(`${subject.name}: recorded conversations`, () => {
    it.each(all.map((one) => [one.title, one] as const))("%s passes as it is", (_title, { steps }) => {
      const witness = run(steps, permit(false));
      expect(witness.seenByServer.toString("latin1")).toBe(joined(steps, "client").toString("latin1"));
      expect(witness.seenByClient.toString("latin1")).toBe(joined(steps, "server").toString("latin1"));
      for (const outcomes of witness.tickets.values()) expect(outcomes).toHaveLength(1);
    });

    it.each(masked.map((one) => [one.title, one] as const))("%s is masked whole", (_title, { steps }) => {
      const witness = run(steps, permit(true));
      const [before, after] = [joined(steps, "server"), witness.seenByClient];
      for (const secret of subject.secrets) {
        expect(after.includes(secret)).toBe(false);
        expect(witness.events.join()).not.toContain(secret);
      }
      expect(subject.secrets.some((secret) => before.includes(secret))).toBe(true);
      const [plain, hidden] = [subject.messages("server", before), subject.messages("server", after)];
      expect(hidden.length).toBe(plain.length);
      expect(Buffer.concat(hidden)).toEqual(after);
      for (const outcomes of witness.tickets.values()) expect(outcomes).toHaveLength(1);
    });

    if (subject.delivery === "bytes") {
      const modes = [...all.map((one) => [one, false] as const), ...masked.map((one) => [one, true] as const)].map(
        ([one, hides]) => [hides ? `${one.title}, masked,` : one.title, one, hides] as const,
      );
      it.each(modes)("%s is the same cut at every byte", (_title, { steps }, hides) => {
        const whole = summary(run(steps, permit(hides)));
        const length = lengthOf(steps);
        for (let at = 1; at < length; at++) expect(summary(run(cut(steps, [at]), permit(hides)))).toEqual(whole);
        const everywhere = Array.from({ length }, (_, at) => at);
        expect(summary(run(cut(steps, everywhere), permit(hides)))).toEqual(whole);
      });

      it.each(modes)("%s is the same cut anywhere", (_title, { steps }, hides) => {
        const whole = summary(run(steps, permit(hides)));
        const places = fc.array(fc.nat(lengthOf(steps)), { maxLength: 60 });
        fc.assert(
          fc.property(places, (cuts) => {
            expect(summary(run(cut(steps, cuts), permit(hides)))).toEqual(whole);
          }),
          { numRuns: 30 },
        );
      });
    }
  });

  describe(`${subject.name}: decisions`, () => {
    const { request, marker, shows } = subject.refusal;
    const refused: Ruling = { go: false, refusal: { kind: "policy", message: "refused" } };

    it("refuses so that the client understands and goes on", () => {
      const { witness, session } = begin((action) =>
        action.text.includes(marker) ? refused : subject.permit(action, false),
      );
      session.fromClient(Buffer.from(request));
      expect(shows(witness.seenByClient)).toBe(true);
      expect(witness.seenByServer.includes(marker)).toBe(false);
      const told = witness.seenByClient.length;
      for (const step of subject.afterwards.steps) hand(session, step);
      expect(witness.ended).toBe(null);
      expect(witness.seenByClient.subarray(told)).toEqual(joined(subject.afterwards.steps, "server"));
    });

    it("sends nothing while it is undecided, and then all of it in order", async () => {
      const { promise, resolve } = Promise.withResolvers<Ruling>();
      let asked: SqlAction | null = null;
      const { witness, session } = begin((action) => {
        if (asked !== null) return subject.permit(action, false);
        asked = action;
        return promise;
      });
      const [first, ...rest] = subject.afterwards.steps;
      hand(session, first!);
      // More of the client, while it waits.
      hand(session, first!);
      expect(asked).not.toBe(null);
      expect(witness.seenByServer.length).toBe(0);
      resolve(subject.permit(asked!, false));
      await promise;
      await Promise.resolve();
      expect(witness.seenByServer).toEqual(Buffer.concat([first!.bytes, first!.bytes]));
      for (const step of rest) hand(session, step);
      expect(witness.ended).toBe(null);
    });

    it("sends nothing when the decision comes after the end, or never, and is not troubled by a failed one", async () => {
      const { promise, resolve } = Promise.withResolvers<Ruling>();
      let asked: SqlAction | null = null;
      const { witness, session } = begin((action) => {
        asked = action;
        return promise;
      });
      hand(session, subject.afterwards.steps[0]!);
      expect(asked).not.toBe(null);
      hand(
        session,
        subject.hostile.find(({ from }) => from === "server")!,
      );
      const seen = witness.seenByServer.length;
      resolve(subject.permit(asked!, false));
      await promise;
      await Promise.resolve();
      expect(witness.ended).not.toBe(null);
      expect(witness.seenByServer.length).toBe(seen);

      const failing = begin(() => Promise.reject(new Error("the engine is gone")));
      hand(failing.session, subject.afterwards.steps[0]!);
      await new Promise((settled) => setImmediate(settled));
      expect(failing.witness.seenByServer.length).toBe(0);
      expect(shows(failing.witness.seenByClient) || failing.witness.seenByClient.length > 0).toBe(true);
    });

    it("each decision has one outcome, whenever the server goes away", () => {
      for (const { steps } of all) {
        const whole = cut(steps, [1, 7, 60, 200, 500]);
        for (let count = 0; count <= whole.length; count++) {
          const { witness, session } = begin(permit(false));
          for (const step of whole.slice(0, count)) hand(session, step);
          session.serverGone();
          for (const outcomes of witness.tickets.values()) expect(outcomes).toHaveLength(1);
        }
      }
    });
  });

  describe(`${subject.name}: hostile peers`, () => {
    it.each(subject.hostile.map((one) => [one.title, one] as const))("%s ends the session", (_title, step) => {
      const { witness, session } = begin(permit(true));
      hand(session, step);
      expect(witness.ended).not.toBe(null);
      // And whatever comes after it changes nothing.
      const before = summary(witness);
      for (const next of subject.afterwards.steps) hand(session, next);
      expect(summary(witness)).toEqual(before);
    });

    const pieces = all.flatMap(({ steps }) =>
      steps.flatMap(({ from, bytes }) => subject.messages(from, bytes).map((one) => ({ from, bytes: one }))),
    );
    const anyStep = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...pieces) },
      {
        weight: 2,
        arbitrary: fc.record({
          from: fc.constantFrom("client" as const, "server" as const),
          bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
        }),
      },
      { weight: 1, arbitrary: fc.constant<Step>({ from: "client", bytes: subject.refusal.request }) },
      // A message with a few of its bytes changed.
      {
        weight: 3,
        arbitrary: fc
          .tuple(
            fc.constantFrom(...pieces),
            fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 3 }),
          )
          .map(([step, changes]) => {
            const bytes = Buffer.from(step.bytes);
            for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
            return { from: step.from, bytes };
          }),
      },
    );

    it("fuzz: any input in any state gives a state", () => {
      const { marker } = subject.refusal;
      const refused: Ruling = { go: false, refusal: { kind: "policy", message: "refused" } };
      fc.assert(
        fc.property(fc.array(anyStep, { maxLength: 40 }), fc.boolean(), (steps, hides) => {
          const { witness, session } = begin((action) =>
            action.text.includes(marker) ? refused : subject.permit(action, hides),
          );
          for (const step of steps) hand(session, step);
          session.serverGone();
          for (const outcomes of witness.tickets.values()) expect(outcomes.length).toBeLessThanOrEqual(1);
          const reached = subject.messages("client", witness.seenByServer);
          expect(reached.some((message) => message.equals(subject.refusal.request))).toBe(false);
        }),
        { numRuns: 400 },
      );
    });
  });
}
