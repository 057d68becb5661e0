// Starts the page.

import { classifyFile, curlOfJson, curlOfLines } from "./curl.mjs";
import { byId } from "./dom.mjs";
import { startFileView } from "./file_view.mjs";
import { startKeyDialog } from "./key.mjs";
import { Models } from "./models.mjs";
import { urlOf } from "./service.mjs";
import { startTextView } from "./text_view.mjs";

const models = new Models();
const commands = { text: () => "", file: () => "" };
let panel = "text";

function showCommand() {
  byId("curl-code").textContent = commands[panel]();
  byId("curl-copied").textContent = "";
}

function startTabs() {
  const tabs = ["text", "file"].map((name) => byId(`tab-${name}`));
  const choose = (index) => {
    panel = index === 0 ? "text" : "file";
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === index));
      tab.tabIndex = at === index ? 0 : -1;
      byId(tab.getAttribute("aria-controls")).hidden = at !== index;
    });
    showCommand();
  };
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => choose(index));
    tab.addEventListener("keydown", (event) => {
      const target = { ArrowLeft: 0, Home: 0, ArrowRight: 1, End: 1 }[event.key];
      if (target === undefined) return;
      event.preventDefault();
      choose(target);
      tabs[target].focus();
    });
  });
}

const THEMES = { system: "light dark", light: "light", dark: "dark" };

function startTheme() {
  const button = byId("theme");
  const show = (theme) => {
    document.documentElement.style.colorScheme = THEMES[theme];
    byId("theme-name").textContent = theme;
    sessionStorage.setItem("finsent-theme", theme);
    window.dispatchEvent(new Event("theme"));
  };
  button.addEventListener("click", () => {
    const names = Object.keys(THEMES);
    show(names[(names.indexOf(byId("theme-name").textContent) + 1) % names.length]);
  });
  const stored = sessionStorage.getItem("finsent-theme");
  if (stored in THEMES) show(stored);
}

function startCopy() {
  byId("curl-copy").addEventListener("click", async () => {
    const said = byId("curl-copied");
    try {
      await navigator.clipboard.writeText(byId("curl-code").textContent);
      said.textContent = "Copied.";
    } catch {
      // Without HTTPS browsers allow this only on localhost.
      getSelection().selectAllChildren(byId("curl-code"));
      said.textContent = "Selected: press Ctrl+C.";
    }
  });
}

startTabs();
startTheme();
startKeyDialog();
startCopy();
startTextView(models, (body) => {
  commands.text = () => curlOfJson(urlOf("v1/sentiment"), body, models.needsKey);
  showCommand();
});
startFileView(models, (file, column, query, format) => {
  const lines = format === "jsonl" && column === "text" ? `\n\n${curlOfLines(urlOf(`v1/sentiment${query}`), file, models.needsKey)}` : "";
  commands.file = () => classifyFile(file, column, `${file.replace(/(\.[^.]*)?(\.gz)?$/i, "")}.scored.csv`) + lines;
  showCommand();
});
models.addEventListener("loaded", showCommand);
commands.file = () => `# a text or {"id", "text"} per line\n${curlOfLines(urlOf("v1/sentiment"), "FILE.jsonl", models.needsKey)}`;
models.load();
