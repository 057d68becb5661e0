// The dialog that asks for an API key.

import { byId } from "./dom.mjs";

let asking = null;

/** The key that the person gives; `null` if none. Requests that need one at the same time share the dialog. */
export function askForKey(wasRefused) {
  asking ??= ask(wasRefused).finally(() => {
    asking = null;
  });
  return asking;
}

function ask(wasRefused) {
  const dialog = byId("key-dialog");
  const field = byId("key");
  byId("key-refused").hidden = !wasRefused;
  field.value = "";
  dialog.returnValue = "";
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const key = field.value.trim();
      field.value = "";
      resolve(dialog.returnValue === "use" && key ? key : null);
    }, { once: true });
    dialog.showModal();
  });
}

/** Closes the dialog with its key when the form is sent. Forms are sent nowhere. */
export function startKeyDialog() {
  const dialog = byId("key-dialog");
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    dialog.close("use");
  });
  byId("key-cancel").addEventListener("click", () => dialog.close(""));
}
