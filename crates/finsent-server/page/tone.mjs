// Which color, mark and line stand for a prediction. Blue and orange can be told apart with every common color blindness;
// marks and lines say the same without color.

const NAMES = { positive: "positive", bullish: "positive", negative: "negative", bearish: "negative", neutral: "neutral" };

/** Labels that are no sentiment, in the order in which they were met; six of them have colors of their own. */
const others = [];

/** The classes of a label: `positive`, `negative`, `neutral`, or `other kind-N` for labels that are no sentiment. */
export function sideOf(label) {
  const side = NAMES[label.toLowerCase()];
  if (side) return side;
  if (!others.includes(label)) others.push(label);
  return `other kind-${(others.indexOf(label) % 6) + 1}`;
}

const MARKS = { positive: "\u25B2", negative: "\u25BC", neutral: "\u25CF", other: "\u25A0" };

export const markOf = (side) => MARKS[side.split(" ")[0]];

/** How strong a tone is drawn, from 0 to 4. */
export const strength = (amount) => Math.min(4, Math.floor(Math.min(1, Math.abs(amount)) * 4.999));

/** The classes of a span of text with this prediction. */
export function toneOf(prediction) {
  const score = prediction.sentiment_score;
  if (typeof score !== "number") return `tone ${sideOf(prediction.label)} level-${strength(prediction.score)}`;
  const level = strength(score);
  if (level === 0) return "tone neutral level-0";
  return `tone ${score > 0 ? "positive" : "negative"} level-${level}`;
}

/** The classes of a word with this weight, where `largest` is the largest of them, for a label of this side. */
export function wordTone(weight, largest, side) {
  const level = largest > 0 ? strength(weight / largest) : 0;
  return `word ${weight < 0 ? "against" : side} level-${level}`;
}
