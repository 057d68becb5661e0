// How figures are written.

const grouped = new Intl.NumberFormat("en-US");

/** 12,000 texts */
export const quantity = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const number = (value) => (Math.abs(value) >= 10_000 ? grouped.format(value) : String(value));

/** A probability in percent. It is 100 or 0 only if it is. */
export function percent(share) {
  const digits = (share > 0 && share < 0.001) || (share > 0.999 && share < 1) ? 2 : 1;
  return `${(share * 100).toFixed(digits)} %`;
}

/** A score between -1 and +1, with a real minus sign. */
export function signed(score, digits = 2) {
  const text = Math.abs(score).toFixed(digits);
  if (Number(text) === 0) return text;
  return (score < 0 ? "\u2212" : "+") + text;
}

/** A duration in words. */
export function duration(seconds) {
  if (seconds < 90) return quantity(Math.max(1, Math.round(seconds)), "second");
  return quantity(Math.round(seconds / 60), "minute");
}

export const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
