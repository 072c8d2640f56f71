//! What filters may call.

/// A function that filters may call.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// Whether it is called on something: `text.contains(…)`.
    pub(super) member: bool,
    pub(super) arguments: usize,
    /// The type of its result.
    pub(super) result: &'static str,
}

const fn function(
    name: &'static str,
    member: bool,
    arguments: usize,
    result: &'static str,
) -> Function {
    Function {
        name,
        member,
        arguments,
        result,
    }
}

/// All of them. Each costs no more than what its operands weigh, see [`super::meter`].
pub(super) const FUNCTIONS: &[Function] = &[
    function("size", false, 1, "int"),
    function("size", true, 0, "int"),
    function("contains", true, 1, "bool"),
    function("startsWith", true, 1, "bool"),
    function("endsWith", true, 1, "bool"),
    function("matches", true, 1, "bool"),
    function("string", false, 1, "string"),
    function("int", false, 1, "int"),
    function("uint", false, 1, "uint"),
    function("double", false, 1, "double"),
    function("bool", false, 1, "bool"),
    function("type", false, 1, "type"),
];

/// What the parser turns into loops and tests, where they are written right.
pub(super) const MACROS: &[(&str, &str)] = &[
    ("has", "has(data.member)"),
    ("all", "list.all(each, condition)"),
    ("exists", "list.exists(each, condition)"),
    ("exists_one", "list.exists_one(each, condition)"),
    ("existsOne", "list.existsOne(each, condition)"),
    ("map", "list.map(each, value)"),
    ("filter", "list.filter(each, condition)"),
];

/// What filters may name.
pub(super) const VARIABLES: &[&str] = &["data", "type", "subcategory", "attributes"];

/// What stands for types, to compare with `type(…)`.
pub(super) const TYPES: &[&str] = &[
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "list",
    "map",
    "null_type",
];

/// The function with this name that is called this way.
pub(super) fn find(name: &str, member: bool) -> Option<&'static Function> {
    FUNCTIONS
        .iter()
        .find(|each| each.name == name && each.member == member)
}

/// An operator or function as it is written: `_==_` is `==`.
pub(super) fn shown(name: &str) -> String {
    match name {
        "add" => "+".to_owned(),
        "sub" => "-".to_owned(),
        "mul" => "*".to_owned(),
        "div" => "/".to_owned(),
        "rem" => "%".to_owned(),
        "_._" => "a member".to_owned(),
        "_[_]" => "an index".to_owned(),
        other => other.replace(['_', '@'], ""),
    }
}
