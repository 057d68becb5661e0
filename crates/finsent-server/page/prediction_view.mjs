// A prediction for people: its label, where it is between negative and positive, and the probability of each label.

import { element } from "./dom.mjs";
import { capital, percent, signed } from "./figures.mjs";
import { markOf, sideOf } from "./tone.mjs";

/** The label with its mark. */
export function labelOf(label) {
  const side = sideOf(label);
  return element("span", { class: `label ${side}` }, element("span", { class: "mark", "aria-hidden": "true" }, markOf(side)), capital(label));
}

/** The whole prediction. `title` says of what; it is a heading of this level. */
export function predictionView(title, prediction, level) {
  return element("div", { class: "prediction" },
    element(`h${level}`, {}, title),
    element("p", { class: "verdict" }, labelOf(prediction.label), element("span", { class: "share" }, percent(prediction.score))),
    typeof prediction.sentiment_score === "number" && gauge(prediction.sentiment_score),
    bars(prediction.scores),
    prediction.truncated && element("p", { class: "notice" }, "The text is longer than the model reads at once. Only its beginning was scored."));
}

/** A scale from negative to positive, with a marker. */
function gauge(score) {
  const marker = element("span", { class: "marker" });
  marker.style.left = `${(score + 1) * 50}%`;
  return element("div", { class: "gauge" },
    element("div", { class: "track", role: "img", "aria-label": `Sentiment score ${signed(score)} on a scale from \u22121 to +1` }, marker),
    element("div", { class: "ends", "aria-hidden": "true" }, element("span", {}, "\u22121"), element("span", { class: "value" }, `sentiment ${signed(score)}`), element("span", {}, "+1")));
}

/** A bar per label. */
export function bars(scores) {
  const items = Object.entries(scores).map(([label, score]) => {
    const side = sideOf(label);
    const bar = element("span", { class: `fill ${side}` });
    bar.style.width = `${Math.max(score * 100, 0.5)}%`;
    return element("li", {}, element("span", { class: "name" }, capital(label)), element("span", { class: "track" }, bar), element("span", { class: "figure" }, percent(score)));
  });
  return element("ul", { class: "bars" }, items);
}

/** The scale of colors, for sentences or words. */
export function legend() {
  const swatch = (side, level) => element("span", { class: `tone ${side} level-${level}`, "aria-hidden": "true" }, "\u2009Aa\u2009");
  const swatches = [4, 3, 2, 1].map((level) => swatch("negative", level));
  swatches.push(swatch("neutral", 0), ...[1, 2, 3, 4].map((level) => swatch("positive", level)));
  return element("p", { class: "legend" },
    element("span", {}, "\u25BC negative, dashed line"), element("span", { class: "swatches" }, swatches), element("span", {}, "\u25B2 positive, solid line"));
}
