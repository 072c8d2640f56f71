//! Content filters: an endpoint may ask for events by what their data says, with an expression in CEL.
//!
//! The `cel` crate reads an expression and evaluates it, but bounds neither what an expression may be
//! nor what it may cost. Both are done here, in two steps:
//!
//! * **When it is saved** ([`Filter::compile`]): the text's length, its tokens and the depth of its
//!   brackets are bounded before the parser sees it. What was parsed is checked (`check`): depth, size,
//!   loops within loops, and that each name and function is known, so that a slip is told then and there
//!   and not by events that never arrive. Patterns of `matches` must be written out and are compiled once.
//! * **When it is evaluated** ([`Filter::matches`]): the expression was rewritten (`meter`) so that whatever
//!   costs more with larger data is paid for first, from a budget of its own (`meter::BUDGET`). A loop pays
//!   for all its rounds before the first one; an operand pays for its size before it is compared, joined
//!   or copied. When nothing is left, the evaluation ends as [`FilterError::TooCostly`]. So time and memory
//!   are bounded by the budget, whatever the expression and the data say.
//!
//! Evaluation takes a thread's time and is done off the async threads (`threads`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::common::types::CelBool;
use cel::{ExecutionError, Value};

mod check;
mod functions;
mod meter;
mod pattern;
mod place;
mod subject;
mod tally;
mod text;
mod threads;

pub use subject::{Facts, Subject};
pub use tally::{EndpointFilter, FilterErrors};
pub use threads::{FilterThreads, FilterThreadsOptions, TooManyWait};

use meter::Meter;
use pattern::Pattern;

/// An expression that was found right, ready to be evaluated.
#[derive(Debug)]
pub struct Filter {
    text: String,
    expression: IdedExpr,
    /// What evaluating each part once costs.
    cost: u64,
    /// The patterns of `matches`, by their places.
    patterns: Arc<[Pattern]>,
}

/// Why a text can't be a filter: what is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterRefused {
    /// Nothing in it.
    #[error("must not be empty; null is no filter")]
    Empty,
    /// Longer than [`Filter::MAX_TEXT`].
    #[error("is {0} bytes long; at most {max} are possible", max = Filter::MAX_TEXT)]
    TooLong(usize),
    /// Something at a place of the text.
    #[error("line {line}, column {column}: {detail}")]
    At {
        /// Counted from 1.
        line: usize,
        /// In characters, counted from 1.
        column: usize,
        /// What is wrong there, and what would be right.
        detail: String,
    },
}

/// Why an evaluation said neither yes nor no. The texts name parts of the filter and types, never values
/// of the event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// The data is JSON that has no value here, such as a number past the range.
    #[error("the event's data can't be read by filters: {0}")]
    Data(String),
    /// It would take more than `meter::BUDGET`.
    #[error("the filter is too costly for this event; let it look at less of the data")]
    TooCostly,
    /// The result is of another type.
    #[error("the filter's result is of the type {0}; it must be true or false")]
    NotBool(String),
    /// An operation failed.
    #[error("{0}")]
    Failed(String),
    /// What is stored as the filter is none by the rules of this version.
    #[error("the filter can't be used: {0}")]
    Unusable(FilterRefused),
}

impl Filter {
    /// The most bytes of a filter's text.
    pub const MAX_TEXT: usize = 4096;

    /// Reads and checks a filter. Takes a few milliseconds for the longest texts.
    ///
    /// # Errors
    /// When it can't be used.
    pub fn compile(text: &str) -> Result<Self, FilterRefused> {
        text::check(text)?;
        let (expression, places) = text::parse(text)?;
        let checked = check::check(&expression, &places)?;
        let expression = meter::metered(expression, &checked);
        Ok(Self {
            text: text.to_owned(),
            cost: meter::cost(&expression),
            expression,
            patterns: checked.patterns.into(),
        })
    }

    /// The text that it was made from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether an event is asked for. Takes at most what the budget `meter::BUDGET` allows.
    ///
    /// # Errors
    /// When the expression can't be evaluated for this event.
    pub fn matches(&self, subject: &Subject<'_>) -> Result<bool, FilterError> {
        // What the crate's own code holds unreachable ends one filter's evaluation and nothing else.
        catch_unwind(AssertUnwindSafe(|| self.evaluate(subject)))
            .unwrap_or_else(|_| Err(FilterError::Failed("evaluating it failed".to_owned())))
    }

    fn evaluate(&self, subject: &Subject<'_>) -> Result<bool, FilterError> {
        let meter = Meter::new(Arc::clone(&self.patterns));
        let mut context = subject.context.new_inner_scope();
        context.add_variable_as_val(meter::VARIABLE, Box::new(meter.clone()));
        meter.charge(self.cost);
        let result = Value::resolve_val(&self.expression, &context);
        // Asked first: `||` and `exists` make nothing of an error beside what is true.
        if meter.exhausted() {
            return Err(FilterError::TooCostly);
        }
        match result {
            Ok(value) => match value.downcast_ref::<CelBool>() {
                Some(bool) => Ok(*bool.inner()),
                None => Err(FilterError::NotBool(value.get_type().name().to_owned())),
            },
            Err(cause) => Err(FilterError::Failed(self.told(&cause))),
        }
    }

    /// The crate's messages can hold values of the event; these don't.
    fn told(&self, cause: &ExecutionError) -> String {
        match cause {
            ExecutionError::NoSuchKey(name) if self.text.contains(name.as_str()) => format!(
                "there is no member {:?}; has(…) asks whether there is",
                name.as_str()
            ),
            ExecutionError::NoSuchKey(_) => {
                "there is no member of the name that it computes".to_owned()
            }
            ExecutionError::NoSuchOverload(overload) => format!(
                "{} can't be applied to {}",
                functions::shown(overload.function()),
                overload.argument_types().join(" and ")
            ),
            ExecutionError::UnsupportedBinaryOperator(operator, ..) => format!(
                "{} can't be applied to values of these types",
                functions::shown(operator)
            ),
            ExecutionError::ValuesNotComparable(..) => {
                "values of these types can't be compared".to_owned()
            }
            ExecutionError::UnexpectedType { got, want } => {
                format!("a value is of the type {got} where {want} is needed")
            }
            ExecutionError::IndexOutOfBounds(_) => "an index is past the list's end".to_owned(),
            ExecutionError::UnsupportedIndex(..) => "an index is no whole number".to_owned(),
            ExecutionError::UnsupportedKeyType(_) => {
                "a member's name must be a string, a whole number or a bool".to_owned()
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                "a division by zero".to_owned()
            }
            ExecutionError::Overflow(..) => "a number past the range".to_owned(),
            ExecutionError::DuplicateKey(_) => "a map has a key twice".to_owned(),
            ExecutionError::FunctionError { function, .. } => {
                format!("{} failed", functions::shown(function))
            }
            _ => "evaluating it failed".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
