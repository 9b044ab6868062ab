// Sums of exact amounts. Floats would lose the last digits, so amounts are added as whole numbers of
// the smallest unit that any of them has.

/** The sum of decimal texts, as a decimal text; null among them is left out, only null gives null. */
export function sum(amounts) {
  const known = amounts.filter((a) => a !== null && a !== undefined).map(parts);
  if (known.length === 0) return null;
  const places = Math.max(...known.map((p) => p.fraction.length));
  let total = 0n;
  for (const p of known) {
    const units = BigInt(p.whole + p.fraction.padEnd(places, "0"));
    total += p.negative ? -units : units;
  }
  return written(total, places);
}

function parts(amount) {
  const m = /^([+-]?)(\d*)(?:\.(\d*))?$/.exec(String(amount));
  if (!m) throw new RangeError(`not a decimal: ${amount}`);
  return { negative: m[1] === "-", whole: m[2] || "0", fraction: m[3] ?? "" };
}

function written(units, places) {
  const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = places ? `.${digits.slice(-places)}` : "";
  return `${units < 0n ? "-" : ""}${whole}${fraction}`;
}
