//! One line of the tracer's output, as `strace -f -y -xx` writes it.

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A call from begin to end.
    Call,
    /// A call's begin.
    Begun,
    /// A call's end.
    Resumed,
    /// Something else, such as the end of a thread.
    Other,
}

/// A line, cut into its parts.
pub(super) struct Line<'a> {
    pub(super) thread: u32,
    pub(super) said: Said,
    pub(super) name: &'a str,
    tokens: Vec<Token>,
    /// What the call answered; less than 0 for a failure, none while it has not.
    pub(super) result: Option<i64>,
}

/// A part of a call's arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Bytes in quotes.
    Text(Vec<u8>),
    /// What a descriptor stands for.
    Path(String),
    /// Anything else: a number, a flag, a name.
    Word(String),
}

/// Ends of lines of calls that have not returned: another thread's line comes between, or the process
/// is killed.
const BEGUN: [&[u8]; 2] = [b" <unfinished ...>", b" <detached ...>"];
const PUNCTUATION: &[u8] = b" ,[]{}=()";

impl<'a> Line<'a> {
    pub(super) fn read(line: &'a [u8]) -> Self {
        Self::cut(line).unwrap_or_else(|| {
            let (start, end) = (
                &line[..line.len().min(300)],
                &line[line.len().saturating_sub(60)..],
            );
            panic!("not understood: {} … {}", text_of(start), text_of(end))
        })
    }

    fn cut(line: &'a [u8]) -> Option<Self> {
        let space = line.iter().position(|byte| *byte == b' ')?;
        let (thread, rest) = line.split_at(space);
        let rest = rest.trim_ascii_start();
        let mut read = Self {
            thread: text_of(thread).parse().ok()?,
            said: Said::Other,
            name: "",
            tokens: Vec::new(),
            result: None,
        };
        if rest.starts_with(b"+++") || rest.starts_with(b"---") {
            return Some(read);
        }
        if rest.starts_with(b"<... ") {
            read.said = Said::Resumed;
            read.result = result(rest);
            return Some(read);
        }
        let bracket = rest.iter().position(|byte| *byte == b'(')?;
        read.name = std::str::from_utf8(&rest[..bracket]).ok()?;
        let arguments = &rest[bracket + 1..];
        if let Some(arguments) = BEGUN.iter().find_map(|end| arguments.strip_suffix(*end)) {
            read.said = Said::Begun;
            read.tokens = tokens(arguments);
        } else {
            read.said = Said::Call;
            read.tokens = tokens(&arguments[..end(arguments)?]);
            read.result = result(arguments);
        }
        Some(read)
    }

    /// All bytes in quotes, put together.
    pub(super) fn text(&self) -> Vec<u8> {
        let texts = self.tokens.iter().filter_map(|token| match token {
            Token::Text(text) => Some(text.as_slice()),
            _ => None,
        });
        texts.collect::<Vec<_>>().concat()
    }

    /// What the call's first descriptor stands for.
    pub(super) fn path(&self) -> Option<&str> {
        self.tokens.iter().find_map(|token| match token {
            Token::Path(path) => Some(path.as_str()),
            _ => None,
        })
    }

    pub(super) fn last_number(&self) -> usize {
        match self.tokens.last() {
            Some(Token::Word(word)) => word.parse().unwrap(),
            other => panic!("{} ends with {other:?}, no number", self.name),
        }
    }

    pub(super) fn mentions(&self, flag: &str) -> bool {
        self.tokens.iter().any(|token| match token {
            Token::Word(word) => word.split('|').any(|part| part == flag),
            _ => false,
        })
    }
}

fn tokens(mut rest: &[u8]) -> Vec<Token> {
    let mut tokens = Vec::new();
    while let Some(first) = rest.first() {
        match first {
            b'"' => {
                let end = rest[1..].iter().position(|byte| *byte == b'"').unwrap();
                tokens.push(Token::Text(plain(&rest[1..=end])));
                rest = &rest[end + 2..];
                assert!(!rest.starts_with(b"..."), "a text is cut short");
            }
            b'<' => {
                let end = rest.iter().position(|byte| *byte == b'>').unwrap();
                let path = text_of(&plain(&rest[1..end]));
                rest = &rest[end + 1..];
                // A file without a name is no file of the store any more.
                if !rest.starts_with(b"(deleted)") {
                    tokens.push(Token::Path(path));
                }
            }
            byte if PUNCTUATION.contains(byte) => rest = &rest[1..],
            _ => {
                let end = rest
                    .iter()
                    .position(|byte| b"<\"".contains(byte) || PUNCTUATION.contains(byte));
                let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
                tokens.push(Token::Word(text_of(word)));
                rest = after;
            }
        }
    }
    tokens
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Where a call's arguments end: its answer follows, which may have a bracket at its end.
fn end(line: &[u8]) -> Option<usize> {
    line.windows(2).rposition(|two| two == b") ")
}

/// What a call answered; none for `?`, which stands for never.
fn result(line: &[u8]) -> Option<i64> {
    let text = text_of(&line[end(line)?..]);
    let (_, text) = text.split_once("= ")?;
    let text = text.split([' ', '<']).next()?;
    match text.strip_prefix("0x") {
        Some(address) => i64::from_str_radix(address, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The bytes that `\x41\x42` stands for.
fn plain(text: &[u8]) -> Vec<u8> {
    if !text.starts_with(b"\\x") {
        return text.to_vec();
    }
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        other => panic!("{other} is no digit"),
    };
    let bytes = text.chunks_exact(4);
    bytes
        .map(|four| digit(four[2]) << 4 | digit(four[3]))
        .collect()
}
