//! Measures the worst that filters can do: how long hostile ones take over hostile data before they end,
//! and the most memory that the process ever had.
//!
//! ```text
//! cargo run --release -p fanfare-app --example filter_cost
//! ```

#![expect(clippy::print_stdout, reason = "it is a program that prints")]

use std::time::{Duration, Instant};

use fanfare_app::filter::{Facts, Filter, Subject};
use fanfare_domain::event::Attributes;

const TEN: &str = "[1,2,3,4,5,6,7,8,9,10]";

fn filters() -> Vec<String> {
    let mut filters: Vec<String> = [
        "data.all(a, data.all(b, data.all(c, a + b + c > 0)))",
        "data.all(a, data.all(b, a + b >= 0))",
        "data.all(a, a >= 0)",
        "data.exists(a, a == 'x')",
        "data.map(a, data) == []",
        "data.map(a, data.map(b, data)) == []",
        "data.map(a, {'a': a, 'b': [a, a]}) == []",
        "data.map(a, a).map(a, a).map(a, a) == []",
        "data == data",
        "data.all(a, data == data)",
        "data.all(a, data < data || true)",
        "data.all(a, data - data || true)",
        "data.all(a, data[0.5] == 0 || true)",
        "data.all(a, data[a] == 0 || true)",
        "data.all(a, data.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t == 0 || true)",
        "data.all(a, data.all(b, data.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t == 0 || true))",
        "data.all(a, string(a) == 'x' || true)",
        "data.all(a, (string(a) + string(a) + string(a)) == 'x' || true)",
        "data.all(a, a in data)",
        "data + data == data + data",
        "['a','b'].all(x, data + data != data)",
        "data.all(x, size(data) >= 0)",
        "data.all(x, data.contains('aaaaaaaaaaaaab') || true)",
        "data.contains('aaaaaaaaaaaaab') || data.contains('aaaaaaaaaaaaaac')",
        "data.matches('(a|b|ab)*(c|d)*(a|b){1,50}c$')",
        "data.matches('a*a*a*a*a*a*b')",
        "data.matches('(a?){50}a{50}c')",
        "data.matches('(a?){200}a{200}c')",
        "data.matches('(a*)*(a*)*(a*)*b')",
        "data.matches('[a-z]{1,200}[0-9]')",
        "data.matches('[ab]*a[ab]{20}[cd]')",
        "data.matches('[ab]*a[ab]{200}[cd]')",
        "data.matches('[ab]*a[ab]{1000}[cd]')",
        "data.matches('([ab]?){300}[ab]{300}[cd]')",
        "data.matches('.{1,40}b')",
        "data.matches('(?i)[a-z\\\\p{L}]{1,4}b')",
        "data.all(x, x.matches('(a?){50}a{50}c') || true)",
    ]
    .map(str::to_owned)
    .into();
    filters.push(format!(
        "{TEN}.map(a,{TEN}.map(b,{TEN}.map(c, data))) == []"
    ));
    filters.push(format!(
        "{TEN}.map(a, data).map(a, [a,a,a,a,a,a,a,a]).map(b, [b,b,b,b,b,b,b]) == []"
    ));
    filters.push(format!(
        "{TEN}.all(x, data.matches('(a?){{50}}a{{50}}c') || true)"
    ));
    filters
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let list = |item: &str, times: usize| format!("[{}1]", format!("{item},").repeat(times));
    let data = [
        ("1,000 numbers", list("0", 999)),
        ("130,000 numbers", list("0", 130_000)),
        ("87,000 empty lists", list("[]", 87_000)),
        ("37,000 objects", list("{\"\":0}", 37_000)),
        (
            "a text of 262,000 bytes",
            format!("\"{}\"", "a".repeat(262_000)),
        ),
        (
            "7,000 texts",
            list(&format!("\"{}\"", "a".repeat(32)), 7_000),
        ),
        ("8 texts", list(&format!("\"{}\"", "a".repeat(32_000)), 8)),
        ("a text of 262,000 bytes, two letters", {
            // A sequence without a period, by a multiplication with overflow.
            let mut state = 1_u64;
            let letters = (0..262_000).map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                if state >> 63 == 0 { 'a' } else { 'b' }
            });
            format!("\"{}\"", letters.collect::<String>())
        }),
    ];
    let none = Attributes::default();
    let (mut longest, mut what) = (Duration::ZERO, String::new());
    for (name, data) in &data {
        let begun = Instant::now();
        let subject = Subject::new(Facts {
            event_type: "a",
            subcategory: None,
            attributes: &none,
            data: data.as_bytes(),
        })?;
        println!("{name}: read in {:?}", begun.elapsed());
        for text in filters() {
            let filter = match Filter::compile(&text) {
                Ok(filter) => filter,
                Err(why) => {
                    println!("  refused: {text}: {why}");
                    continue;
                }
            };
            let begun = Instant::now();
            let verdict = filter.matches(&subject);
            let took = begun.elapsed();
            if took > Duration::from_millis(5) {
                println!("  {took:?}: {text}: {verdict:?}");
            }
            if took > longest {
                (longest, what) = (took, format!("{text} over {name}"));
            }
        }
    }
    println!("longest: {longest:?}: {what}");
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM"));
    println!("most memory: {}", peak.unwrap_or_default());
    Ok(())
}
