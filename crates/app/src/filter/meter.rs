//! What an evaluation costs, and how it is paid for.
//!
//! The crate's evaluator runs to its end, however far that is. But it calls functions that an
//! environment adds, and an expression is a tree that can be rewritten before it is evaluated. So
//! [`metered`] puts calls of functions that no text can name around whatever grows with the data:
//!
//! * `range.all(each, …)`: the range becomes `@loop(@meter, range, cost of a round)`, which charges for
//!   what the range weighs, since its elements are copied, and for all rounds. Loops within loops
//!   are charged at each round of the outer one.
//! * operands of `==`, `<`, `in`, `+` and the other operators, elements of lists and maps:
//!   `@weigh(@meter, operand)`, which charges for what it weighs and hands it on. A literal needs none, nor does what is compared with one for equality: that takes no longer than the
//!   literal.
//! * `text.matches(pattern)`: `@matches(@meter, place of the pattern, text)`.
//! * an index, and what functions are given: `@glance(@meter, operand)`, which charges for a text's length
//!   only, since they make nothing of a list's or map's members.
//!
//! The meter is a value of its own, the variable `@meter`. When it is empty, these functions fail at once;
//! what goes on then was paid for before. Whether it was empty is asked at the end, because `||` and its
//! like can make an error vanish.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::common::types::{
    CelBool, CelBytes, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelString, DYN_TYPE, Type,
};
use cel::common::value::{CowVal, StaticVal, Val};
use cel::{Env, ExecutionError};

use super::check::{Checked, kind};
use super::functions::find;
use super::pattern::Pattern;

/// What one evaluation may cost, in steps. A step is a part of the expression evaluated once, or a value
/// visited or copied; 32 bytes of a text count as one more. It takes some 50 to 100 nanoseconds.
pub(super) const BUDGET: u64 = 200_000;

/// The meter's name; no text can name it.
pub(super) const VARIABLE: &str = "@meter";
const LOOP: &str = "@loop";
const WEIGH: &str = "@weigh";
const MATCHES: &str = "@matches";
const GLANCE: &str = "@glance";
const WHOLE: &str = "@whole";

/// Bytes of a text that cost a step more.
const BYTES_A_STEP: usize = 32;
static TYPE: Type = Type::new_unspecified_type("meter");

/// What is left of an evaluation's budget, and the patterns that it needs.
#[derive(Clone, Debug)]
pub(super) struct Meter(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    left: AtomicI64,
    patterns: Arc<[Pattern]>,
}

impl Meter {
    pub(super) fn new(patterns: Arc<[Pattern]>) -> Self {
        let left = AtomicI64::new(i64::try_from(BUDGET).unwrap_or(i64::MAX));
        Self(Arc::new(Inner { left, patterns }))
    }

    /// Charges; answers whether there was enough.
    pub(super) fn charge(&self, steps: u64) -> bool {
        let steps = i64::try_from(steps).unwrap_or(i64::MAX);
        let left = self.0.left.load(Ordering::Relaxed).saturating_sub(steps);
        self.0.left.store(left, Ordering::Relaxed);
        left >= 0
    }

    /// Whether more was charged than there was.
    pub(super) fn exhausted(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) < 0
    }

    /// Charges for what a value weighs. Stops looking when nothing is left.
    fn weigh(&self, value: &dyn Val) -> bool {
        if !self.charge(1) {
            return false;
        }
        if let Some(text) = value.downcast_ref::<CelString<'_>>() {
            return self.charge(steps(text.inner().len(), BYTES_A_STEP));
        }
        if let Some(bytes) = value.downcast_ref::<CelBytes<'_>>() {
            return self.charge(steps(bytes.inner().len(), BYTES_A_STEP));
        }
        if let Some(list) = value.downcast_ref::<CelList<'_>>() {
            return list.inner().iter().all(|each| self.weigh(each.as_ref()));
        }
        if let Some(map) = value.downcast_ref::<CelMap<'_>>() {
            return map.inner().iter().all(|(key, value)| {
                let key = match key {
                    CelMapKey::String(text) => text.inner().len(),
                    _ => 0,
                };
                self.charge(2 + steps(key, BYTES_A_STEP)) && self.weigh(value.as_ref())
            });
        }
        true
    }
}

fn steps(bytes: usize, bytes_a_step: usize) -> u64 {
    (bytes / bytes_a_step) as u64
}

impl Val for Meter {
    fn get_type(&self) -> &Type {
        &TYPE
    }

    fn cel_type() -> &'static Type {
        &TYPE
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }
}

impl StaticVal for Meter {}

/// What filters are evaluated in: the standard functions, and those that charge.
pub(super) fn environment() -> Env {
    let mut env = Env::default().with_optional_support(false).with_stdlib();
    let added = [
        env.add_overload(WEIGH, WEIGH, vec![DYN_TYPE, DYN_TYPE], weigh),
        env.add_overload(LOOP, LOOP, vec![DYN_TYPE, DYN_TYPE, DYN_TYPE], all_rounds),
        env.add_overload(WHOLE, WHOLE, vec![DYN_TYPE, DYN_TYPE], whole),
        env.add_overload(
            MATCHES,
            MATCHES,
            vec![DYN_TYPE, DYN_TYPE, DYN_TYPE],
            matches,
        ),
        env.add_overload(GLANCE, GLANCE, vec![DYN_TYPE, DYN_TYPE], glance),
    ];
    debug_assert!(added.iter().all(Result::is_ok), "{added:?}");
    env
}

type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn empty() -> ExecutionError {
    ExecutionError::function_error(VARIABLE, "")
}

fn meter<'a>(args: &'a [CowVal<'_, '_>]) -> Result<&'a Meter, ExecutionError> {
    args.first()
        .and_then(|first| first.downcast_ref::<Meter>())
        .ok_or_else(empty)
}

fn weigh<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    match args.get(1) {
        Some(value) if meter(&args)?.weigh(value.as_ref()) => args.pop().ok_or_else(empty),
        _ => Err(empty()),
    }
}

fn all_rounds<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let meter = meter(&args)?;
    let (Some(range), Some(cost)) = (args.get(1), args.get(2)) else {
        return Err(empty());
    };
    let cost = cost
        .downcast_ref::<CelInt>()
        .map_or(0, |cost| cost.inner().unsigned_abs());
    let rounds = range
        .as_sizer()
        .map_or(0, |sizer| sizer.size().inner().unsigned_abs());
    if meter.charge(rounds.saturating_mul(cost)) && meter.weigh(range.as_ref()) {
        Ok(args.swap_remove(1))
    } else {
        Err(empty())
    }
}

fn matches<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let meter = meter(&args)?;
    let place = args.get(1).and_then(|place| place.downcast_ref::<CelInt>());
    let pattern = place
        .and_then(|place| usize::try_from(*place.inner()).ok())
        .and_then(|place| meter.0.patterns.get(place))
        .ok_or_else(empty)?;
    let Some(text) = args
        .get(2)
        .and_then(|text| text.downcast_ref::<CelString<'_>>())
    else {
        let got = args.get(2).map(|text| text.get_type().name().to_owned());
        return Err(ExecutionError::no_such_member_overload(
            "matches",
            vec![got.unwrap_or_default()],
        ));
    };
    let text = text.inner();
    if !meter.charge(4 + (text.len() as u64).saturating_mul(pattern.steps_a_byte)) {
        return Err(empty());
    }
    Ok(CowVal::owned(CelBool::from(pattern.regex.is_match(text))))
}

fn glance<'b, 'v>(mut args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let length = args.get(1).map_or(0, |value| {
        let text = value.downcast_ref::<CelString<'_>>();
        text.map_or(0, |text| text.inner().len())
    });
    if meter(&args)?.charge(1 + steps(length, BYTES_A_STEP)) {
        args.pop().ok_or_else(empty)
    } else {
        Err(empty())
    }
}

/// An index. The crate refuses a number that is not whole with a copy of the whole list.
fn whole<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Answer<'b, 'v> {
    let number = args
        .get(1)
        .and_then(|value| value.downcast_ref::<CelDouble>());
    match number {
        Some(number) if number.inner().fract() != 0.0 => Err(ExecutionError::no_such_overload(
            operators::INDEX,
            vec!["a number that is not whole".to_owned()],
        )),
        _ => glance(args),
    }
}

/// Rewrites an expression so that it pays for itself.
pub(super) fn metered(expression: IdedExpr, checked: &Checked) -> IdedExpr {
    let IdedExpr { id, expr } = expression;
    let expr = match expr {
        Expr::Call(call) => rewritten_call(call, checked),
        Expr::Select(mut select) => {
            *select.operand = metered(std::mem::take(&mut select.operand), checked);
            Expr::Select(select)
        }
        Expr::List(mut list) => {
            list.elements = weighed_all(list.elements, checked);
            Expr::List(list)
        }
        Expr::Map(mut map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    entry.key = weighed(std::mem::take(&mut entry.key), checked);
                    entry.value = weighed(std::mem::take(&mut entry.value), checked);
                }
            }
            Expr::Map(map)
        }
        Expr::Comprehension(mut inner) => {
            inner.loop_cond = metered(inner.loop_cond, checked);
            inner.loop_step = metered_step(inner.loop_step, &inner.accu_var, checked);
            let round = 4 + cost(&inner.loop_cond) + cost(&inner.loop_step);
            let round = Expr::Literal(LiteralValue::Int(
                i64::try_from(round).unwrap_or(i64::MAX).into(),
            ));
            let range = metered(inner.iter_range, checked);
            inner.iter_range = call(LOOP, vec![variable(), range, without_place(round)]);
            Expr::Comprehension(inner)
        }
        other => other,
    };
    IdedExpr { id, expr }
}

/// The step of a loop. What `map` and `filter` append to is left as it is: the crate knows the form, and
/// appends in place of copying.
fn metered_step(step: IdedExpr, accumulated: &str, checked: &Checked) -> IdedExpr {
    let is_accumulated =
        |expr: &IdedExpr| matches!(&expr.expr, Expr::Ident(name) if name == accumulated);
    let IdedExpr { id, expr } = step;
    let expr = match expr {
        Expr::Call(mut call)
            if call.func_name == operators::ADD
                && call.args.first().is_some_and(is_accumulated) =>
        {
            call.args = call
                .args
                .into_iter()
                .map(|each| metered(each, checked))
                .collect();
            Expr::Call(call)
        }
        Expr::Call(mut call) if call.func_name == operators::CONDITIONAL => {
            call.args = call
                .args
                .into_iter()
                .map(|each| metered_step(each, accumulated, checked))
                .collect();
            Expr::Call(call)
        }
        expr => return metered(IdedExpr { id, expr }, checked),
    };
    IdedExpr { id, expr }
}

fn rewritten_call(mut inner: CallExpr, checked: &Checked) -> Expr {
    let name = inner.func_name.as_str();
    let is_function = find(name, inner.target.is_some()).is_some();
    if name == "matches"
        && let Some(target) = inner.target.take()
    {
        let pattern = inner.args.first().map(|argument| &argument.expr);
        let place = checked.patterns.iter().position(|known| {
            matches!(pattern, Some(Expr::Literal(LiteralValue::String(given))) if given.inner() == known.text)
        });
        let place = place.map_or(i64::MAX, |place| place as i64);
        let place = without_place(Expr::Literal(LiteralValue::Int(place.into())));
        return call(MATCHES, vec![variable(), place, metered(*target, checked)]).expr;
    }
    inner.args = match (name, inner.args.as_slice()) {
        (
            operators::LOGICAL_AND
            | operators::LOGICAL_OR
            | operators::LOGICAL_NOT
            | operators::NOT_STRICTLY_FALSE
            | operators::CONDITIONAL,
            _,
        ) => plain_all(inner.args, checked),
        (operators::EQUALS | operators::NOT_EQUALS, [left, right])
            if is_literal(left) || is_literal(right) =>
        {
            plain_all(inner.args, checked)
        }
        (operators::INDEX, [_, place]) if !is_plain_index(place) => {
            let place = inner.args.pop().unwrap_or_default();
            let of = inner.args.pop().unwrap_or_default();
            let place = call(WHOLE, vec![variable(), metered(place, checked)]);
            vec![metered(of, checked), place]
        }
        (operators::INDEX, _) => plain_all(inner.args, checked),
        _ if is_function => inner
            .args
            .into_iter()
            .map(|each| charged(GLANCE, each, checked))
            .collect(),
        _ => weighed_all(inner.args, checked),
    };
    inner.target = inner
        .target
        .map(|target| Box::new(charged(GLANCE, *target, checked)));
    Expr::Call(inner)
}

fn plain_all(list: Vec<IdedExpr>, checked: &Checked) -> Vec<IdedExpr> {
    list.into_iter()
        .map(|each| metered(each, checked))
        .collect()
}

fn weighed_all(list: Vec<IdedExpr>, checked: &Checked) -> Vec<IdedExpr> {
    list.into_iter()
        .map(|each| weighed(each, checked))
        .collect()
}

fn weighed(operand: IdedExpr, checked: &Checked) -> IdedExpr {
    charged(WEIGH, operand, checked)
}

fn charged(by: &str, operand: IdedExpr, checked: &Checked) -> IdedExpr {
    let light = matches!(
        kind(&operand),
        Some("bool" | "int" | "uint" | "double" | "type")
    );
    let operand_is_literal = is_literal(&operand);
    let operand = metered(operand, checked);
    if light || operand_is_literal {
        operand
    } else {
        call(by, vec![variable(), operand])
    }
}

fn is_literal(expression: &IdedExpr) -> bool {
    matches!(expression.expr, Expr::Literal(_))
}

fn is_plain_index(expression: &IdedExpr) -> bool {
    matches!(
        expression.expr,
        Expr::Literal(LiteralValue::Int(_) | LiteralValue::UInt(_) | LiteralValue::String(_))
    )
}

fn variable() -> IdedExpr {
    without_place(Expr::Ident(VARIABLE.to_owned()))
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    without_place(Expr::Call(CallExpr {
        func_name: name.to_owned(),
        target: None,
        args,
    }))
}

fn without_place(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

/// What evaluating an expression once costs, apart from what it pays for itself.
pub(super) fn cost(expression: &IdedExpr) -> u64 {
    let all = |list: &[IdedExpr]| list.iter().map(cost).sum::<u64>();
    1 + match &expression.expr {
        Expr::Call(call) => call.target.as_deref().map_or(0, cost) + all(&call.args),
        // A name of several parts is looked for in each loop's scope, part by part.
        Expr::Select(select) => 2 + cost(&select.operand),
        Expr::List(list) => all(&list.elements),
        Expr::Map(map) => map
            .entries
            .iter()
            .map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => cost(&entry.key) + cost(&entry.value),
                EntryExpr::StructField(field) => cost(&field.value),
            })
            .sum(),
        Expr::Comprehension(inner) => 4 + cost(&inner.iter_range) + cost(&inner.result),
        _ => 0,
    }
}
