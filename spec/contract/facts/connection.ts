import { ADDRESS, BOOL, DURATION, STRING, TIME, enumOf, fact, mapOf, setOf, type Fact } from "./schema.ts";

export const AUTH_METHODS = ["password", "token", "certificate", "key", "web"] as const;
export type AuthMethod = (typeof AUTH_METHODS)[number];

/** Facts that every protocol supplies. `user` is who the gateway authenticated, never what the client claims. */
export const CONNECTION_FACTS = [
  fact("user.name", STRING, "session", "The authenticated person or service."),
  fact("user.groups", setOf(STRING), "session", "The groups the user is in, as the gateway's directory or token says."),
  fact("user.auth_method", enumOf("AuthMethod", AUTH_METHODS), "session", "How the user signed in."),
  fact("user.agent", STRING, "session", "The agent that acts for the user.", "optional"),
  fact("user.acting_as", STRING, "session", "The person for whom an agent or service acts.", "optional"),
  fact("target.name", STRING, "session", "The target's name in the gateway's configuration."),
  fact("target.labels", mapOf(STRING), "session", "The target's labels; a label that is not set equals nothing."),
  fact("client.address", ADDRESS, "session", "The address the client connected from."),
  fact("client.tls", BOOL, "session", "Whether the client's connection is encrypted."),
  fact("client.application", STRING, "session", "What the client calls itself; not to be trusted.", "optional"),
  fact("session.id", STRING, "session", "The session's identifier, as the record has it."),
  fact("session.started", TIME, "session", "When the session began."),
  fact("session.age", DURATION, "execution", "How long the session has been open."),
  fact("time", TIME, "execution", "The time of the decision, as the gateway's clock has it."),
] as const satisfies readonly Fact[];
