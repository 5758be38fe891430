//! Page of the metrics, from the table in `telemetry`.

use std::fmt::Write;

use ecs_operator::telemetry::metrics::{PREFIX, TABLE};

pub fn page() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         The operator serves metrics in the OpenMetrics text format at `/metrics`, on port 8080 of its Pod in the chart. Labels never\n\
         contain names of objects, so that the number of series is bounded.\n\n\
         | metric | labels | description |\n|---|---|---|\n",
    );
    for metric in TABLE {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(text, "| `{PREFIX}_{}` | {} | {}. |", metric.name, labels.join(", "), metric.help);
    }
    text.push_str(
        "\n## Health\n\n\
         | path | response |\n|---|---|\n\
         | `/healthz` | 200 while the process runs |\n\
         | `/readyz` | 200 when all caches are complete; otherwise 503 and the names of those that are not |\n",
    );
    text
}
