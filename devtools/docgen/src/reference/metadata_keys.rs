//! Page of labels and annotations, from the tables in `api`.

use std::fmt::Write;

use ecs_operator::api::{MetadataKey, Setter, annotations, labels};

pub fn page() -> String {
    let mut text = String::from("# Labels and annotations\n\n## Set by you\n\n");
    tables(&mut text, Setter::User);
    text.push_str("\n## Set by the operator\n\nDo not change these.\n\n");
    tables(&mut text, Setter::Operator);
    text
}

fn tables(text: &mut String, setter: Setter) {
    for (title, keys) in [("label", labels::ALL), ("annotation", annotations::ALL)] {
        let _ = write!(text, "| {title} | on | meaning |\n|---|---|---|\n");
        for MetadataKey { key, on, meaning, .. } in keys.iter().filter(|key| key.setter == setter) {
            let _ = writeln!(text, "| `{key}` | {on} | {meaning} |");
        }
        text.push('\n');
    }
    text.pop();
}
