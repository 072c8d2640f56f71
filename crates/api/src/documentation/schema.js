// What the document's schemas say, in words and samples.

import { folded, make, prose } from "./elements.js";

/** Objects within objects are shown this deep. */
const DEEPEST = 3;

export class Schemas {
  constructor(schemas) {
    this.schemas = schemas;
  }

  /** A schema without its reference; its name stays with it. */
  resolve(schema) {
    if (!schema?.$ref) return { schema: schema ?? {} };
    const name = schema.$ref.split("/").pop();
    return { name, schema: this.schemas[name] ?? {} };
  }

  /** The forms that a value may have, null left out. */
  forms(schema) {
    return (schema.oneOf ?? schema.anyOf ?? []).filter((form) => form.type !== "null");
  }

  typeName(given) {
    const { name, schema } = this.resolve(given);
    const types = [schema.type].flat().filter(Boolean);
    const nullable = types.includes("null") || schema.oneOf?.some((form) => form.type === "null");
    const ending = nullable ? " or null" : "";
    const forms = this.forms(schema);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ") + ending;
    if (forms.length) return forms.map((form) => this.typeName(form)).join(" or ") + ending;
    const own = types.filter((each) => each !== "null");
    if (own[0] === "array") return `list of ${this.typeName(schema.items)}${ending}`;
    if (name && name !== "Time") return name + ending;
    if (schema.additionalProperties && !schema.properties) return `map to ${this.typeName(schema.additionalProperties)}${ending}`;
    return (schema.format === "date-time" ? "time" : own.join(" or ") || "any JSON") + ending;
  }

  /** The bounds of a value, as far as they are numbers. */
  bounds(given) {
    const { schema } = this.resolve(given);
    const range = (least, most, unit) => {
      if (least === undefined && most === undefined) return null;
      if (least === undefined) return `at most ${most}${unit}`;
      return most === undefined ? `at least ${least}${unit}` : `${least} to ${most}${unit}`;
    };
    return [
      range(schema.minimum, schema.maximum, ""),
      range(schema.minLength, schema.maxLength, " characters"),
      range(schema.minItems, schema.maxItems, " entries"),
      range(schema.minProperties, schema.maxProperties, " names"),
      schema.default === undefined ? null : `${JSON.stringify(schema.default)} unless told`,
    ].filter(Boolean).map((bound) => `, ${bound}`).join("");
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

  /**
   * A value as it may be: of an object the members that are required and these further ones, or the last
   * member where none is.
   */
  sample(given, depth = 0, further = []) {
    const { schema } = this.resolve(given);
    for (const example of [given?.example, schema.example, schema.examples?.[0], schema.enum?.[0]]) {
      if (example !== undefined) return example;
    }
    if (depth > 6) return null;
    const form = this.forms(schema)[0];
    if (form) return this.sample(form, depth + 1);
    const type = [schema.type].flat()[0];
    if (type === "array") return [this.sample(schema.items, depth + 1)];
    if (schema.properties || schema.allOf) {
      const { properties, required } = this.members(schema);
      const needed = [...further, ...required];
      const told = Object.keys(properties).filter((name) => properties[name].example !== undefined);
      const shown = needed.length ? needed : told.slice(-1);
      return Object.fromEntries(shown.map((name) => [name, this.sample(properties[name], depth + 1)]));
    }
    return { string: "text", integer: 1, number: 1, boolean: true, object: {} }[type] ?? {};
  }

  /** The members of a schema as a list, the required ones first; objects within open further down. */
  view(given, depth = 0) {
    const { schema } = this.resolve(given);
    const { properties, required } = this.members(given);
    const needed = Object.keys(properties).filter((name) => required.includes(name));
    const rows = [...new Set([...needed, ...Object.keys(properties)])].map((name) => {
      const part = properties[name];
      const deeper = depth < DEEPEST ? this.inner(part) : undefined;
      return make(
        "li", {},
        this.head(name, part, required.includes(name)),
        ...prose(part.description ?? this.described(part)),
        deeper ? folded(["Its members"], false, this.view(deeper, depth + 1)) : null,
      );
    });
    if (rows.length) return make("ul", { class: "members" }, ...rows);
    const forms = this.forms(schema);
    if (!forms.length) return make("p", {}, this.typeName(given));
    return make("div", {}, ...forms.map((form) => make("section", {}, make("h5", {}, this.typeName(form)), this.view(form, depth + 1))));
  }

  /** A member's or parameter's name, type and bounds. */
  head(name, schema, required, further = "") {
    return make(
      "div", {},
      make("code", { class: "member" }, name), " ",
      make("span", { class: "type" }, this.typeName(schema) + this.bounds(schema) + further),
      required ? make("span", { class: "required" }, " required") : null,
    );
  }

  /** What a member is described by where it does not say so itself. */
  described(part) {
    const { schema } = this.resolve(part);
    return schema.description ?? this.forms(schema).map((form) => form.description ?? this.resolve(form).schema.description).find(Boolean);
  }

  /** The schema of objects within a member, if it holds any. */
  inner(part) {
    const { schema } = this.resolve(part);
    const candidates = [part, schema.items, ...this.forms(schema)].filter(Boolean);
    return candidates.find((each) => Object.keys(this.members(each).properties).length > 0);
  }
}
