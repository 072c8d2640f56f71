// Shows /openapi.json. No library, no outside host: elements are made from texts, never from markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

/** Makes an element; children are elements or texts. */
function make(name, attributes, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Paragraphs of a description, with `code` in them. */
function prose(text) {
  const inline = (part) =>
    part.split(/(`[^`]+`)/).map((piece) => (piece.startsWith("`") ? make("code", {}, piece.slice(1, -1)) : piece));
  return (text ?? "").split(/\n\n+/).filter(Boolean).map((part) => make("p", {}, ...inline(part)));
}

function copyable(text) {
  const code = make("pre", { tabindex: "0" }, make("code", {}, text));
  const button = make("button", { type: "button" }, "Copy");
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

class Page {
  constructor(api) {
    this.api = api;
  }

  /** A schema without its reference; its name stays with it. */
  resolve(schema) {
    if (!schema?.$ref) return { schema: schema ?? {} };
    const name = schema.$ref.split("/").pop();
    return { name, schema: this.api.components.schemas[name] ?? {} };
  }

  /** The forms that a value may have, null left out. */
  forms(schema) {
    return (schema.oneOf ?? schema.anyOf ?? []).filter((form) => form.type !== "null");
  }

  typeName(given) {
    const { name, schema } = this.resolve(given);
    const nullable = [schema.type].flat().includes("null") || schema.oneOf?.some((form) => form.type === "null");
    const ending = nullable ? " or null" : "";
    const forms = this.forms(schema);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ") + ending;
    if (forms.length) return forms.map((form) => this.typeName(form)).join(" or ") + ending;
    const type = [schema.type].flat().filter((each) => each && each !== "null")[0];
    if (type === "array") return `list of ${this.typeName(schema.items)}${ending}`;
    if (name && name !== "Time") return name + ending;
    if (schema.additionalProperties && !schema.properties) return `map to ${this.typeName(schema.additionalProperties)}${ending}`;
    return (schema.format === "date-time" ? "time" : (type ?? "any JSON")) + ending;
  }

  /** All members of an object, those of its parts included. */
  members(given) {
    const { schema } = this.resolve(given);
    const parts = (schema.allOf ?? []).map((part) => this.members(part));
    const own = { properties: schema.properties ?? {}, required: schema.required ?? [] };
    return [...parts, own].reduce((sum, part) => ({
      properties: { ...sum.properties, ...part.properties },
      required: [...sum.required, ...part.required],
    }));
  }

  /** A value such as a caller would send: what is required, or one member where nothing is. */
  sample(given, depth = 0) {
    const { schema } = this.resolve(given);
    if (given?.example !== undefined) return given.example;
    if (schema.example !== undefined) return schema.example;
    if (schema.examples?.length) return schema.examples[0];
    if (schema.enum) return schema.enum[0];
    const form = this.forms(schema)[0];
    if (form) return this.sample(form, depth + 1);
    const type = [schema.type].flat()[0];
    if (depth > 6) return null;
    if (type === "array") return [this.sample(schema.items, depth + 1)];
    if (schema.properties || schema.allOf) {
      const { properties, required } = this.members(schema);
      const entries = Object.entries(properties);
      const needed = entries.filter(([name]) => required.includes(name));
      const shown = needed.length ? needed : entries.filter(([, part]) => part.example !== undefined).slice(-1);
      return Object.fromEntries(shown.map(([name, part]) => [name, this.sample(part, depth + 1)]));
    }
    return { string: "text", integer: 1, number: 1, boolean: true, object: {} }[type] ?? {};
  }

  /** The members of a schema as a list; objects within open further down. */
  schemaView(given, depth = 0) {
    const { schema } = this.resolve(given);
    const { properties, required } = this.members(given);
    const rows = Object.entries(properties).map(([name, part]) => {
      const inner = this.resolve(part).schema;
      const deeper = this.inner(part);
      return make(
        "li", {},
        make("code", { class: "member" }, name), " ",
        make("span", { class: "type" }, this.typeName(part)),
        required.includes(name) ? make("span", { class: "required" }, " required") : null,
        ...prose(part.description ?? inner.description),
        deeper && depth < 3
          ? make("details", {}, make("summary", {}, "Its members"), this.schemaView(deeper, depth + 1))
          : null,
      );
    });
    if (rows.length) return make("ul", { class: "members" }, ...rows);
    const forms = this.forms(schema);
    if (forms.length) return make("div", {}, ...forms.map((form) => make("section", {}, make("h5", {}, this.typeName(form)), this.schemaView(form, depth + 1))));
    return make("p", {}, this.typeName(given));
  }

  /** The schema of objects within a member, if it holds any. */
  inner(part) {
    const { schema } = this.resolve(part);
    const candidates = [part, schema.items, ...this.forms(schema)].filter(Boolean);
    return candidates.find((each) => Object.keys(this.members(each).properties).length > 0);
  }

  curl(method, path, operation) {
    const fill = (name) => operation.parameters?.find((each) => each.name === name)?.example ?? name;
    const url = location.origin + path.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(fill(name)));
    const lines = [`curl -X ${method.toUpperCase()} '${url}'`, `-H "Authorization: Bearer $FANFARE_KEY"`];
    const [kind, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    if (kind) {
      const body = JSON.stringify(this.sample(content.schema)).replaceAll("'", "'\\''");
      lines.push(`-H 'Content-Type: ${kind}'`, `-d '${body}'`);
    }
    return lines.join(" \\\n  ");
  }

  operation(method, path, operation) {
    const parameters = (operation.parameters ?? []).map((each) =>
      make(
        "li", {},
        make("code", { class: "member" }, each.name), " ",
        make("span", { class: "type" }, `${this.typeName(each.schema)}, ${each.in}`),
        each.required ? make("span", { class: "required" }, " required") : null,
        ...prose(each.description),
      ));
    const content = Object.values(operation.requestBody?.content ?? {})[0];
    const answers = Object.entries(operation.responses).map(([status, answer]) => {
      const body = Object.values(answer.content ?? {})[0];
      return make(
        "details", {},
        make("summary", {}, make("code", { class: `status s${status[0]}` }, status), " ", answer.description),
        body ? this.schemaView(body.schema) : make("p", {}, "No body."),
      );
    });
    return make(
      "article", { id: operation.operationId },
      make("h3", {}, operation.summary),
      make("p", { class: "route" }, make("span", { class: `method ${method}` }, method.toUpperCase()), " ", make("code", {}, path)),
      ...prose(operation.description),
      copyable(this.curl(method, path, operation)),
      parameters.length ? make("details", {}, make("summary", {}, "Parameters"), make("ul", { class: "members" }, ...parameters)) : null,
      content ? make("details", { open: "" }, make("summary", {}, "Body"), this.schemaView(content.schema)) : null,
      make("h4", {}, "Answers"),
      ...answers,
    );
  }

  show() {
    const { info, tags, paths } = this.api;
    const operations = Object.entries(paths).flatMap(([path, item]) =>
      METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })));
    const groups = tags.map((tag) => ({ ...tag, list: operations.filter(({ operation }) => operation.tags?.includes(tag.name)) }));
    document.querySelector("main").replaceChildren(
      make("h1", {}, info.title, " ", make("small", {}, info.version)),
      ...prose(info.description),
      make("p", {}, "Every call carries a key: ", make("code", {}, "Authorization: Bearer KEY"), ". The document: ", make("a", { href: "openapi.json" }, "openapi.json"), "."),
      ...groups.map(({ name, description, list }) =>
        make("section", {}, make("h2", {}, name), ...prose(description), ...list.map((each) => this.operation(each.method, each.path, each.operation)))),
    );
    document.querySelector("nav").replaceChildren(
      ...groups.map(({ name, list }) =>
        make("div", {}, make("strong", {}, name), make("ul", {}, ...list.map(({ operation }) => make("li", {}, make("a", { href: `#${operation.operationId}` }, operation.summary)))))),
    );
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then((api) => new Page(api).show())
  .catch((cause) => document.querySelector("main").replaceChildren(make("p", {}, `openapi.json can't be read: ${cause}`)));
