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
        locations: [location("/list/0/a", 4), location("/odd", 7)].into(),
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
    let foreign = |source: &str, message: &str| {
        let finding = Finding { message: message.to_owned(), ..finding("", Severity::Info, "not-ecs") };
        Document { source: source.to_owned(), findings: vec![finding], ..Document::default() }
    };
    let foreign = [foreign("package.json", "this is a list; it is long"), foreign("compose.yaml", "this is a string")];
    Report { documents: [converted, refused].into_iter().chain(foreign).collect() }
}

fn location(path: &str, line: usize) -> (String, Location) {
    (path.to_owned(), Location { line, column: 3, end_column: Some(9) })
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
fn the_text_has_the_most_severe_first_and_numbers() {
    let text = text(&report(), Appearance::default());
    let expected = "\
b.json: Service (not converted)
  error: same-name
      about same-name

a|b\\u{1b}[1m.json: TaskDefinition web
  unsupported: not-translated-yet, 9 fields
      about not-translated-yet
      /list  (9 fields, from line 4)
  warning: unknown-field
      about unknown-field
      /odd  (line 7)
  approximate: tags-as-annotations, 1 field
      about tags-as-annotations
      /tags
  info: coerced
      about coerced
      /x
  exact: 1 field

2 documents not related to ECS
  package.json: this is a list
  compose.yaml: this is a string

4 documents: 1 not converted, 1 converted, 2 not related to ECS. 12 fields: 10 unsupported, 1
approximate, 1 exact. 1 error, 1 warning.
";
    assert_eq!(text, expected);
}

#[test]
fn colors_are_optional() {
    let plain = text(&report(), Appearance { color: false, width: 40 });
    let colored = text(&report(), Appearance { color: true, width: 40 });
    assert!(!plain.contains('\u{1b}') && colored.contains("\u{1b}[1m"));
    assert!(plain.lines().filter(|line| line.starts_with("4 doc")).all(|line| line.len() <= 40));
}

#[test]
fn markdown_escapes_table_cells() {
    let text = markdown(&report());
    assert!(text.contains("## a\\|b \\[1m.json: TaskDefinition web"), "{text}");
    assert!(
        text.contains(
            "| unsupported | `not-translated-yet` | about not-translated-yet | `/list` (9 fields, from line 4) |"
        ),
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
    assert_eq!(results.len(), 15);
    assert!(results.iter().all(|result| rules.contains(&result["ruleId"].as_str().unwrap())));
    let file = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(file["artifactLocation"]["uri"], "a%7Cb%1B%5B1m.json");
    assert_eq!(file["region"], json!({"startLine": 7, "startColumn": 3, "endColumn": 9}));
    assert_eq!(results[1]["locations"][0]["physicalLocation"]["region"], json!({"startLine": 1}));
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["shortDescription"]["text"].as_str().is_some_and(|text| text.ends_with('.'))));
    for result in results {
        let number = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[number]["id"], result["ruleId"]);
    }
}

#[test]
fn properties_of_a_report() {
    assert!(Report::default().is_exact() && !report().is_exact());
    assert!(report().has_refused() && !Report::default().has_refused());
    let foreign = Document { findings: vec![finding("", Severity::Info, "not-ecs")], ..Document::default() };
    assert!(report().has_definitions() && !Report { documents: vec![foreign] }.has_definitions());
}

#[test]
fn a_figure_below_a_message_keeps_its_spaces() {
    let finding = Finding {
        path: "/a".to_owned(),
        severity: Severity::Error,
        code: "wrong",
        message: "this is wrong\n  a  = b\n     ^".to_owned(),
    };
    let document = Document { source: "a.json".to_owned(), findings: vec![finding], ..Document::default() };
    let report = Report { documents: vec![document] };
    let text = text(&report, Appearance::default());
    assert!(text.contains("\n      this is wrong\n        a  = b\n           ^\n"), "{text}");
    let markdown = markdown(&report);
    assert!(markdown.contains("| this is wrong<br>`  a  = b`<br>`     ^` |"), "{markdown}");
}
