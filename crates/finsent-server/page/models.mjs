// The loaded models: which one is chosen, and what is known about it.

import { byId, element, fill } from "./dom.mjs";
import { number, quantity } from "./figures.mjs";
import { json, pause } from "./service.mjs";

/** What a service takes by default; its own answer replaces it. */
const LIMITS = { max_body_bytes: 2_000_000, max_text_bytes: 1_000_000 };

/** Tells `change` when another model is chosen. */
export class Models extends EventTarget {
  constructor() {
    super();
    this.all = [];
    this.cards = new Map();
    this.limits = LIMITS;
    this.needsKey = false;
    byId("model").addEventListener("change", () => {
      this.describe();
      this.dispatchEvent(new Event("change"));
    });
  }

  /** The chosen model; `undefined` before they are known. */
  get chosen() {
    return this.all[byId("model").selectedIndex];
  }

  /** The field `model` of a request; nothing for the default model. */
  named() {
    return byId("model").selectedIndex > 0 ? { model: this.chosen.name } : {};
  }

  /** Asks the service, and again while it is loading its models. */
  async load() {
    const notice = byId("service-notice");
    for (;;) {
      try {
        const { models } = await json("v1/models");
        const service = await json("page/service.json");
        this.take(models, service);
        fill(notice);
        return;
      } catch (error) {
        const message = error.status === 503 ? "The service is loading its models, or it is shutting down." : error.message;
        const again = element("button", { type: "button", onclick: () => this.load() }, error.status === 401 ? "Enter a key" : "Try again");
        fill(notice, element("p", { class: "notice bad" }, message, " ", error.status !== 503 && again));
        if (error.status !== 503) return;
        await pause(error.retryAfter ?? 1);
      }
    }
  }

  take(models, service) {
    this.all = models;
    this.cards = new Map(service.models.map((card) => [card.name, card]));
    this.limits = service.limits;
    this.needsKey = service.needs_key;
    fill(byId("model"), models.map((model) => element("option", {}, model.name)));
    byId("version").textContent = `finsent ${service.version}`;
    this.describe();
    this.dispatchEvent(new Event("loaded"));
  }

  describe() {
    const model = this.chosen;
    if (!model) return;
    const card = this.cards.get(model.name) ?? {};
    const facts = [
      ["What it is", card.description ?? "A model that is not in the catalog of this service"],
      ["Accuracy", card.accuracy ?? "Not known. Measure it on your own texts with finsent eval"],
      ["Limits", card.limits],
      ["Languages", card.languages],
      ["Labels", model.labels.join(", ")],
      ["Reads at once", `${quantity(model.max_input_length, "token")}`],
      ["Computed in", model.precision],
      ["License", card.license],
      ["Source", model.repository ? `${model.repository}${model.revision ? ` at ${model.revision.slice(0, 12)}` : ""}` : null],
      ["Digest", model.digest],
    ];
    const given = facts.filter(([, value]) => value);
    fill(byId("about"),
      element("p", { class: "model-name" }, model.name, this.all.length > 1 && element("span", { class: "hint" }, ` one of ${number(this.all.length)} loaded models`)),
      element("dl", { class: "facts" }, given.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", { class: name === "Digest" ? "digest" : null }, value)))));
  }
}
