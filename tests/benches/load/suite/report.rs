//! Shows the figures to a person.

use super::Report;
use super::embedded::Embedded;
use super::growth::Size;
use super::operations::Row;
use super::scale::Scale;
use super::slow::Slow;
use super::start::Start;

/// All figures as tables in Markdown.
pub(crate) fn tables(report: &Report) -> String {
    let by_callers = [("many callers", &report.operations), ("one caller", &report.one_caller)];
    let mut parts: Vec<_> = by_callers.map(|(callers, rows)| operations(callers, rows)).into();
    parts.extend(by_callers.map(|(callers, rows)| cpu(callers, rows)));
    parts.extend([slow(&report.slow), start(&report.start), embedded(&report.embedded)]);
    if !report.growth.is_empty() {
        parts.push(growth(&report.growth));
    }
    parts.extend(report.scale.as_ref().map(scale));
    parts.join("\n")
}

fn operations(callers: &str, rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.operation.name().to_owned(),
            format!("{:.0}", row.service.per_second),
            format!("{:.2}", row.service.p50_ms),
            format!("{:.2}", row.service.p99_ms),
            format!("{:.2}", row.service.statements),
            row.errors().to_string(),
            format!("{:.0}", row.rss_mib),
            format!("{:.0}", row.floor.per_second),
            format!("{:.2}", row.ratio),
            format!("{:.0}", row.plain.per_second),
            format!("{:.2}", row.plain_ratio),
        ]
    });
    let head = "requests/s | p50 ms | p99 ms | writes/request | errors | server MiB | floor/s | ratio | unsafe/s | ratio";
    table(&format!("{callers} | {head}"), cells)
}

fn cpu(callers: &str, rows: &[Row]) -> String {
    let cells = rows.iter().map(|row| {
        let times = [row.service.cpu, row.plain.cpu].into_iter().flat_map(|cpu| {
            [cpu.server, cpu.postgres, cpu.sigan, cpu.client, cpu.total()].map(|time| format!("{time:.0}"))
        });
        std::iter::once(row.operation.name().to_owned()).chain(times).collect()
    });
    let processes = "server | PostgreSQL | Sigan | client | all";
    table(&format!("CPU µs/request, {callers} | {processes} | unsafe {processes}"), cells)
}

fn slow(slow: &Slow) -> String {
    let head = "slow Sigan: in flight | errors | wall s | of what Sigan takes | floor's wall s | of the floor's | peak MiB \
                | DDD p99 ms meanwhile";
    let cells = vec![
        slow.reserves.to_string(),
        slow.errors.to_string(),
        format!("{:.2}", slow.wall_seconds),
        format!("{:.3}", slow.wall_seconds / slow.sigan_seconds),
        format!("{:.2}", slow.floor_wall_seconds),
        format!("{:.3}", slow.wall_seconds / slow.floor_wall_seconds),
        format!("{:.0}", slow.peak_rss_mib),
        format!("{:.1}", slow.ddd_p99_ms),
    ];
    table(head, [cells])
}

fn start(start: &Start) -> String {
    let cells = vec![format!("{:.0}", start.ready_ms), format!("{:.0}", start.idle_rss_mib)];
    table("ready after ms | idle MiB", [cells])
}

fn embedded(rows: &[Embedded]) -> String {
    let cells = rows.iter().map(|row| {
        vec![
            row.operation.to_owned(),
            format!("{:.0}", row.per_second),
            format!("{:.0}", row.bare_per_second),
            format!("{:.2}", row.ratio),
        ]
    });
    table("embedded, SQLite | operations/s | bare sqlx/s | ratio", cells)
}

fn growth(sizes: &[Size]) -> String {
    let cells = sizes.iter().map(|size| {
        let rates = size
            .operations
            .iter()
            .map(|grown| format!("{:.0} ({:.2})", grown.figures.per_second, grown.ratio));
        let sweep = format!("{:.2}", size.sweep_seconds);
        std::iter::once(size.numbers.to_string()).chain(rates).chain([sweep]).collect()
    });
    table("stored numbers | create/s | reserve/s | random/s | release/s | sweep of 1000, s", cells)
}

fn scale(scale: &Scale) -> String {
    let head =
        "audit of holds | s | peak MiB | sweep of due rows, Sigan at 50 ms | s | of what its lanes allow";
    let cells = vec![
        scale.held.to_string(),
        format!("{:.1}", scale.audit_seconds),
        format!("{:.0}", scale.audit_peak_mib),
        scale.due.to_string(),
        format!("{:.2}", scale.sweep_seconds),
        format!("{:.2}", scale.sweep_seconds / scale.lanes_seconds),
    ];
    table(head, [cells])
}

fn table(head: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |text: &str| format!("| {text} |\n");
    let rule = head.split('|').map(|_| "---").collect::<Vec<_>>().join("|");
    let rows: String = rows.into_iter().map(|cells| line(&cells.join(" | "))).collect();
    format!("{}|{rule}|\n{rows}", line(head))
}
