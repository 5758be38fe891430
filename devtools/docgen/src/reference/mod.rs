//! Pages of `docs/reference`, each rendered from a table in the code or in the chart.

pub mod chart_values;
mod conditions;
mod kubernetes_block;
mod metadata_keys;
mod metrics;

use super::Page;

/// Returns every page of `docs/reference`.
pub fn pages() -> Vec<Page> {
    [
        ("docs/reference/kubernetes-block.md", kubernetes_block::page()),
        ("docs/reference/conditions-and-events.md", conditions::page()),
        ("docs/reference/labels-and-annotations.md", metadata_keys::page()),
        ("docs/reference/metrics.md", metrics::page()),
        ("docs/reference/chart-values.md", chart_values::page()),
    ]
    .into_iter()
    .map(|(file, text)| Page { file, text: format!("{}\n", text.trim_end()) })
    .collect()
}

/// Returns a text as a cell of a table: one line, without unescaped pipes.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
