//! The soak's memory over time as a picture.

use std::fmt::Write;

use super::series::Sample;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 320.0;
/// Room for the words around the picture.
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
const LINES: u32 = 4;

/// An SVG: memory as a line, the moments of kills as marks.
pub(super) fn draw(samples: &[Sample], title: &str) -> String {
    let end = samples.last().map_or(1, |sample| sample.second.max(1)) as f64;
    let memory = samples.iter().filter_map(|sample| sample.memory);
    let most = memory.fold(1.0, f64::max) * 1.1;
    let x = |second: u64| LEFT + second as f64 / end * WIDTH;
    let y = |mib: f64| TOP + (1.0 - mib / most) * HEIGHT;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">{title}</text>\n",
        LEFT + WIDTH + 20.0,
        TOP + HEIGHT + BOTTOM,
    );
    for line in 0..=LINES {
        let share = f64::from(line) / f64::from(LINES);
        let (mib, at) = (most * share, y(most * share));
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}h{WIDTH}\" stroke=\"#ddd\"/>\
             <text x=\"4\" y=\"{:.1}\">{mib:.0} MiB</text>",
            at + 4.0
        );
        let (minute, at) = (end * share / 60.0, LEFT + WIDTH * share);
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\">{minute:.1} min</text>",
            at - 20.0,
            TOP + HEIGHT + 20.0
        );
    }
    for sample in samples.iter().filter(|sample| sample.killed) {
        let (at, top) = (x(sample.second), TOP + HEIGHT);
        let _ = writeln!(svg, "<path d=\"M{at:.1} {top}v-12\" stroke=\"#c33\"/>");
    }
    let points = samples.iter().filter_map(|sample| {
        let mib = sample.memory?;
        Some(format!("{:.1},{:.1}", x(sample.second), y(mib)))
    });
    let points: Vec<_> = points.collect();
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"#246\" points=\"{}\"/>\n\
         <text x=\"{LEFT}\" y=\"{:.1}\" fill=\"#c33\">marks below: kills</text>\n</svg>",
        points.join(" "),
        TOP + HEIGHT + 36.0
    );
    svg
}
