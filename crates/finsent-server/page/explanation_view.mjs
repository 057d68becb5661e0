// The words that made a prediction.

import { element, fill } from "./dom.mjs";
import { capital, signed } from "./figures.mjs";
import { parts } from "./offsets.mjs";
import { json, patientJson } from "./service.mjs";
import { sideOf, wordTone } from "./tone.mjs";

/** How many words the list names. */
const LISTED = 8;

let support;

/** Whether the service explains predictions. Its OpenAPI document says so. */
export function explains() {
  support ??= json("openapi.json").then(
    (document) => Boolean(document.components?.schemas?.SentimentRequest?.properties?.explain),
    () => {
      support = undefined;
      return false;
    },
  );
  return support;
}

/** A button that shows which words made the prediction for `text`; nothing if the service does not explain. */
export function explanationView(text, model) {
  const place = element("div", { class: "explanation" });
  explains().then((does) => {
    if (does) place.append(element("button", { type: "button", onclick: () => show(place, text, model) }, "Which words made it?"));
  });
  return place;
}

async function show(place, text, model) {
  fill(place, element("p", { class: "hint", role: "status" }, "Asking which words made it."));
  try {
    const onWait = (error, seconds) => fill(place, element("p", { class: "hint", role: "status" }, `${error.message} Trying again in ${Math.ceil(seconds)} s.`));
    const body = JSON.stringify({ inputs: text, model, explain: true });
    const answer = await patientJson("v1/sentiment", { body }, onWait);
    const { explanation } = answer.results[0];
    if (!explanation) throw new Error("The service did not explain this text.");
    fill(place, ...wordsView(text, explanation));
  } catch (error) {
    fill(place, element("p", { class: "notice bad", role: "alert" }, error.message), element("button", { type: "button", onclick: () => show(place, text, model) }, "Try again"));
  }
}

function wordsView(text, { label, method, words, standard_error: error }) {
  const largest = Math.max(...words.map((word) => Math.abs(word.weight)), 0);
  const side = sideOf(label);
  const marked = parts(text, words).map(({ text: part, span }) => (span ? element("span", { class: wordTone(span.weight, largest, side), title: signed(span.weight, 3) }, part) : part));
  const strongest = [...words].sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, LISTED);
  return [
    element("h3", {}, `The words that made it ${label.toLowerCase()}`),
    element("p", { class: "reading words" }, marked),
    element("table", { class: "weights" },
      element("caption", {}, `Weights for ${capital(label)} (${method}${error > 0 ? `, estimated with a standard error of ${error.toFixed(3)}` : ""}). A positive weight speaks for it; a negative one, with a dotted line, against it.`),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Word"), element("th", { scope: "col" }, "Weight"), element("th", { scope: "col" }, element("span", { class: "spoken" }, "Bar")))),
      element("tbody", {}, strongest.map((word) => weightRow(word, largest, side)))),
  ];
}

function weightRow({ text, weight }, largest, side) {
  const bar = element("span", { class: `fill ${weight < 0 ? "against" : side}` });
  bar.style.width = `${largest > 0 ? (Math.abs(weight) / largest) * 100 : 0}%`;
  return element("tr", {}, element("th", { scope: "row" }, text), element("td", { class: "figure" }, signed(weight, 3)), element("td", {}, element("span", { class: "track" }, bar)));
}
