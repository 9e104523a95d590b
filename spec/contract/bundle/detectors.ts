/**
 * The detectors that every gateway has, one row each: what `values detect [ … ]` may name beside the detectors that a
 * policy declares itself. Checker, completion, reference page and the scanner are made from this table; a row is here only
 * when the scanner carries it out.
 */
export interface DetectorRow {
  readonly name: string;
  /** What is found, and what makes it believed: shape alone is never enough where a check exists. */
  readonly doc: string;
}

const row = <const N extends string>(name: N, doc: string): { readonly name: N; readonly doc: string } => ({
  name,
  doc,
});

export const DETECTORS = [
  row(
    "credit_card",
    "Payment card numbers of 12 to 19 digits, in one piece or in groups: known issuer range and Luhn.",
  ),
  row(
    "iban",
    "International bank account numbers with their country in capital letters: length of the country and mod 97.",
  ),
  row("us_ssn", "United States social security numbers with hyphens or spaces, in ranges that are given out."),
  row("uk_nino", "United Kingdom national insurance numbers: prefixes that are given out."),
  row("es_dni", "Spanish identity numbers, of citizens and of foreigners: check letter."),
  row("it_codice_fiscale", "Italian tax codes: shape and check letter."),
  row("fr_nir", "French social security numbers: month and key."),
  row("pl_pesel", "Polish PESEL numbers: date of birth and check digit."),
  row("br_cpf", "Brazilian CPF numbers with their punctuation: both check digits."),
  row("se_personnummer", "Swedish personal identity numbers with their sign: date and Luhn."),
  row("fi_hetu", "Finnish personal identity codes: date and check character."),
  row("national_id", "Any of the national numbers above."),
  row("email", "E-mail addresses with a domain of at least two labels."),
  row("phone", "Telephone numbers in international form: + and 8 to 15 digits."),
  row("private_key", "Private keys in PEM, OpenPGP, PuTTY and age form, to the end of the block."),
  row(
    "cloud_token",
    "Keys and tokens with a known beginning: AWS, Google Cloud, Azure, GitHub, GitLab, Slack, Stripe, npm, PyPI, SendGrid, DigitalOcean, Databricks, Vault, Shopify.",
  ),
  row("jwt", "JSON Web Tokens: two parts that begin as encoded JSON does, and a signature."),
] as const satisfies readonly DetectorRow[];

export type DetectorName = (typeof DETECTORS)[number]["name"];

/** What a collective name stands for. */
export const DETECTOR_GROUPS: Readonly<Partial<Record<DetectorName, readonly DetectorName[]>>> = {
  national_id: [
    "us_ssn",
    "uk_nino",
    "es_dni",
    "it_codice_fiscale",
    "fr_nir",
    "pl_pesel",
    "br_cpf",
    "se_personnummer",
    "fi_hetu",
  ],
};

export const isDetector = (name: string): name is DetectorName => DETECTORS.some((one) => one.name === name);
