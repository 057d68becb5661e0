// The panel for a file: choose it, score it, look at the result.

import { ChartView } from "./chart_view.mjs";
import { cell, textColumn, textColumns } from "./columns.mjs";
import { byId, debounced, element, fill, labeled, library } from "./dom.mjs";
import { explanationView } from "./explanation_view.mjs";
import { Feed } from "./feed.mjs";
import { capital, duration, number, percent, quantity, signed } from "./figures.mjs";
import { labelOf, predictionView } from "./prediction_view.mjs";
import { FileProblem, readFile, textOf } from "./read_file.mjs";
import { csv, jsonLines } from "./result_file.mjs";
import { Results, WAITING } from "./results.mjs";
import { errorOf, newKey, pause, send } from "./service.mjs";
import { TableView } from "./table_view.mjs";
import { sideOf } from "./tone.mjs";

/** Milliseconds between drawings while a file is being scored: of what is cheap, and, at least, of what reads all rows. */
const OFTEN = 150;
const SELDOM = 2000;
/** The share of the time that may go into drawing all rows, so that a large file leaves the page quick. */
const SHARE = 0.04;

export function startFileView(models, onCommand) {
  const view = new FileView(models, onCommand);
  byId("file").addEventListener("change", (event) => {
    if (event.target.files[0]) view.open(event.target.files[0]);
    // So that the same file can be chosen again after a change.
    event.target.value = "";
  });
  byId("file-example").addEventListener("click", () => view.openExample());
  listenForDrops(view);
  byId("search").addEventListener("input", debounced(120, () => view.filter()));
  byId("label-filter").addEventListener("change", () => view.filter());
  byId("save-csv").addEventListener("click", () => view.save("csv", csv, "text/csv"));
  byId("save-jsonl").addEventListener("click", () => view.save("jsonl", jsonLines, "application/x-ndjson"));
  window.addEventListener("beforeunload", (event) => {
    if (view.running) event.preventDefault();
  });
  byId("row-close").addEventListener("click", () => byId("row-dialog").close());
  return view;
}

function listenForDrops(view) {
  const drop = byId("drop");
  const isFile = (event) => event.dataTransfer?.types.includes("Files");
  // Anywhere on the page: a browser would otherwise leave it to show the file.
  window.addEventListener("dragover", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    drop.classList.add("over");
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.classList.remove("over");
  });
  window.addEventListener("drop", (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    drop.classList.remove("over");
    byId("tab-file").click();
    const { files } = event.dataTransfer;
    if (files.length > 1) view.problem("Drop one file at a time. `finsent classify --input FOLDER` on the command line reads many.");
    else if (files.length === 1) view.open(files[0]);
  });
}

class FileView {
  constructor(models, onCommand) {
    this.models = models;
    this.onCommand = onCommand;
    this.table = new TableView(byId("rows"), (row) => this.openRow(row));
    this.chart = new ChartView();
    this.running = null;
    this.results = null;
  }

  problem(message) {
    byId("file-problem").textContent = message;
    byId("file-problem").hidden = message === "";
  }

  async openExample() {
    const answer = await send("page/example.csv").catch(() => null);
    if (answer?.ok) await this.open(new File([await answer.blob()], "example.csv"));
    else this.problem("The service does not answer.");
  }

  async open(file) {
    if (this.running) {
      this.problem("A file is being scored. Cancel that first.");
      return;
    }
    this.problem("");
    fill(byId("file-run"));
    byId("file-results").hidden = true;
    byId("drop").classList.add("small");
    fill(byId("file-setup"), element("p", { class: "hint" }, `Reading ${file.name}.`));
    try {
      await library("./vendor/papaparse.min.js");
      this.read = await readFile(file, window.Papa);
      this.file = file;
      this.setUp();
    } catch (error) {
      fill(byId("file-setup"));
      if (!(error instanceof FileProblem)) console.error(error);
      this.problem(error instanceof FileProblem ? error.message : `\`${file.name}\` cannot be read: ${error.message}`);
    }
  }

  /** Shows what was read, and what can be chosen before the work. */
  setUp() {
    const { names, rows, failed, notes } = this.read;
    const column = textColumn(names, textColumns(names, rows));
    const options = names.map((name, index) => element("option", { value: index }, name));
    if (column < 0) options.unshift(element("option", { value: -1 }, "choose a column"));
    this.column = element("select", { onchange: () => this.chosen() }, options);
    this.column.value = column;
    this.granularity = element("select", {}, element("option", { value: "text" }, "as one text"), element("option", { value: "document" }, "sentence by sentence"));
    this.start = element("button", { type: "button", class: "primary", onclick: () => this.begin() });
    this.preview = element("div");
    const all = failed.size > 0 ? [...notes, `${quantity(failed.size, "row")} cannot be read and will be marked as failed. Row ${number([...failed.keys()][0] + 1)}: ${[...failed.values()][0]}.`] : notes;
    fill(byId("file-setup"), element("section", { class: "card", "aria-label": "File" },
      element("h2", {}, this.file.name),
      element("p", { class: "hint" }, `${quantity(rows.length, "row")}, ${quantity(names.length, "column")}`),
      all.map((note) => element("p", { class: "notice" }, note)),
      element("div", { class: "controls" },
        labeled("Texts are in", this.column), labeled("Score each row", this.granularity)),
      this.preview,
      element("div", { class: "actions" }, this.start)));
    this.chosen();
  }

  chosen() {
    const column = Number(this.column.value);
    const count = this.read.rows.length - this.read.failed.size;
    this.start.disabled = column < 0;
    this.start.textContent = `Score ${quantity(count, "row")}`;
    const texts = column < 0 ? [] : this.read.rows.slice(0, 3).map((row) => cell(row[column]) || "(no text)");
    fill(this.preview, texts.length > 0 && element("ol", { class: "preview" }, texts.map((text) => element("li", {}, text))), column < 0 && element("p", { class: "notice" }, "Which column has the texts? The file does not settle it."));
    this.onCommand(this.file.name, column < 0 ? null : this.read.names[column], this.query(), this.read.format);
  }

  query() {
    const parameters = new URLSearchParams(this.models.named());
    if (this.granularity.value !== "text") parameters.set("granularity", this.granularity.value);
    if (this.read.format === "jsonl") parameters.set("passthrough", "true");
    const query = parameters.toString();
    return query ? `?${query}` : "";
  }

  begin() {
    const column = Number(this.column.value);
    const results = new Results(this.read, column);
    results.expectsSentiment = this.models.chosen?.has_sentiment_score ?? true;
    // In the order of the model, whatever the first texts are.
    for (const label of this.models.chosen?.labels ?? []) results.indexOf(label);
    this.results = results;
    this.path = `v1/sentiment${this.query().replace(/[?&]passthrough=true/, "")}`;
    this.model = this.models.chosen?.name;
    for (const [row, reason] of this.read.failed) results.fail(row, reason);
    for (const row of results.waiting()) {
      const { error } = textOf(this.read.rows[row], column, this.models.limits.max_body_bytes);
      if (error) results.fail(row, error);
    }
    fill(byId("file-setup"));
    byId("file-results").hidden = false;
    byId("search").value = "";
    this.labelsShown = -1;
    this.table.show(results);
    this.chart.show(results);
    this.draw(true);
    this.run();
  }

  /** Scores what waits. */
  async run() {
    const rows = this.results.waiting();
    const running = new AbortController();
    this.running = running;
    this.began = performance.now();
    this.doneBefore = this.results.length - rows.length;
    this.lastDrawn = 0;
    this.nextDrawnAll = performance.now() + SELDOM;
    this.spoken = 0;
    this.showProgress();
    const feed = new Feed({
      lineOf: (row) => textOf(this.read.rows[row], this.results.text, Infinity).json,
      send: (body, signal) => send(this.path, { body, contentType: "application/x-ndjson", signal }),
      errorOf,
      newKey: () => newKey(true),
      pause,
      onAnswer: (row, answer) => {
        this.results.take(row, answer);
        this.progressed();
      },
      onWait: (message, seconds, row) => this.waits(message, seconds, row),
    });
    try {
      await feed.run(rows, running.signal);
      this.running = null;
      this.finished();
    } catch (error) {
      this.running = null;
      this.stopped(running.signal.aborted ? null : error);
    }
    this.draw(true);
  }

  showProgress() {
    this.progress = element("progress", { "aria-label": "Rows scored", max: this.results.length, value: this.doneBefore });
    this.progressText = element("p", { class: "progress-text" }, "Starting.");
    this.waitText = element("p", { class: "notice", role: "status", hidden: true });
    fill(byId("file-run"), element("section", { class: "card", "aria-label": "Progress" },
      this.progress,
      element("div", { class: "card-head" }, this.progressText, element("button", { type: "button", onclick: () => this.running?.abort() }, "Cancel")),
      this.waitText));
  }

  get finishedRows() {
    return this.results.done + this.results.errors.size;
  }

  progressed() {
    const now = performance.now();
    if (now - this.lastDrawn < OFTEN) return;
    this.lastDrawn = now;
    const [done, all] = [this.finishedRows, this.results.length];
    const rate = ((done - this.doneBefore) / (now - this.began)) * 1000;
    const left = rate > 0 ? `, about ${duration((all - done) / rate)} left` : "";
    this.progress.value = done;
    this.progressText.textContent = `${number(done)} of ${quantity(all, "row")}, ${number(Math.round(rate))} per second${left}`;
    this.waitText.hidden = true;
    const tenth = Math.floor((done / all) * 10);
    if (tenth > this.spoken) {
      this.spoken = tenth;
      this.say(`${tenth * 10} % scored`);
    }
    const isDue = now > this.nextDrawnAll;
    this.draw(isDue);
    const spent = performance.now() - now;
    if (isDue) this.nextDrawnAll = now + Math.max(SELDOM, spent / SHARE);
  }

  say(message) {
    byId("file-status").textContent = message;
  }

  waits(message, seconds, row) {
    this.waitText.hidden = false;
    this.waitText.textContent = `${message} Row ${number(row + 1)} is next. Trying again in ${quantity(Math.max(1, Math.ceil(seconds)), "second")}.`;
  }

  finished() {
    const { done, errors } = this.results;
    const seconds = (performance.now() - this.began) / 1000;
    const failed = errors.size;
    const retry = this.retriable().length > 0 && element("button", { type: "button", onclick: () => this.retryFailed() }, `Try the failed ${failed === 1 ? "row" : "rows"} again`);
    const message = `${quantity(done, "row")} scored in ${duration(seconds)} by ${this.model}${failed > 0 ? `, ${number(failed)} failed` : ""}.`;
    this.say(message);
    this.ended("good", message, retry);
  }

  /** The rows that the service refused; it may have been busy. */
  retriable() {
    const wasSent = (row) => !this.read.failed.has(row) && !textOf(this.read.rows[row], this.results.text, this.models.limits.max_body_bytes).error;
    return [...this.results.errors.keys()].filter(wasSent);
  }

  retryFailed() {
    for (const row of this.retriable()) this.results.forget(row);
    this.run();
  }

  /** After a cancellation, or an error that waiting does not mend. */
  stopped(error) {
    const left = this.results.waiting().length;
    const row = this.results.state.indexOf(WAITING) + 1;
    const kept = `${quantity(this.finishedRows, "row")} ${this.finishedRows === 1 ? "is" : "are"} done and kept; row ${number(row)} is next.`;
    const message = error === null ? `Canceled. ${kept}` : `${error.message} ${kept}`;
    this.say(message);
    this.ended(error === null ? "" : "bad", message, left > 0 && element("button", { type: "button", class: "primary", onclick: () => this.run() }, `Resume at row ${number(row)}`));
  }

  ended(kind, message, button) {
    fill(byId("file-run"), element("div", { class: `notice ${kind} card-head` }, element("p", {}, message), button));
  }

  /** Draws the result; `all` also what reads every row. */
  draw(all) {
    this.drawSummary();
    this.drawLabels();
    if (all && this.table.dependsOnPredictions) this.table.update();
    else this.table.draw();
    if (all) this.chart.draw();
    this.drawCount();
  }

  drawSummary() {
    const { labels, counts, done, sum, hasSentiment, errors, length } = this.results;
    const parts = labels.map((label, index) => {
      const part = element("span", { class: `fill ${sideOf(label)}`, title: `${label}: ${number(counts[index])}` });
      part.style.width = `${done > 0 ? (counts[index] / done) * 100 : 0}%`;
      return part;
    });
    const figures = labels.map((label, index) => element("div", {}, element("dt", {}, labelOf(label)), element("dd", {}, number(counts[index]), element("span", { class: "hint" }, done > 0 ? ` ${percent(counts[index] / done)}` : ""))));
    if (hasSentiment && done > 0) figures.push(element("div", {}, element("dt", {}, "Mean sentiment"), element("dd", {}, signed(sum / done, 3))));
    if (errors.size > 0) figures.push(element("div", {}, element("dt", {}, "Failed"), element("dd", {}, number(errors.size))));
    const waiting = length - done - errors.size;
    if (waiting > 0) figures.push(element("div", {}, element("dt", {}, "Waiting"), element("dd", {}, number(waiting))));
    const { cut } = this.results;
    const note = cut > 0 && element("p", { class: "notice" }, `${quantity(cut, "row")} ${cut === 1 ? "is" : "are"} longer than the model reads at once, so only the beginning was scored. To score all of it, open the file again and choose \u201Csentence by sentence\u201D.`);
    fill(byId("file-summary"), element("div", { class: "stack", "aria-hidden": "true" }, parts), element("dl", { class: "figures" }, figures), note);
  }

  /** The choices of the filter follow the labels that have come. */
  drawLabels() {
    const { labels, errors } = this.results;
    const kinds = labels.length + (errors.size > 0 ? 1000 : 0);
    if (kinds === this.labelsShown) return;
    this.labelsShown = kinds;
    const filter = byId("label-filter");
    const before = filter.value;
    const options = [["", "all labels"], ...labels.map((label, index) => [index, `only ${label}`])];
    if (errors.size > 0) options.push(["failed", "only failed"]);
    fill(filter, options.map(([value, name]) => element("option", { value }, name)));
    filter.value = before;
    if (filter.selectedIndex < 0) filter.value = "";
  }

  drawCount() {
    const [shown, all] = [this.table.rows.length, this.results.length];
    const count = shown === all ? quantity(all, "row") : `${number(shown)} of ${quantity(all, "row")}`;
    if (byId("row-count").textContent !== count) byId("row-count").textContent = count;
  }

  filter() {
    if (!this.results) return;
    const label = byId("label-filter").value;
    this.table.filter = { words: byId("search").value, label: label === "" ? undefined : label === "failed" ? label : Number(label) };
    byId("rows").scrollTop = 0;
    this.table.update();
    this.drawCount();
  }

  openRow(row) {
    const { names, rows } = this.results.table;
    const text = this.results.textOf(row);
    const prediction = this.results.prediction(row);
    const failure = this.results.errors.get(row);
    const others = names.map((name, index) => [name, cell(rows[row][index])]).filter(([, value], index) => index !== this.results.text && value !== "");
    byId("row-title").textContent = `Row ${number(row + 1)}`;
    fill(byId("row-detail"),
      element("p", { class: "reading" }, text || "(no text)"),
      prediction && predictionView("Prediction", prediction, 3),
      prediction && explanationView(text, this.model),
      failure && element("p", { class: "notice bad" }, capital(failure)),
      !prediction && !failure && element("p", { class: "hint" }, "This row is not scored yet."),
      others.length > 0 && element("dl", { class: "facts" }, others.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)))));
    byId("row-dialog").showModal();
  }

  save(extension, write, type) {
    const name = this.file.name.replace(/\.gz$/i, "").replace(/\.[^.]*$/, "");
    const url = URL.createObjectURL(new Blob(write(this.results), { type }));
    element("a", { href: url, download: `${name}.scored.${extension}` }).click();
    // The browser has taken it once the event is over.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
}
