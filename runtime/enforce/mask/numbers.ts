/**
 * A decimal number put on a grid of whole steps, in decimal digits: `round` to the nearest (halves away from zero), `bucket` to
 * the next lower one. Null when the text is no number.
 */
export function onGrid(text: string, step: number, how: "round" | "bucket"): string | null {
  const plain = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (plain === null) {
    if (!/^-?\d+(\.\d*)?[eE][+-]?\d+$/.test(text)) return null;
    // As floating point writes what is very large or very small.
    const value = Number(text) / step;
    const whole = (how === "round" ? Math.sign(value) * Math.round(Math.abs(value)) : Math.floor(value)) * step;
    if (!Number.isFinite(whole)) return null;
    return whole === 0 ? "0" : Math.abs(whole) < 1e21 ? BigInt(whole).toString() : String(whole);
  }
  const negative = plain[1] === "-";
  const fraction = plain[3] ?? "";
  const scale = 10n ** BigInt(fraction.length);
  const magnitude = BigInt(plain[2]! + fraction);
  const unit = BigInt(step) * scale;
  let steps = magnitude / unit;
  const rest = magnitude % unit;
  if (how === "round") {
    if (rest * 2n >= unit) steps += 1n;
  } else if (negative && rest > 0n) steps += 1n;
  const found = steps * BigInt(step);
  return negative && found !== 0n ? `-${found}` : String(found);
}
