// The panel for a headline or an article.

import { byId, element, fill, spoken } from "./dom.mjs";
import { ARTICLE, HEADLINES } from "./examples.mjs";
import { explanationView } from "./explanation_view.mjs";
import { percent, quantity, signed } from "./figures.mjs";
import { byteLength, parts, wellFormed } from "./offsets.mjs";
import { legend, predictionView } from "./prediction_view.mjs";
import { patientJson } from "./service.mjs";
import { toneOf } from "./tone.mjs";

/** `models` tells which model is chosen and the limits of the service. `onCommand(body)` hears what was asked. */
export function startTextView(models, onCommand) {
  const view = new TextView(models, onCommand);
  byId("text-form").addEventListener("submit", (event) => {
    event.preventDefault();
    view.score();
  });
  byId("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      view.score();
    }
  });
  byId("text").addEventListener("input", () => view.edited());
  byId("text-clear").addEventListener("click", () => view.clear());
  models.addEventListener("change", () => {
    if (byId("text-result").firstChild) view.score();
  });
  view.showExamples();
  view.edited();
}

class TextView {
  constructor(models, onCommand) {
    this.models = models;
    this.onCommand = onCommand;
    this.running = null;
  }

  showExamples() {
    const example = (text, name = text) => element("li", {}, element("button", { type: "button", onclick: () => this.use(text) }, name));
    fill(byId("examples").querySelector("ul"), HEADLINES.map((text) => example(text)), example(ARTICLE, "A short article, sentence by sentence"));
  }

  use(text) {
    byId("text").value = text;
    this.edited();
    this.score();
  }

  clear() {
    this.running?.abort();
    byId("text").value = "";
    fill(byId("text-result"));
    this.say("");
    this.edited();
    byId("text").focus();
  }

  /** Follows the text: its height, and what can be done with it. */
  edited() {
    const field = byId("text");
    const isEmpty = field.value === "";
    byId("text-clear").hidden = isEmpty;
    byId("examples").hidden = !isEmpty;
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 320)}px`;
    this.onCommand(this.request(wellFormed(field.value) || HEADLINES[1]));
  }

  request(text) {
    return { inputs: text, granularity: "document", ...this.models.named() };
  }

  say(message, isBad = false) {
    const status = byId("text-status");
    status.textContent = message;
    status.classList.remove("spoken");
    status.classList.toggle("bad", isBad);
  }

  async score() {
    const text = wellFormed(byId("text").value);
    if (text.trim() === "") {
      this.say("Enter a text first.", true);
      byId("text").focus();
      return;
    }
    if (byteLength(text) > this.models.limits.max_text_bytes) {
      this.say(`The text is longer than the ${this.models.limits.max_text_bytes} bytes that this service takes. Score it in parts.`, true);
      return;
    }
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    const body = this.request(text);
    this.onCommand(body);
    this.say("Scoring.");
    try {
      const onWait = (error, seconds) => this.say(`${error.message} Trying again in ${Math.ceil(seconds)} s.`);
      const answer = await patientJson("v1/sentiment", { body: JSON.stringify(body), signal: running.signal }, onWait);
      if (this.running === running) this.show(text, answer);
    } catch (error) {
      if (running.signal.aborted) return;
      fill(byId("text-result"));
      this.say(error.message, true);
    }
  }

  show(text, answer) {
    const document = answer.results[0];
    const model = answer.model.name;
    this.by = `Scored by ${model} in ${answer.model.precision}, ${quantity(answer.usage.tokens, "token")}`;
    const { sentences } = document;
    this.say(`${document.label}, ${percent(document.score)}${sentences.length > 1 ? `, ${quantity(sentences.length, "sentence")}` : ""}`);
    byId("text-status").classList.add("spoken");
    const view = sentences.length > 1 ? this.article(text, document, model) : headline(text, document, model, this.by);
    fill(byId("text-result"), view);
  }

  article(text, document, model) {
    const detail = element("div", { class: "detail", "aria-live": "polite" }, element("p", { class: "hint" }, "Choose a sentence to see its prediction."));
    const marked = parts(text, document.sentences).map(({ text: part, span }) => (span ? sentenceView(part, span, () => {
      select(marked, span);
      const title = `Sentence ${document.sentences.indexOf(span) + 1} of ${document.sentences.length}`;
      fill(detail, predictionView(title, span, 3), explanationView(span.text, model));
    }) : part));
    return element("div", { class: "columns" },
      element("section", { class: "card", "aria-label": "Sentences" },
        typeof document.sentiment_score === "number" && legend(),
        element("p", { class: "reading" }, marked)),
      element("section", { class: "card side", "aria-label": "Prediction" },
        predictionView("The whole text", document, 2),
        countsView(document.label_counts),
        element("p", { class: "hint" }, this.by),
        detail));
  }
}

function headline(text, document, model, by) {
  const [sentence] = document.sentences;
  const only = sentence ?? document;
  return element("section", { class: "card single", "aria-label": "Prediction" },
    element("blockquote", { class: "reading" }, text.trim()),
    predictionView("This text", { ...document, truncated: only.truncated }, 2),
    element("p", { class: "hint" }, by),
    explanationView(text, model));
}

function countsView(counts) {
  if (!counts) return null;
  const given = Object.entries(counts).filter(([, count]) => count > 0);
  return element("p", { class: "hint" }, `Sentences: ${given.map(([label, count]) => `${count} ${label}`).join(", ")}`);
}

/** A sentence as a button inside the text. */
function sentenceView(text, prediction, onChoose) {
  const score = prediction.sentiment_score;
  const view = element("span", {
    class: `${toneOf(prediction)} sentence`, role: "button", tabindex: "0", "aria-pressed": "false",
    title: `${prediction.label}${typeof score === "number" ? `, ${signed(score)}` : `, ${percent(prediction.score)}`}`,
    onclick: onChoose,
    onkeydown: (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      onChoose();
    },
  }, text, typeof score === "number" ? spoken(` (${prediction.label})`) : element("span", { class: "kind" }, ` ${prediction.label}`));
  view.prediction = prediction;
  return view;
}

function select(views, prediction) {
  for (const view of views) {
    if (view.prediction) view.setAttribute("aria-pressed", String(view.prediction === prediction));
  }
}
