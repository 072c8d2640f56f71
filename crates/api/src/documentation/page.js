// Shows /openapi.json. No library, no outside host.

import { copyable, folded, inline, make, prose } from "./elements.js";
import { Schemas } from "./schema.js";

const METHODS = ["post", "get", "put", "patch", "delete"];

/** Refusals that nearly every operation has. */
const COMMON = ["400", "401", "403", "404", "408", "413", "415", "422", "500", "503"];

/** The operations that someone who starts needs first, why, and what they are given beside the least. */
const START = [
  ["create_tenant", "Make a tenant: one of your customers.", ["id"]],
  ["create_event_type", "Name what can happen."],
  ["create_endpoint", "Say where the customer wants to hear of it."],
  ["publish_event", "Publish: once this is answered, the event is on disk and on its way."],
  ["list_deliveries", "See what became of it."],
];

class Page {
  constructor(api) {
    this.api = api;
    this.schemas = new Schemas(api.components.schemas);
    // Things of a tenant stand beside those that are not: `/events` before `/events/batch`.
    const place = ({ path }) => path.replace("/v1/tenants/{tenant}/", "/v1/");
    this.operations = Object.entries(api.paths)
      .flatMap(([path, item]) => METHODS.filter((method) => item[method]).map((method) => ({ method, path, operation: item[method] })))
      .sort((one, other) => (place(one) < place(other) ? -1 : place(one) > place(other) ? 1 : 0));
    this.groups = api.tags.map((tag) => ({
      ...tag,
      id: tag.name.toLowerCase().replaceAll(" ", "-"),
      list: this.operations.filter(({ operation }) => operation.tags?.includes(tag.name)),
    }));
  }

  curl({ method, path, operation }, further) {
    const fill = (name) => operation.parameters?.find((each) => each.name === name)?.example ?? name;
    const url = location.origin + path.replace(/{(\w+)}/g, (_, name) => encodeURIComponent(fill(name)));
    const [kind, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
    // curl itself chooses GET, or POST where there is a body.
    const told = method === "get" || (method === "post" && kind) ? "" : `-X ${method.toUpperCase()} `;
    const lines = [`curl ${told}'${url}'`, `-H "Authorization: Bearer $FANFARE_KEY"`];
    if (kind) {
      const sample = this.schemas.sample(content.schema, 0, further);
      const short = JSON.stringify(sample);
      const body = short.length > 70 ? JSON.stringify(sample, null, 2) : short;
      lines.push(`-H 'Content-Type: ${kind}'`, `-d '${body.replaceAll("'", "'\\''")}'`);
    }
    return lines.join(" \\\n  ");
  }

  answer(status, { description, content }) {
    const [kind, body] = Object.entries(content ?? {})[0] ?? [];
    const good = status.startsWith("2");
    return folded(
      [make("code", { class: `status s${status[0]}` }, status), " ", ...inline(description)],
      false,
      body && good ? copyable(JSON.stringify(this.schemas.sample(body.schema), null, 2), "An example of the answer") : null,
      body ? make("p", { class: "type" }, kind) : make("p", {}, "No body."),
      body ? this.schemas.view(body.schema) : null,
    );
  }

  operation(each) {
    const { method, path, operation } = each;
    const parameters = (operation.parameters ?? []).map((parameter) =>
      make(
        "li", {},
        this.schemas.head(parameter.name, parameter.schema, parameter.required, `, ${parameter.in}`),
        ...prose(parameter.description),
      ));
    const content = Object.values(operation.requestBody?.content ?? {})[0];
    const answers = Object.entries(operation.responses);
    const common = answers.filter(([status]) => COMMON.includes(status));
    const own = answers.filter((answer) => !common.includes(answer));
    const anchor = { class: "anchor", href: `#${operation.operationId}`, "aria-label": `Link to: ${operation.summary}` };
    return make(
      "article", { id: operation.operationId },
      make("h3", {}, operation.summary, " ", make("a", anchor, "#")),
      make("p", { class: "route" }, make("span", { class: `method ${method}` }, method.toUpperCase()), " ", make("code", {}, path)),
      ...prose(operation.description),
      copyable(this.curl(each), `curl: ${operation.summary}`),
      content ? folded([operation.requestBody.required ? "Body" : "Body, may be left out"], true, this.schemas.view(content.schema)) : null,
      parameters.length ? folded(["Parameters"], false, make("ul", { class: "members" }, ...parameters)) : null,
      make("h4", {}, "Answers"),
      ...own.map(([status, answer]) => this.answer(status, answer)),
      folded(
        [`Refusals as everywhere: ${common.map(([status]) => status).join(", ")}`], false,
        make("div", { class: "refusals" }, ...common.map(([status, answer]) => this.answer(status, answer))),
      ),
    );
  }

  start() {
    const steps = START.flatMap(([id, why, further]) => {
      const found = this.operations.find(({ operation }) => operation.operationId === id);
      return found ? [make("li", {}, make("a", { href: `#${id}` }, why), copyable(this.curl(found, further), why))] : [];
    });
    return make(
      "section", {},
      make("h2", { id: "start" }, "Start"),
      make("p", {}, "Put the key that the first start printed, or one that you made, where the commands find it:"),
      copyable("export FANFARE_KEY=…", "Where the commands find the key"),
      make("ol", { class: "steps" }, ...steps),
    );
  }

  show() {
    const { info } = this.api;
    document.querySelector("main").replaceChildren(
      make("h1", {}, info.title, " ", make("small", {}, info.version)),
      ...prose(info.description),
      make("p", {}, "Every call carries a key: ", make("code", {}, "Authorization: Bearer KEY"), ". Programs read ", make("a", { href: "openapi.json" }, "openapi.json"), "."),
      this.start(),
      ...this.groups.map(({ id, name, description, list }) =>
        make("section", {}, make("h2", { id }, name), ...prose(description), ...list.map((each) => this.operation(each)))),
    );
    this.contents();
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }

  /** The list of operations, narrowed by what is typed, with the one that is being read marked. */
  contents() {
    const links = new Map();
    const entry = ({ method, operation }) => {
      const link = make("a", { href: `#${operation.operationId}` }, make("span", { class: `method ${method}` }, method.toUpperCase()), make("span", {}, operation.summary));
      links.set(operation.operationId, link);
      return make("li", {}, link);
    };
    const groups = this.groups.map(({ id, name, list }) =>
      make("section", {}, make("a", { class: "group", href: `#${id}` }, name), make("ul", {}, ...list.map(entry))));
    const search = make("input", { type: "search", placeholder: "Filter", "aria-label": "Filter the operations" });
    search.addEventListener("input", () => {
      const wanted = search.value.toLowerCase();
      for (const group of groups) {
        const rows = [...group.querySelectorAll("li")];
        for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
        group.hidden = rows.every((row) => row.hidden);
      }
    });
    const contents = folded(["Contents"], matchMedia("(min-width: 50rem)").matches, search, make("a", { class: "group", href: "#start" }, "Start"), ...groups);
    document.querySelector("nav").replaceChildren(contents);

    const seen = new IntersectionObserver((changes) => {
      for (const { isIntersecting, target } of changes) {
        if (isIntersecting) links.get(target.id).setAttribute("aria-current", "location");
        else links.get(target.id).removeAttribute("aria-current");
      }
    }, { rootMargin: "-10% 0px -80% 0px" });
    for (const article of document.querySelectorAll("article")) seen.observe(article);
  }
}

fetch("openapi.json")
  .then((answer) => answer.json())
  .then((api) => new Page(api).show())
  .catch((cause) => document.querySelector("main").replaceChildren(make("p", {}, `openapi.json can't be read: ${cause}`)));
