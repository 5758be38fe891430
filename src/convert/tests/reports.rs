//! Contents of reports.

use serde_json::{Value, json};

use super::{manifest_settings, run, source, task};
use crate::convert::{Definition, Detected, Settings, Source, convert, detected_in};
use crate::ecs::Pointer;
use crate::translate::{Code, FieldVerdict, Verdict};

#[test]
fn reports_contain_no_values() {
    for settings in [Settings::default(), manifest_settings()] {
        let conversion = run(&[("t.json", task("web"))], &settings);
        let report = &conversion.report;
        for text in [
            crate::report::json(report).unwrap(),
            crate::report::sarif(report).unwrap(),
            crate::report::markdown(report),
            crate::report::text(report, crate::report::Appearance::default()),
        ] {
            assert!(!text.contains("s3cret"), "{text}");
        }
    }
}

#[test]
fn defaults_that_differ_are_reported() {
    let item = json!({"taskDefinition": task("web"), "tags": []});
    let verdict = |path: Pointer, code| FieldVerdict {
        path,
        verdict: Verdict::Approximate,
        code: Some(code),
        target: None,
        message: Some("it differs".to_owned()),
    };
    let source = source("t.json", &item);
    let Some((_, Detected::Definition(item))) = detected_in(&source).pop() else { panic!("no definition") };
    let mut definition = Definition::examine(&source, 0, *item, &Settings::default());
    let container = Pointer::root().key("containerDefinitions").index(0);
    definition.verdicts = vec![
        verdict(container.key("essential"), Code::EssentialRestartsInPlace),
        verdict(container.key("name").key("below"), Code::UnknownField),
        verdict(container.clone(), Code::UnknownField),
    ];
    let fields = definition.into_document().fields;
    let defaults: Vec<_> = fields.iter().filter(|field| field.code == Some("essential-restarts-in-place")).collect();
    assert_eq!(defaults.len(), 1);
    assert_eq!(defaults[0].path, "/taskDefinition/containerDefinitions/0/essential");
    assert_eq!(defaults[0].message.as_deref(), Some("it differs; the field is absent, so its default applies"));
    assert!(!fields.iter().any(|field| field.path.ends_with("/below") || field.path.ends_with("Definitions/0")));
}

#[test]
fn findings_have_locations_except_in_json() {
    let text = "{\n \"family\": \"a\",\n \"odd\": 1,\n \"containerDefinitions\": [\n  {\"name\": \"a\", \"image\": \"b:1\", \"memory\": 64}\n ]\n}\n{\n \"clusterName\": \"c\",\n \"odd\": 2\n}\n";
    let source = Source { name: "all.json".to_owned(), text: Ok(text.to_owned()), from_folder: false };
    let report = convert(&[source], &Settings::default()).report;
    let line =
        |document: usize, path: &str| report.documents[document].locations.get(path).map(|location| location.line);
    assert_eq!((line(0, "/odd"), line(1, "/odd")), (Some(3), Some(10)));
    assert_eq!(line(0, "/containerDefinitions/0/essential"), Some(5), "the location of its parent");
    let json: Value = serde_json::from_str(&crate::report::json(&report).unwrap()).unwrap();
    let members: Vec<&String> = json["documents"][0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["fields", "findings", "index", "kind", "name", "source"]);
}
