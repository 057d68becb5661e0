// Elements of the page. Text goes in as text only, so nothing that a file or the service says is ever read as HTML.

/** An element with properties or attributes, listeners (`onclick`) and children (strings, elements, or nothing). */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (value === true) node.setAttribute(name, "");
    else node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

export const byId = (id) => document.getElementById(id);

/** Replaces what a node contains. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
}

let controls = 0;

/** A control with its label. */
export function labeled(name, control) {
  controls += 1;
  control.id = `control-${controls}`;
  return element("span", { class: "labeled" }, element("label", { for: control.id }, name), control);
}

/** Text for screen readers only. */
export const spoken = (text) => element("span", { class: "spoken" }, text);

/** Calls `run` once the caller has been quiet for some milliseconds. */
export function debounced(milliseconds, run) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => run(...args), milliseconds);
  };
}

/** Loads a library that is no module. Each is loaded once. */
const libraries = new Map();
export function library(name) {
  if (!libraries.has(name)) {
    libraries.set(name, new Promise((resolve, reject) => {
      const script = element("script", { src: new URL(name, import.meta.url).href });
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => {
        libraries.delete(name);
        script.remove();
        reject(new Error("the page cannot load one of its own files; is the service still running?"));
      });
      document.head.append(script);
    }));
  }
  return libraries.get(name);
}
