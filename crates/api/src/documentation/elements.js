// Elements of the page. They are made from texts, never from markup, so that nothing in the document can
// become a part of the page.

/** Makes an element; children are elements, texts, or nothing. */
export function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A sentence with `code` in it. */
export function inline(text) {
  return text.split(/(`[^`]+`)/).map((piece) => (piece.startsWith("`") ? make("code", {}, piece.slice(1, -1)) : piece));
}

/** Paragraphs of a description. */
export function prose(text) {
  return (text ?? "").split(/\n\n+/).filter(Boolean).map((part) => make("p", {}, ...inline(part)));
}

/** What opens on a click. */
export function folded(summary, open, ...children) {
  return make("details", open ? { open: "" } : {}, make("summary", {}, ...summary), ...children);
}

/** A text with a button that copies it. */
export function copyable(text, label) {
  const code = make("pre", { tabindex: "0", "aria-label": label }, make("code", {}, text));
  const button = make("button", { type: "button", "aria-live": "polite" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      // Without HTTPS a page may not write to the clipboard: the text is selected instead.
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  return make("div", { class: "copyable" }, code, button);
}
