//! Tests of whole expressions: parsing, errors and evaluation.

use super::*;

fn read(text: &str) -> Query {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn error(text: &str) -> QueryError {
    text.parse::<Query>().expect_err(text)
}

#[test]
fn every_form_of_an_expression_has_one_canonical_form() {
    let cases = [
        ("attribute:ecs.instance-type==t2.nano", "attribute:ecs.instance-type == t2.nano"),
        ("attribute:a equals b", "attribute:a == b"),
        ("attribute:a!=b", "attribute:a != b"),
        ("attribute:a not_equals b", "attribute:a != b"),
        ("attribute:a > 1 and attribute:a<=5", "attribute:a > 1 and attribute:a <= 5"),
        ("attribute:a greater_than 1", "attribute:a > 1"),
        ("attribute:a greater_than_equal 1", "attribute:a >= 1"),
        ("attribute:a less_than 1", "attribute:a < 1"),
        ("attribute:a less_than_equal 1", "attribute:a <= 1"),
        ("attribute:a exists", "attribute:a exists"),
        ("attribute:a !exists", "attribute:a !exists"),
        ("attribute:a not_exists", "attribute:a !exists"),
        ("attribute:a in [b,c ,  d]", "attribute:a in [b, c, d]"),
        ("attribute:a in[b]", "attribute:a in [b]"),
        ("attribute:a in []", "attribute:a in []"),
        ("attribute:a !in ['b']", "attribute:a !in [b]"),
        ("attribute:a not_in [\"b c\"]", "attribute:a !in ['b c']"),
        ("attribute:a =~ t2.*", "attribute:a =~ t2.*"),
        ("attribute:a=~'t2.*'", "attribute:a =~ t2.*"),
        ("attribute:a matches [ct]2\\..{1,2}", "attribute:a =~ '[ct]2\\..{1,2}'"),
        ("attribute:a !~ '(a|b).*'", "attribute:a !~ '(a|b).*'"),
        ("attribute:a not_matches b", "attribute:a !~ b"),
        ("attribute:a =~ t2|t3", "attribute:a =~ t2|t3"),
        (
            "attribute:a == b&&attribute:c==d||attribute:e==f",
            "(attribute:a == b and attribute:c == d) or attribute:e == f",
        ),
        (
            "attribute:a == b and (attribute:c == d and attribute:e == f)",
            "attribute:a == b and attribute:c == d and attribute:e == f",
        ),
        (
            "attribute:a == b and (attribute:c == d or attribute:e == f)",
            "attribute:a == b and (attribute:c == d or attribute:e == f)",
        ),
        ("not(attribute:a == b)", "not(attribute:a == b)"),
        ("!attribute:a == b", "not(attribute:a == b)"),
        ("! ( not attribute:a == b )", "attribute:a == b"),
        ("not not !attribute:a exists", "not(attribute:a exists)"),
        ("not attribute:a == b or attribute:c == d", "not(attribute:a == b) or attribute:c == d"),
        ("((attribute:a exists))", "attribute:a exists"),
        ("  attribute:a\texists\n", "attribute:a exists"),
        ("attribute:a == ''", "attribute:a == ''"),
        ("attribute:a == \"it's\"", "attribute:a == \"it's\""),
        ("attribute:a == 'x||y'", "attribute:a == 'x||y'"),
        ("attribute:a == and", "attribute:a == and"),
        ("attribute:a/b.c\\d_e == b:c@d/e", "attribute:a/b.c\\d_e == b:c@d/e"),
        ("agentConnected==true", "agentConnected == true"),
        ("agentConnected in [true, false]", "agentConnected in [true, false]"),
        ("agentVersion < 1.14.5", "agentVersion < 1.14.5"),
        ("ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", "ec2InstanceId in [i-abcd1234, i-wxyx7890]"),
        ("registeredAt < 2018-02-13", "registeredAt < 2018-02-13T00:00:00Z"),
        ("registeredAt >= 2018-06-18T22:28:28+02:00", "registeredAt >= 2018-06-18T20:28:28Z"),
        ("runningTasksCount == 1", "runningTasksCount == 1"),
        ("task:group==service:production", "task:group == service:production"),
        ("not(task:group == database)", "not(task:group == database)"),
    ];
    for (text, canonical) in cases {
        let query = read(text);
        assert_eq!(query.to_string(), canonical, "{text}");
        assert_eq!(read(canonical).expression(), query.expression(), "{text}");
    }
}

#[test]
fn each_mistake_has_its_reason_position_and_message() {
    use Reason::*;
    let cases = [
        ("", Empty, 0, "is empty"),
        ("  ", Empty, 0, "is empty"),
        ("attribute:x = y", Operator, 12, "did you mean `==`?"),
        ("attribute:x <> y", Operator, 12, "did you mean"),
        ("attribute:x===y", Operator, 11, "did you mean `==`?"),
        ("attribute:x ! exists", Operator, 12, "`!` is not an operator"),
        ("attribute:x like t2", Operator, 12, "did you mean =~ with a pattern"),
        ("attribute:x starts_with t2", Operator, 12, "`prefix.*`"),
        ("attribute:x not in [y]", Operator, 12, "did you mean `!in`?"),
        ("attribute:x equal y", Operator, 12, "did you mean `equals`?"),
        ("attribute:x", Operator, 11, "an operator is missing"),
        ("attribute:x y", Operator, 12, "`y` is not an operator; operators are"),
        ("attribute: == y", AttributeName, 10, "the attribute name is missing"),
        ("attribute:a:b == y", AttributeName, 11, "`:` is not allowed"),
        ("attribute:x ==", Value, 14, "a value is missing"),
        ("attribute:x == y z", Stray, 17, "`z` is unexpected"),
        ("attribute:x == y AND attribute:z == a", Stray, 17, "did you mean `and`?"),
        ("attribute:x == y | attribute:z == a", Stray, 17, "did you mean `or`?"),
        ("attribute:x == [y]", Value, 15, "use `in` with a list"),
        ("attribute:x in y", Value, 15, "a list is required"),
        ("attribute:x in [y z]", Value, 18, "by commas"),
        ("attribute:x in [y", Unbalanced, 15, "not closed"),
        ("attribute:x in [y,]", Value, 18, "a value is missing"),
        ("attribute:x == 'y", Unbalanced, 15, "quote is not closed"),
        ("(attribute:x == y", Unbalanced, 0, "not closed"),
        ("attribute:x == y)", Unbalanced, 16, "no opening one"),
        ("()", Unbalanced, 1, "missing before this parenthesis"),
        ("attribute:x == y and", Subject, 20, "a condition is missing"),
        ("ecs.instance-type == t2.micro", Subject, 0, "write `attribute:ecs.instance-type`"),
        ("attributes:x == y", Subject, 0, "did you mean `attribute:x`?"),
        ("Attribute:x == y", Subject, 0, "did you mean `attribute:x`?"),
        ("agent.connected == true", Subject, 0, "did you mean `agentConnected`?"),
        ("AgentVersion > 1", Subject, 0, "did you mean `agentVersion`?"),
        ("task.group == x", Subject, 0, "did you mean `task:group`?"),
        ("something == x", Subject, 0, "`something` is not a subject of conditions; subjects are attribute:NAME"),
        ("agentVersion exists", Operator, 13, "does not apply to"),
        ("agentVersion =~ 1.*", Operator, 13, "use one of == != > >= < <="),
        ("ec2InstanceId > i-1", Operator, 14, "use one of == != in !in =~ !~"),
        ("task:group exists", Operator, 11, "does not apply to"),
        ("agentConnected == yes", Value, 15, "`true` or `false`"),
        ("agentVersion > latest", Value, 15, "expected a version"),
        ("registeredAt > yesterday", Value, 15, "expected a point in time"),
        ("runningTasksCount == one", Value, 21, "expected an integer, found `one`"),
        ("attribute:x =~ '(a'", Pattern, 16, "unclosed group"),
        ("attribute:x =~ 'a(?=b)'", Pattern, 17, "lookahead"),
        ("attribute:x =~ *.large", Pattern, 15, "nothing to repeat"),
        ("attribute:${x} == y", Template, 10, "not filled in"),
        ("attribute:x == ${y}", Template, 15, "not filled in"),
        ("attribute:x == {{ y }}", Template, 15, "not filled in"),
        ("attribute:x == 'a-${y}'", Template, 16, "not filled in"),
        ("attribute:x =~ ${y}.*", Template, 15, "not filled in"),
        ("ec2InstanceId in ['{instance_id}']", Template, 19, "not filled in"),
        ("ec2InstanceId == {}", Template, 17, "not filled in"),
        ("${expression}", Template, 0, "not filled in"),
        ("task:group == service:`daemon-service`", Backquotes, 22, "remove them"),
        ("attribute:`x` == y", Backquotes, 10, "remove them"),
        ("true", Subject, 0, "`true` is not a subject"),
    ];
    for (text, reason, offset, words) in cases {
        let error = error(text);
        assert_eq!((error.reason, error.offset), (reason, offset), "{error}");
        assert!(error.message.contains(words), "{error}");
    }
}

#[test]
fn a_value_with_parentheses_requires_quotes() {
    let error = error("attribute:x =~ a(b)");
    assert_eq!((error.reason, error.offset), (Reason::Stray, 16), "{error}");
    assert!(error.message.contains("with blanks or parentheses"), "{error}");
}

#[test]
fn long_and_deep_expressions_are_rejected() {
    let fits = format!("attribute:x == {}", "y".repeat(MAX_LENGTH - 15));
    read(&fits);
    let too_long = error(&format!("{fits}y"));
    assert_eq!((too_long.reason, too_long.offset), (Reason::TooLong, MAX_LENGTH));
    let deep = |depth: usize| format!("{}attribute:x exists{}", "(".repeat(depth), ")".repeat(depth));
    read(&deep(64));
    assert_eq!(error(&deep(65)).reason, Reason::TooDeep);
    read(&format!("{}attribute:x exists", "!".repeat(MAX_LENGTH - 18)));
    let name = |length: usize| format!("attribute:{} exists", "n".repeat(length));
    read(&name(128));
    assert_eq!(error(&name(129)).reason, Reason::AttributeName);
}

#[test]
fn the_canonical_form_of_the_longest_and_deepest_expressions_is_valid() {
    let joined = |part: &str, sign: &str| {
        let times = (MAX_LENGTH + sign.len()) / (part.len() + sign.len());
        vec![part; times].join(sign)
    };
    let nested = |open: &str, inner: &str, depth| format!("{}{inner}{}", open.repeat(depth), ")".repeat(depth));
    for text in [
        joined("attribute:a=~x", "||"),
        joined("!attribute:a exists", "&&"),
        joined("registeredAt<2020-01-01", "||"),
        format!("ec2InstanceId in[{}]", vec!["i-0123456789abcdef0"; 98].join(",")),
        nested("!(task:group==a||task:group==b&&", "!task:group==a", 60),
        nested("!(task:group==a||", "!task:group==a", 64),
    ] {
        let query: Query = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let canonical = query.to_string();
        assert!(canonical.len() > text.len(), "{canonical}");
        assert_eq!(Query::from_canonical(&canonical).unwrap().expression(), query.expression());
    }
}

#[test]
fn ambiguous_expressions_get_a_note() {
    let cases = [
        ("attribute:a == b or attribute:c == d and attribute:e == f", Some((0, "mixed without parentheses"))),
        ("attribute:a == b or (attribute:c == d and attribute:e == f)", None),
        ("attribute:a == b and attribute:c == d and attribute:e == f", None),
        ("not(attribute:a == b and attribute:c == d or attribute:e == f)", Some((4, "mixed"))),
        ("attribute:ecs.instancetype == t2.nano", Some((10, "did you mean `ecs.instance-type`?"))),
        ("attribute:ECS.os-type == linux", Some((10, "did you mean `ecs.os-type`?"))),
        ("attribute:ecs.capability.docker-remote-api.1.17 exists", None),
        ("task:group != database", Some((0, "not(task:group == …)"))),
        ("not(task:group == database)", None),
    ];
    for (text, expected) in cases {
        let query = read(text);
        let notes = query.notes();
        assert_eq!(notes.len(), usize::from(expected.is_some()), "{text}: {notes:?}");
        if let Some((offset, words)) = expected {
            assert_eq!(notes[0].offset, offset, "{text}");
            assert!(notes[0].message.contains(words), "{text}: {}", notes[0].message);
        }
    }
}

/// Returns an instance with attributes, two task groups and all other properties.
fn instance() -> Instance {
    let attributes = [("ecs.instance-type", "g4dn.xlarge"), ("ecs.availability-zone", "us-east-1a"), ("size", "10")];
    Instance {
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        instance_id: Some("i-abcd1234".to_owned()),
        agent_version: Version::parse("1.14.5"),
        agent_connected: true,
        registered_at: Date::parse("2018-02-13T12:00:00Z"),
        running_tasks: 2,
        task_groups: ["service:web".to_owned(), "database".to_owned()].into(),
    }
}

#[test]
fn each_condition_selects_the_right_instances() {
    let cases = [
        ("attribute:ecs.instance-type == g4dn.xlarge", true),
        ("attribute:ecs.instance-type == G4DN.xlarge", false),
        ("attribute:ecs.instance-type != t2.micro", true),
        ("attribute:ecs.instance-type =~ g4dn.*", true),
        ("attribute:ecs.instance-type =~ g4dn", false),
        ("attribute:ecs.instance-type !~ g4dn.*", false),
        ("attribute:ecs.availability-zone in [us-east-1a, us-east-1b]", true),
        ("attribute:ecs.availability-zone !in [us-east-1a, us-east-1b]", false),
        ("attribute:ecs.availability-zone !in []", true),
        ("attribute:ecs.availability-zone in []", false),
        ("attribute:size > 9", true),
        ("attribute:size >= 10.0", true),
        ("attribute:size < 9a", true),
        ("attribute:size <= 9", false),
        ("attribute:size exists and attribute:other !exists", true),
        // Without the attribute only `!exists` is true.
        ("attribute:other != v", false),
        ("attribute:other !in [v]", false),
        ("attribute:other !~ v", false),
        ("attribute:other < v", false),
        ("attribute:other exists", false),
        ("not(attribute:other == v)", true),
        ("not(attribute:other != v)", true),
        ("agentConnected == true", true),
        ("agentConnected != true", false),
        ("agentConnected =~ t.*", true),
        ("agentVersion >= 1.9", true),
        ("agentVersion == 1.14.5.0", true),
        ("agentVersion < 1.14.5", false),
        ("ec2InstanceId in ['i-abcd1234', 'i-wxyx7890']", true),
        ("ec2InstanceId =~ 'i-(ab|cd).*'", true),
        ("registeredAt < 2018-02-13", false),
        ("registeredAt < 2018-02-14", true),
        ("registeredAt == 2018-02-13T14:00:00+02:00", true),
        ("runningTasksCount == 2", true),
        ("runningTasksCount > 2", false),
        ("task:group == database", true),
        ("not(task:group == database)", false),
        ("task:group != database", false),
        ("task:group != other", true),
        ("task:group in [other, service:web]", true),
        ("task:group !in [other, service:web]", false),
        ("task:group =~ service:.*", true),
        ("task:group !~ family:.*", true),
        ("attribute:size == 1 or attribute:size == 10 and agentConnected == false", false),
        ("(attribute:size == 10 or attribute:size == 1) and not(agentConnected == false)", true),
    ];
    for (text, selected) in cases {
        assert_eq!(read(text).matches(&instance()), selected, "{text}");
    }
}

#[test]
fn an_unknown_property_is_neither_equal_nor_different() {
    let unknown = Instance::default();
    for subject in ["agentVersion", "ec2InstanceId", "registeredAt"] {
        for operator in ["==", "!="] {
            let value = if subject == "registeredAt" { "2018-02-13" } else { "1.0" };
            assert!(!read(&format!("{subject} {operator} {value}")).matches(&unknown), "{subject} {operator}");
        }
    }
    assert!(read("agentConnected == false and runningTasksCount == 0 and task:group != x").matches(&unknown));
}
