import type { DetectorName } from "../../../spec/contract/bundle/index.ts";
import { trigger, type Trigger } from "./trigger-automaton.ts";
import type { Verify } from "./verify/candidate.ts";
import { verifyCard } from "./verify/cards.ts";
import { verifyEmail, verifyPhone } from "./verify/contact.ts";
import { verifyIban } from "./verify/iban.ts";
import { verifyAge, verifyPem, verifyPutty } from "./verify/keys.ts";
import {
  verifyCodiceFiscale,
  verifyCpf,
  verifyDni,
  verifyHetu,
  verifyNino,
  verifyNir,
  verifyPersonnummer,
  verifyPersonnummerLong,
  verifyPesel,
  verifySsn,
} from "./verify/national.ts";
import { TOKENS, verifyAzureSecret, verifyJwt, verifyToken } from "./verify/tokens.ts";

/** Something that begins a closer look: what the automaton finds, and what then decides. */
export interface Probe {
  readonly trigger: Trigger;
  readonly verify: Verify;
}

const probe = (text: string, verify: Verify): Probe => ({ trigger: trigger(text), verify });
/** Characters that mean something in a trigger, as they are. */
const literal = (text: string): string => [...text].map((one) => `[${one}]`).join("");
const digits = (count: number, separator: string): string => `[0-9]${`${separator}?[0-9]`.repeat(count - 1)}`;

/** The groups have no probes of their own. */
export const PROBES: Readonly<Record<Exclude<DetectorName, "national_id">, readonly Probe[]>> = {
  credit_card: [probe(digits(12, "[ -]"), verifyCard)],
  // More than the country and its check digits: "AB12" is in every second product code.
  iban: [probe("[A-Z]{2}[0-9]{2} ?[0-9A-Za-z]{4}", verifyIban)],
  us_ssn: [probe("[0-9]{3}-[0-9]{2}-[0-9]{4}", verifySsn), probe("[0-9]{3} [0-9]{2} [0-9]{4}", verifySsn)],
  uk_nino: [probe("[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]", verifyNino)],
  es_dni: [probe("[0-9]{8}[-]?[A-Za-z]", verifyDni), probe("[XYZxyz][-]?[0-9]{7}[-]?[A-Za-z]", verifyDni)],
  it_codice_fiscale: [probe("[A-Za-z]{6}[0-9]{2}[A-Za-z][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]", verifyCodiceFiscale)],
  // Any digit first: an automaton that remembered which ones were 1 or 2 would need a state for each set of them.
  fr_nir: [probe(digits(15, " "), verifyNir)],
  pl_pesel: [probe("[0-9]{11}", verifyPesel)],
  br_cpf: [probe("[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}", verifyCpf)],
  se_personnummer: [
    probe("[0-9]{6}[+-][0-9]{4}", verifyPersonnummer),
    probe("[0-9]{8}[+-][0-9]{4}", verifyPersonnummerLong),
  ],
  fi_hetu: [probe("[0-9]{6}[A-FU-Ya-fu-y+-][0-9]{3}[0-9A-Ya-y]", verifyHetu)],
  email: [
    { trigger: trigger("@[0-9A-Za-z]"), verify: verifyEmail },
    { trigger: highEmail(), verify: verifyEmail },
  ],
  phone: [probe("[+][0-9]{2}", verifyPhone)],
  private_key: [
    probe(literal("-----B"), verifyPem),
    probe(literal("PuTTY-"), verifyPutty),
    probe(literal("AGE-SE"), verifyAge),
  ],
  cloud_token: [
    ...TOKENS.map((shape) => probe(literal(shape.prefix.slice(0, shape.triggered)), verifyToken(shape))),
    probe("[0-9]Q~", verifyAzureSecret),
  ],
  jwt: [probe("eyJ", verifyJwt)],
};

/** An address whose domain begins with a character outside of ASCII. */
function highEmail(): Trigger {
  const high = new Set(Array.from({ length: 128 }, (_, i) => 128 + i));
  return [
    { bytes: new Set([0x40]), optional: false },
    { bytes: high, optional: false },
  ];
}
