//! What an expression must be to be saved.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

use super::FilterRefused;
use super::functions::{FUNCTIONS, MACROS, TYPES, VARIABLES, find, shown};
use super::pattern::Pattern;
use super::place::Places;

/// The most levels of an expression, macros written out.
const MAX_DEPTH: usize = 48;
/// The most loops within each other.
const MAX_LOOPS: usize = 3;

/// What was found on the way.
pub(super) struct Checked {
    /// The patterns of `matches`, as they are written and compiled.
    pub(super) patterns: Vec<Pattern>,
}

/// Checks an expression.
pub(super) fn check(expression: &IdedExpr, places: &Places<'_>) -> Result<Checked, FilterRefused> {
    let mut walk = Walk {
        places,
        bound: Vec::new(),
        loops: 0,
        patterns: Vec::new(),
    };
    walk.visit(expression, 0)?;
    walk.must_be_bool(expression)?;
    Ok(Checked {
        patterns: walk.patterns,
    })
}

/// The type of what an expression yields, where that is plain to see.
pub(super) fn kind(expression: &IdedExpr) -> Option<&'static str> {
    match &expression.expr {
        Expr::Literal(literal) => Some(match literal {
            LiteralValue::Boolean(_) => "bool",
            LiteralValue::Bytes(_) => "bytes",
            LiteralValue::Double(_) => "double",
            LiteralValue::Int(_) => "int",
            LiteralValue::Null => "null_type",
            LiteralValue::String(_) => "string",
            LiteralValue::UInt(_) => "uint",
        }),
        Expr::List(_) => Some("list"),
        Expr::Map(_) => Some("map"),
        Expr::Select(select) if select.test => Some("bool"),
        Expr::Call(call) => match call.func_name.as_str() {
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS
            | operators::LESS
            | operators::LESS_EQUALS
            | operators::IN => Some("bool"),
            operators::ADD => call
                .args
                .iter()
                .find_map(kind)
                .or(Some("number, string or list")),
            operators::SUBSTRACT
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::NEGATE => Some("number"),
            name => find(name, call.target.is_some()).map(|known| known.result),
        },
        Expr::Comprehension(inner) => match kind(&inner.accu_init) {
            Some("list") => Some("list"),
            _ => Some("bool"),
        },
        _ => None,
    }
}

struct Walk<'a> {
    places: &'a Places<'a>,
    /// The variables of the loops around.
    bound: Vec<String>,
    loops: usize,
    patterns: Vec<Pattern>,
}

impl Walk<'_> {
    fn visit(&mut self, expression: &IdedExpr, depth: usize) -> Result<(), FilterRefused> {
        if depth > MAX_DEPTH {
            let detail = format!("the expression goes more than {MAX_DEPTH} levels deep");
            return Err(self.places.refuse(expression.id, detail));
        }
        let deeper = depth + 1;
        match &expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.variable(expression.id, name),
            Expr::Select(select) => self.visit(&select.operand, deeper),
            Expr::List(list) => self.visit_all(&list.elements, deeper),
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.visit(&entry.key, deeper)?;
                    self.visit(&entry.value, deeper)
                }
                EntryExpr::StructField(field) => self.visit(&field.value, deeper),
            }),
            Expr::Call(call) => {
                self.call(expression.id, call)?;
                if let Some(target) = &call.target {
                    self.visit(target, deeper)?;
                }
                self.visit_all(&call.args, deeper)
            }
            Expr::Comprehension(inner) => {
                self.visit(&inner.iter_range, deeper)?;
                self.loops += 1;
                if self.loops > MAX_LOOPS {
                    let detail = format!("more than {MAX_LOOPS} loops within each other");
                    return Err(self.places.refuse(expression.id, detail));
                }
                self.bound.push(inner.iter_var.clone());
                self.bound.push(inner.accu_var.clone());
                for part in [
                    &inner.accu_init,
                    &inner.loop_cond,
                    &inner.loop_step,
                    &inner.result,
                ] {
                    self.visit(part, deeper)?;
                }
                self.bound.truncate(self.bound.len() - 2);
                self.loops -= 1;
                Ok(())
            }
            Expr::Struct(_) | Expr::Unspecified => Err(self
                .places
                .refuse(expression.id, "there are no messages here; use a map")),
        }
    }

    fn visit_all(&mut self, list: &[IdedExpr], depth: usize) -> Result<(), FilterRefused> {
        list.iter().try_for_each(|each| self.visit(each, depth))
    }

    fn variable(&self, id: u64, name: &str) -> Result<(), FilterRefused> {
        let known = VARIABLES.contains(&name)
            || TYPES.contains(&name)
            || self.bound.iter().any(|each| each == name);
        if known {
            return Ok(());
        }
        let detail = format!(
            "unknown variable {name:?}; there are {}",
            VARIABLES.join(", ")
        );
        Err(self.places.refuse(id, detail))
    }

    fn call(&mut self, id: u64, call: &CallExpr) -> Result<(), FilterRefused> {
        let name = call.func_name.as_str();
        if name.starts_with(['_', '!', '-', '@']) && call.target.is_none() {
            // An operator: a name that a text can call begins with a letter or '_', see below.
            if is_operator(name) {
                return Ok(());
            }
        }
        let member = call.target.is_some();
        match find(name, member) {
            Some(known) if known.arguments == call.args.len() => {}
            Some(known) => {
                let detail = format!(
                    "{name}() takes {} argument(s), {} are given",
                    known.arguments,
                    call.args.len()
                );
                return Err(self.places.refuse(id, detail));
            }
            None => return Err(self.places.refuse(id, unknown(name, member))),
        }
        if name == "matches" {
            self.pattern(&call.args[0])?;
        }
        Ok(())
    }

    fn pattern(&mut self, argument: &IdedExpr) -> Result<(), FilterRefused> {
        let Expr::Literal(LiteralValue::String(text)) = &argument.expr else {
            let detail = "the pattern of matches() must be written out as a string";
            return Err(self.places.refuse(argument.id, detail));
        };
        let text = text.inner();
        if self.patterns.iter().any(|known| known.text == text) {
            return Ok(());
        }
        let pattern = Pattern::new(text).map_err(|cause| {
            let detail = format!("the pattern can't be used: {cause}");
            self.places.refuse(argument.id, detail)
        })?;
        self.patterns.push(pattern);
        Ok(())
    }

    /// Refuses where it is plain that the result can't be true or false.
    fn must_be_bool(&self, expression: &IdedExpr) -> Result<(), FilterRefused> {
        if let Expr::Call(call) = &expression.expr {
            match (call.func_name.as_str(), call.args.as_slice()) {
                (operators::LOGICAL_AND | operators::LOGICAL_OR, [left, right]) => {
                    self.must_be_bool(left)?;
                    return self.must_be_bool(right);
                }
                (operators::LOGICAL_NOT, [inner]) => return self.must_be_bool(inner),
                (operators::CONDITIONAL, [condition, then, otherwise]) => {
                    self.must_be_bool(condition)?;
                    self.must_be_bool(then)?;
                    return self.must_be_bool(otherwise);
                }
                _ => {}
            }
        }
        match kind(expression) {
            None | Some("bool") => Ok(()),
            Some(other) => {
                let detail = format!(
                    "this is of the type {other}, where true or false is needed; compare it with something"
                );
                Err(self.places.refuse(expression.id, detail))
            }
        }
    }
}

fn is_operator(name: &str) -> bool {
    matches!(
        name,
        operators::CONDITIONAL
            | operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::SUBSTRACT
            | operators::ADD
            | operators::MULTIPLY
            | operators::DIVIDE
            | operators::MODULO
            | operators::EQUALS
            | operators::NOT_EQUALS
            | operators::GREATER_EQUALS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::LESS
            | operators::NEGATE
            | operators::INDEX
            | operators::NOT_STRICTLY_FALSE
            | operators::IN
    )
}

fn unknown(name: &str, member: bool) -> String {
    if let Some((_, form)) = MACROS.iter().find(|(each, _)| *each == name) {
        return format!("write it as {form}");
    }
    let mut known: Vec<&str> = FUNCTIONS.iter().map(|each| each.name).collect();
    known.extend(MACROS.iter().map(|each| each.0));
    known.dedup();
    if find(name, !member).is_some() {
        return match member {
            true => format!("write it as {name}(…)"),
            false => format!("write it as text.{name}(…)"),
        };
    }
    format!(
        "unknown function {:?}; there are {}",
        shown(name),
        known.join(", ")
    )
}
