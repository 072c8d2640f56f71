//! From a filter's text to its expression, within bounds that are checked before the parser runs.
//!
//! The parser is recursive, and so is what walks its trees. Neither can go deeper than the text has
//! tokens, so these are counted first, and the parser gets a thread whose stack is enough for all of them.

use std::thread;

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::{ParseErrors, Parser};

use super::place::{Places, refuse_at};
use super::{Filter, FilterRefused};

/// The most tokens: names, literals, operators, brackets.
const MAX_TOKENS: usize = 1_000;
/// The most brackets, of any kind, that are open at once.
const MAX_OPEN: usize = 24;
/// Enough for the deepest tree of [`MAX_TOKENS`] in a build that optimises nothing. Only what is used is
/// ever memory.
const STACK: usize = 64 * 1024 * 1024;

/// Checks what can be checked without parsing.
pub(super) fn check(text: &str) -> Result<(), FilterRefused> {
    if text.trim().is_empty() {
        return Err(FilterRefused::Empty);
    }
    if text.len() > Filter::MAX_TEXT {
        return Err(FilterRefused::TooLong(text.len()));
    }
    let (mut tokens, mut open) = (0_usize, 0_usize);
    let mut rest = text.char_indices().peekable();
    while let Some((place, character)) = rest.next() {
        match character {
            '"' | '\'' => {
                // A text in three quotes is read as three texts, two of them empty, which counts more.
                while let Some((_, next)) = rest.next() {
                    if next == '\\' {
                        rest.next();
                    } else if next == character {
                        break;
                    }
                }
            }
            '(' | '[' | '{' => {
                open += 1;
                if open > MAX_OPEN {
                    let detail = format!("more than {MAX_OPEN} brackets within each other");
                    return Err(refuse_at(text, place, detail));
                }
            }
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ if character.is_whitespace() => continue,
            _ if word(character) => while rest.next_if(|(_, next)| word(*next)).is_some() {},
            _ => {}
        }
        tokens += 1;
        if tokens > MAX_TOKENS {
            let detail = format!("more than {MAX_TOKENS} names, values and operators");
            return Err(refuse_at(text, place, detail));
        }
    }
    Ok(())
}

fn word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Parses a text that was checked.
pub(super) fn parse(text: &str) -> Result<(IdedExpr, Places<'_>), FilterRefused> {
    let parsed = thread::scope(|scope| {
        let parser = thread::Builder::new()
            .name("filter-parser".to_owned())
            .stack_size(STACK)
            .spawn_scoped(scope, || read(text));
        match parser.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(parsed)) => parsed,
            // No thread to be had, or the parser gave up in its own way.
            _ => Err(refuse_at(text, 0, "the expression can't be read")),
        }
    });
    let (expression, source) = parsed?;
    Ok((expression, Places { text, source }))
}

fn read(text: &str) -> Result<(IdedExpr, SourceInfo), FilterRefused> {
    // The standard macros, and no syntax of optional values.
    let parser = Parser::new()
        .max_recursion_depth(u16::try_from(2 * MAX_OPEN).unwrap_or(u16::MAX))
        .error_recovery_limit(1);
    parser
        .parse_with_source_info(text)
        .map_err(|errors| first(text, errors))
}

/// The first of the parser's faults: what follows it is mostly its consequence.
fn first(text: &str, errors: ParseErrors) -> FilterRefused {
    let Some(error) = errors.errors.into_iter().next() else {
        return refuse_at(text, 0, "the expression can't be read");
    };
    let detail = error.msg.trim_start_matches("Syntax error: ");
    let detail: String = detail.chars().take(200).collect();
    match (usize::try_from(error.pos.0), usize::try_from(error.pos.1)) {
        (Ok(line @ 1..), Ok(column @ 1..)) => FilterRefused::At {
            line,
            column,
            detail,
        },
        _ => refuse_at(text, 0, detail),
    }
}
