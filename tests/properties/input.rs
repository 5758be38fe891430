//! Inputs of the converter: files with definitions or arbitrary text, and settings.

use std::fmt;

use ecs_operator::convert::{Settings, Source, Target};
use ecs_operator::translate::RenderProfile;
use fastrand::Rng;
use serde_json::Value;

/// Files and conversion settings.
#[derive(Clone)]
pub struct Input {
    pub files: Vec<File>,
    pub keep_revisions: bool,
    pub namespace: bool,
    pub cluster: Cluster,
}

/// Features of the target cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cluster {
    /// Without Pod-level resources and the task agent.
    Old,
    #[default]
    New,
    /// With the task agent.
    WithAgent,
}

impl Cluster {
    pub const ALL: [Self; 3] = [Self::Old, Self::New, Self::WithAgent];

    fn profile(self) -> RenderProfile {
        match self {
            Self::Old => RenderProfile::current(33),
            Self::New => RenderProfile::current(36),
            Self::WithAgent => RenderProfile::current(36).with_task_agent(Some("registry.example.test/task-agent:1")),
        }
    }
}

#[derive(Clone)]
pub struct File {
    pub name: String,
    /// True if the file was found in a folder rather than named by the user.
    pub from_folder: bool,
    pub body: Body,
}

#[derive(Clone)]
pub enum Body {
    /// Documents. Only YAML files have several.
    Documents(Vec<Value>, Style),
    /// Arbitrary bytes.
    Bytes(Vec<u8>),
}

/// Format of the documents of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// JSON with members sorted by name.
    Json,
    /// JSON with members in an order that depends on the number.
    Shuffled(u64),
    /// JSON with comments, trailing commas and CRLF line ends in places that depend on the number.
    Commented(u64),
    Yaml,
}

impl Input {
    pub fn settings(&self, target: Target) -> Settings {
        Settings {
            target,
            namespace: self.namespace.then(|| "shop".to_owned()),
            keep_revisions: self.keep_revisions,
            profile: self.cluster.profile(),
            locations: true,
        }
    }

    pub fn sources(&self) -> Vec<Source> {
        self.files.iter().map(File::source).collect()
    }

    /// Returns a copy with the members of all JSON objects in another order.
    pub fn shuffled(&self, seed: u64) -> Self {
        let mut other = self.clone();
        for file in &mut other.files {
            if let Body::Documents(_, style @ (Style::Json | Style::Shuffled(_))) = &mut file.body {
                *style = Style::Shuffled(seed);
            }
        }
        other
    }
}

impl File {
    pub fn source(&self) -> Source {
        let text = match &self.body {
            Body::Documents(documents, style) => Ok(to_text(documents, *style)),
            Body::Bytes(bytes) => String::from_utf8(bytes.clone()).map_err(|_| "the file is not UTF-8".to_owned()),
        };
        Source { name: self.name.clone(), text, from_folder: self.from_folder }
    }

    pub fn is_yaml(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(_, ending)| ending == "yaml")
    }

    /// The documents of the file, if a parser of standard JSON or YAML can read it.
    pub fn documents(&self) -> Option<Vec<Value>> {
        match &self.body {
            Body::Documents(documents, _) => Some(documents.clone()),
            Body::Bytes(bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                if self.is_yaml() {
                    serde_saphyr::from_multiple(text).ok()
                } else {
                    serde_json::from_str(text).ok().map(|document| vec![document])
                }
            }
        }
    }
}

/// Writes documents as text.
pub fn to_text(documents: &[Value], style: Style) -> String {
    match style {
        Style::Yaml => {
            let texts: Vec<String> =
                documents.iter().map(|document| serde_saphyr::to_string(document).expect("YAML")).collect();
            texts.join("---\n")
        }
        Style::Json => documents.first().map(|first| format!("{first:#}")).unwrap_or_default(),
        Style::Shuffled(seed) | Style::Commented(seed) => {
            let mut writer =
                Writer { rng: Rng::with_seed(seed), text: String::new(), comments: style != Style::Shuffled(seed) };
            documents.first().into_iter().for_each(|document| writer.value(document));
            writer.text
        }
    }
}

struct Writer {
    rng: Rng,
    text: String,
    comments: bool,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        self.space();
        match value {
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                self.rng.shuffle(&mut members);
                self.text.push('{');
                for (position, (name, value)) in members.iter().enumerate() {
                    self.comma(position);
                    self.text.push_str(&Value::from(name.as_str()).to_string());
                    self.space();
                    self.text.push(':');
                    self.value(value);
                }
                self.end('}', members.is_empty());
            }
            Value::Array(items) => {
                self.text.push('[');
                for (position, item) in items.iter().enumerate() {
                    self.comma(position);
                    self.value(item);
                }
                self.end(']', items.is_empty());
            }
            scalar => self.text.push_str(&scalar.to_string()),
        }
        self.space();
    }

    fn comma(&mut self, position: usize) {
        if position > 0 {
            self.text.push(',');
        }
        self.space();
    }

    fn end(&mut self, bracket: char, empty: bool) {
        if self.comments && !empty && self.rng.bool() {
            self.text.push(',');
        }
        self.space();
        self.text.push(bracket);
    }

    /// Writes a comment or white space, if comments are wanted.
    fn space(&mut self) {
        if !self.comments {
            return;
        }
        let spaces = ["", "", "", " ", "\r\n", "\t", "// \"a\": [,\r\n", "/* } */", "/**/", "//\n", "/*\"*/"];
        self.text.push_str(spaces[self.rng.usize(..spaces.len())]);
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "keep revisions: {}, namespace: {}, cluster: {:?}",
            self.keep_revisions, self.namespace, self.cluster
        )?;
        for file in &self.files {
            let origin = if file.from_folder { ", found in a folder" } else { "" };
            match &file.body {
                Body::Documents(documents, style) => {
                    writeln!(f, "--- {} ({style:?}{origin})\n{}", file.name, to_text(documents, *style))?;
                }
                Body::Bytes(bytes) => {
                    writeln!(f, "--- {} (bytes{origin})\nb\"{}\"", file.name, bytes.escape_ascii())?;
                }
            }
        }
        Ok(())
    }
}
