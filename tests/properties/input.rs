//! What the converter is given: files with definitions or with any text, and settings.

use std::fmt;

use ecs_operator::convert::{Settings, Source, Target};
use ecs_operator::translate::RenderProfile;
use fastrand::Rng;
use serde_json::Value;

/// Files, and how they are converted.
#[derive(Clone)]
pub struct Input {
    pub files: Vec<File>,
    pub keep_revisions: bool,
    pub namespace: bool,
    pub cluster: Cluster,
}

/// What the cluster is taken to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cluster {
    /// Neither resources for a whole Pod nor the task agent.
    Old,
    #[default]
    New,
    /// The operator brings the task agent into tasks.
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
    /// Whether it was found in a folder.
    pub found: bool,
    pub body: Body,
}

#[derive(Clone)]
pub enum Body {
    /// Documents; several only as YAML.
    Documents(Vec<Value>, Style),
    /// Any bytes.
    Bytes(Vec<u8>),
}

/// How documents are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Members by name.
    Json,
    /// Members in an order that the number decides.
    Shuffled(u64),
    /// With comments, trailing commas and lines that end as on Windows, in places that the number decides.
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

    /// The same with the members of all JSON objects in another order.
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
            Body::Documents(documents, style) => Ok(written(documents, *style)),
            Body::Bytes(bytes) => String::from_utf8(bytes.clone()).map_err(|_| "the file is not UTF-8".to_owned()),
        };
        Source { name: self.name.clone(), text, from_folder: self.found }
    }

    pub fn is_yaml(&self) -> bool {
        self.name.rsplit_once('.').is_some_and(|(_, ending)| ending == "yaml")
    }

    /// The documents of the file, if it has a form that is read in only one way.
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

/// Documents as text.
pub fn written(documents: &[Value], style: Style) -> String {
    match style {
        Style::Yaml => {
            let texts: Vec<String> =
                documents.iter().map(|document| serde_saphyr::to_string(document).expect("YAML")).collect();
            texts.join("---\n")
        }
        Style::Json => documents.first().map(|first| format!("{first:#}")).unwrap_or_default(),
        Style::Shuffled(seed) | Style::Commented(seed) => {
            let mut pen =
                Pen { rng: Rng::with_seed(seed), text: String::new(), comments: style != Style::Shuffled(seed) };
            documents.first().into_iter().for_each(|document| pen.value(document));
            pen.text
        }
    }
}

struct Pen {
    rng: Rng,
    text: String,
    comments: bool,
}

impl Pen {
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

    /// Something that says nothing.
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
            let found = if file.found { ", found in a folder" } else { "" };
            match &file.body {
                Body::Documents(documents, style) => {
                    writeln!(f, "--- {} ({style:?}{found})\n{}", file.name, written(documents, *style))?;
                }
                Body::Bytes(bytes) => {
                    writeln!(f, "--- {} (bytes{found})\nb\"{}\"", file.name, bytes.escape_ascii())?;
                }
            }
        }
        Ok(())
    }
}
