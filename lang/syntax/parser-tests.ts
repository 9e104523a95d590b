import type { IToken } from "chevrotain";
import {
  TEXT_FORMS,
  type Approver,
  type BoolLiteral,
  type Expectation,
  type Identifier,
  type IntLiteral,
  type Item,
  type MaskSpecNode,
  type Path,
  type StringLiteral,
  type TestEntry,
  type TestText,
} from "../ast/index.ts";
import { ClauseRules } from "./parser-clauses.ts";
import { Int, K, M, Name, Text, Word } from "./tokens.ts";

const FORM_TOKENS = [K.sql, K.ssh, K.kubectl];

/** `test "…" { … }`. */
export class TestRules extends ClauseRules {
  readonly testDecl = this.RULE("test block", (): Item => {
    const start = this.here();
    this.CONSUME(K.test);
    const name = this.CONSUME(Text);
    this.CONSUME(M.leftBrace);
    const entries: TestEntry[] = [];
    this.MANY(() => {
      const entry = this.SUBRULE(this.testEntry);
      if (entry !== undefined) entries.push(entry);
    });
    this.CONSUME(M.rightBrace);
    return this.ACTION(() => ({ kind: "test", name: this.string(name), entries, span: this.since(start) }));
  });

  readonly testEntry = this.RULE("test entry", (): TestEntry | undefined =>
    this.OR([
      { ALT: () => this.SUBRULE(this.userEntry) },
      { ALT: () => this.SUBRULE(this.targetEntry) },
      { ALT: () => this.SUBRULE(this.namedText) },
      { ALT: () => this.SUBRULE(this.forEntry) },
      { ALT: () => this.SUBRULE(this.textEntry) },
      { ALT: () => this.SUBRULE(this.httpEntry) },
      { ALT: () => this.SUBRULE(this.toolEntry) },
      { ALT: () => this.SUBRULE(this.factsEntry) },
      { ALT: () => this.SUBRULE(this.expectEntry) },
    ]),
  );

  readonly testText = this.RULE("text or name", (): TestText =>
    this.OR([
      {
        ALT: () => {
          const t = this.CONSUME(Text);
          return this.ACTION(() => this.string(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(Name);
          return this.ACTION(() => ({
            kind: "variable" as const,
            name: this.identifier(t),
            span: this.spanOf(t),
          }));
        },
      },
    ]),
  );

  readonly userEntry = this.RULE("user entry", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.user);
    const name = this.orText(this.SUBRULE(this.testText));
    const groups: TestText[] = [];
    this.OPTION(() => {
      this.CONSUME(K.in);
      this.AT_LEAST_ONE_SEP({
        SEP: M.comma,
        DEF: () => {
          const group = this.SUBRULE1(this.testText);
          if (group !== undefined) groups.push(group);
        },
      });
    });
    return this.ACTION(() => ({ kind: "user" as const, name, groups, span: this.since(start) }));
  });

  readonly targetEntry = this.RULE("target entry", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.target);
    const name = this.orText(this.SUBRULE(this.testText));
    const labels: { key: Identifier; value: TestText }[] = [];
    this.OPTION(() => {
      this.CONSUME(M.leftBrace);
      this.MANY_SEP({
        SEP: M.comma,
        DEF: () => {
          const key = this.CONSUME(Word);
          this.CONSUME(M.colon);
          const value = this.orText(this.SUBRULE1(this.testText));
          this.ACTION(() => labels.push({ key: this.identifier(key), value }));
        },
      });
      this.CONSUME(M.rightBrace);
    });
    return this.ACTION(() => ({ kind: "target" as const, name, labels, span: this.since(start) }));
  });

  readonly namedText = this.RULE("schema or time", (): TestEntry => {
    const start = this.here();
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.schema);
          const t = this.CONSUME(Text);
          return this.ACTION(() => ({ kind: "schema" as const, path: this.string(t), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.time);
          const t = this.CONSUME1(Text);
          return this.ACTION(() => ({ kind: "time" as const, text: this.string(t), span: this.since(start) }));
        },
      },
    ]);
  });

  /** `for who in […]` names each text; `for sql in […]` is each action. */
  readonly forEntry = this.RULE("table", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.for);
    const variable = this.CONSUME(Name);
    this.CONSUME(K.in);
    this.CONSUME(M.leftBracket);
    const values: StringLiteral[] = [];
    this.MANY_SEP({
      SEP: M.comma,
      DEF: () => {
        const t = this.CONSUME(Text);
        this.ACTION(() => values.push(this.string(t)));
      },
    });
    this.CONSUME(M.rightBracket);
    return this.ACTION((): TestEntry => {
      const form = TEXT_FORMS.find((known) => known === variable.image);
      const span = this.since(start);
      return form === undefined
        ? { kind: "for", variable: this.identifier(variable), values, span }
        : { kind: "text", form, texts: values, span };
    });
  });

  readonly textEntry = this.RULE("action", (): TestEntry => {
    const start = this.here();
    const token = this.OR(FORM_TOKENS.map((one) => ({ ALT: () => this.CONSUME(one) })));
    const text = this.orText(this.SUBRULE(this.testText));
    return this.ACTION(() => ({
      kind: "text" as const,
      form: TEXT_FORMS.find((known) => known === token.image) ?? "sql",
      texts: [text],
      span: this.since(start),
    }));
  });

  readonly httpEntry = this.RULE("request", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.http);
    const method = this.CONSUME(Word);
    const path = this.orText(this.SUBRULE(this.testText));
    const headers: { name: StringLiteral; value: TestText }[] = [];
    let body: TestText | null = null;
    this.OPTION(() => {
      this.CONSUME(M.leftBrace);
      this.MANY(() => {
        this.OR([
          {
            ALT: () => {
              this.CONSUME(K.header);
              const name = this.CONSUME(Text);
              this.CONSUME(M.colon);
              const value = this.orText(this.SUBRULE1(this.testText));
              this.ACTION(() => headers.push({ name: this.string(name), value }));
            },
          },
          {
            ALT: () => {
              this.CONSUME(K.body);
              body = this.orText(this.SUBRULE2(this.testText));
            },
          },
        ]);
      });
      this.CONSUME(M.rightBrace);
    });
    return this.ACTION(() => ({
      kind: "http" as const,
      method: this.identifier(method),
      path,
      headers,
      body,
      span: this.since(start),
    }));
  });

  readonly toolEntry = this.RULE("tool call", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.tool);
    const name = this.orText(this.SUBRULE(this.testText));
    const args: { key: Identifier; value: TestText | IntLiteral | BoolLiteral }[] = [];
    this.OPTION(() => {
      this.CONSUME(M.leftBrace);
      this.MANY_SEP({
        SEP: M.comma,
        DEF: () => {
          const key = this.CONSUME(Word);
          this.CONSUME(M.colon);
          const value = this.OR([
            { ALT: () => this.SUBRULE(this.literal) },
            {
              ALT: () => {
                const t = this.CONSUME(Name);
                return this.ACTION(() => ({
                  kind: "variable" as const,
                  name: this.identifier(t),
                  span: this.spanOf(t),
                }));
              },
            },
          ]);
          this.ACTION(() => args.push({ key: this.identifier(key), value: value ?? this.orText(undefined) }));
        },
      });
      this.CONSUME(M.rightBrace);
    });
    return this.ACTION(() => ({ kind: "tool" as const, name, args, span: this.since(start) }));
  });

  readonly factsEntry = this.RULE("facts entry", (): TestEntry => {
    const start = this.here();
    this.CONSUME(K.facts);
    this.CONSUME(M.leftBrace);
    const facts: Extract<TestEntry, { kind: "facts" }>["facts"][number][] = [];
    this.MANY_SEP({
      SEP: M.comma,
      DEF: () => {
        const path = this.SUBRULE(this.factPath) as Path | undefined;
        this.CONSUME(M.colon);
        const value = this.SUBRULE(this.postfix);
        this.ACTION(() => {
          if (path !== undefined) facts.push({ path, value: this.orMissing(value) });
        });
      },
    });
    this.CONSUME(M.rightBrace);
    return this.ACTION(() => ({ kind: "facts" as const, facts, span: this.since(start) }));
  });

  readonly factPath = this.RULE("fact", (): Path => {
    const from = this.here();
    const parts: Identifier[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.dot,
      DEF: () => {
        const part = this.CONSUME(Word);
        this.ACTION(() => parts.push(this.identifier(part)));
      },
    });
    return this.ACTION(() => ({ kind: "path" as const, parts, span: this.since(from) }));
  });

  /** Nothing when it could not be read what is expected. */
  readonly expectEntry = this.RULE("expect entry", (): TestEntry | undefined => {
    const start = this.here();
    this.CONSUME(K.expect);
    const expectation = this.SUBRULE(this.expectation) as Expectation | undefined;
    return this.ACTION(() =>
      expectation === undefined ? undefined : { kind: "expect" as const, expectation, span: this.since(start) },
    );
  });

  readonly byRule = this.RULE("by rule", (): Identifier => {
    this.CONSUME(K.by);
    const name = this.CONSUME(Name);
    return this.ACTION(() => this.identifier(name));
  });

  readonly expectation = this.RULE("expectation", (): Expectation => {
    const start = this.here();
    let by: Identifier | null = null;
    return this.OR([
      {
        ALT: () => {
          const verdict = this.OR1([
            { ALT: () => this.CONSUME(K.allow) },
            { ALT: () => this.CONSUME(K.deny) },
            { ALT: () => this.CONSUME(K.approve) },
          ]);
          this.OPTION(() => {
            by = this.SUBRULE(this.byRule);
          });
          return this.ACTION(() => ({
            kind: "verdict" as const,
            verdict: verdict.image as "allow" | "deny" | "approve",
            by: by ?? null,
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.masked);
          const column = this.CONSUME(Word);
          let mask: MaskSpecNode | null = null;
          this.OPTION1(() => {
            by = this.SUBRULE1(this.byRule);
          });
          this.OPTION2(() => {
            this.CONSUME(K.with);
            mask = this.SUBRULE(this.maskSpec);
          });
          return this.ACTION(() => ({
            kind: "masked" as const,
            column: this.identifier(column),
            by: by ?? null,
            mask: mask ?? null,
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.plain);
          const column = this.CONSUME1(Word);
          return this.ACTION(() => ({
            kind: "plain-column" as const,
            column: this.identifier(column),
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.limit);
          const n = this.CONSUME(Int);
          const unit = this.OR2([{ ALT: () => this.CONSUME(K.rows) }, { ALT: () => this.CONSUME(K.bytes) }]);
          return this.ACTION(() => ({
            kind: "limit" as const,
            count: this.int(n),
            unit: unit.image === "bytes" ? ("bytes" as const) : ("rows" as const),
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.because);
          const t = this.CONSUME(Text);
          return this.ACTION(() => ({ kind: "message" as const, text: this.string(t), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.approvers);
          const approvers: Approver[] = this.SUBRULE(this.approvers);
          let quorum: IToken | null = null;
          this.OPTION3(() => {
            this.CONSUME(K.quorum);
            quorum = this.CONSUME1(Int);
          });
          return this.ACTION(() => ({
            kind: "approvers" as const,
            approvers: approvers ?? [],
            quorum: quorum === null ? null : this.int(quorum),
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          let matched = true;
          this.OPTION4(() => {
            this.CONSUME(K.not);
            matched = false;
          });
          this.CONSUME(K.matched);
          const rule = this.CONSUME(Name);
          return this.ACTION(() => ({
            kind: "matched" as const,
            rule: this.identifier(rule),
            matched,
            span: this.since(start),
          }));
        },
      },
    ]);
  });
}
