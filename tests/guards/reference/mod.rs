//! The generated pages of `docs/reference`, each made from a table in the code or in the chart.

pub mod chart_values;
mod conditions;
mod kubernetes_block;
mod metadata_keys;
mod metrics;

/// Page of the documentation that is generated.
pub struct Page {
    /// Its file, from the root of the project.
    pub file: &'static str,
    /// Its text, Markdown.
    pub text: String,
}

/// Every page of `docs/reference`.
pub fn pages() -> Vec<Page> {
    let page = |file, text: String| Page { file, text: format!("{}\n", text.trim_end()) };
    vec![
        page("docs/reference/kubernetes-block.md", kubernetes_block::page()),
        page("docs/reference/conditions-and-events.md", conditions::page()),
        page("docs/reference/labels-and-annotations.md", metadata_keys::page()),
        page("docs/reference/metrics.md", metrics::page()),
        page("docs/reference/chart-values.md", chart_values::page()),
    ]
}

/// A text as a cell of a table: one line, without unescaped pipes.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
