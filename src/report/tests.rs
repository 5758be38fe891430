use serde_json::{Value, json};

use super::*;

fn field(path: &str, verdict: Verdict, code: Option<&'static str>) -> Field {
    let message = code.map(|code| format!("about {code}"));
    Field { path: path.to_owned(), verdict, code, target: None, message }
}

fn finding(path: &str, severity: Severity, code: &'static str) -> Finding {
    Finding { path: path.to_owned(), severity, code, message: format!("about {code}") }
}

fn report() -> Report {
    let mut fields: Vec<Field> =
        (0..9).map(|n| field(&format!("/list/{n}/a"), Verdict::Unsupported, Some("not-translated-yet"))).collect();
    fields.push(field("/cpu", Verdict::Exact, None));
    fields.push(field("/tags", Verdict::Approximate, Some("tags-as-annotations")));
    fields.push(field("/odd", Verdict::Unsupported, Some("unknown-field")));
    let converted = Document {
        source: "a|b\u{1b}[1m.json".to_owned(),
        kind: Some("TaskDefinition"),
        name: Some("web".to_owned()),
        fields,
        findings: vec![finding("/odd", Severity::Warning, "unknown-field"), finding("/x", Severity::Info, "coerced")],
        ..Document::default()
    };
    let refused = Document {
        source: "b.json".to_owned(),
        index: 1,
        kind: Some("Service"),
        fields: vec![field("/serviceName", Verdict::Unsupported, Some("refused"))],
        findings: vec![finding("", Severity::Error, "same-name")],
        ..Document::default()
    };
    Report { documents: vec![converted, refused] }
}

#[test]
fn the_json_form_is_stable() {
    let report: Value = serde_json::from_str(&json(&report()).unwrap()).unwrap();
    assert_eq!(
        report["documents"][1],
        json!({
            "source": "b.json", "index": 1, "kind": "Service", "name": null,
            "fields": [{"path": "/serviceName", "verdict": "unsupported", "code": "refused", "target": null, "message": "about refused"}],
            "findings": [{"path": "", "severity": "error", "code": "same-name", "message": "about same-name"}],
        })
    );
}

#[test]
fn the_text_tells_the_serious_first_and_counts() {
    let text = text(&report(), Appearance::default());
    let expected = "\
a|b\\u{1b}[1m.json: TaskDefinition web
  unsupported: not-translated-yet, 9 fields
      about not-translated-yet
      /list/*/a (9 times)
  warning: unknown-field
      about unknown-field
      /odd
  approximate: tags-as-annotations, 1 field
      about tags-as-annotations
      /tags
  info: coerced
      about coerced
      /x
  exact: 1 field

b.json: Service (not converted)
  error: same-name
      about same-name

2 documents: 1 converted, 1 refused. 12 fields: 1 exact, 1 approximate, 10 unsupported. 1 error, 1
warning.
";
    assert_eq!(text, expected);
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let plain = text(&report(), Appearance { colour: false, width: 40 });
    let coloured = text(&report(), Appearance { colour: true, width: 40 });
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[1m"));
    assert!(plain.lines().filter(|line| line.starts_with("2 doc")).all(|line| line.len() <= 40));
}

#[test]
fn markdown_keeps_its_tables_whole() {
    let text = markdown(&report());
    assert!(text.contains("## a\\|b \\[1m.json: TaskDefinition web"), "{text}");
    assert!(
        text.contains("| unsupported | `not-translated-yet` | about not-translated-yet | `/list/*/a (9 times)` |"),
        "{text}"
    );
}

#[test]
fn sarif_has_a_rule_for_each_result() {
    let sarif: Value = serde_json::from_str(&sarif(&report()).unwrap()).unwrap();
    let run = &sarif["runs"][0];
    let rules: Vec<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().filter_map(|r| r["id"].as_str()).collect();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 13);
    assert!(results.iter().all(|result| rules.contains(&result["ruleId"].as_str().unwrap())));
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "a%7Cb%1B%5B1m.json");
}

#[test]
fn a_report_knows_whether_it_is_exact() {
    assert!(Report::default().is_exact() && !report().is_exact());
    assert!(report().has_refused() && !Report::default().has_refused());
    let foreign = Document { findings: vec![finding("", Severity::Info, "not-ecs")], ..Document::default() };
    assert!(report().has_definitions() && !Report { documents: vec![foreign] }.has_definitions());
}
