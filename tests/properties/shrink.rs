//! Shrinking of failing inputs: parts are removed as long as the input still fails.

use proptest::strategy::ValueTree;
use serde_json::Value;

use crate::input::{Body, Cluster, File, Input, Style};
use crate::walk;

/// An input with the edits that make it smaller.
pub struct Shrinking {
    current: Input,
    /// The failing input before the last edit.
    failing: Option<Input>,
    edits: Vec<Edit>,
    next: usize,
    /// True if an edit of the current list was kept.
    progress: bool,
}

#[derive(Clone, Debug)]
enum Edit {
    /// Removes a file.
    File(usize),
    /// Converts a file to plain JSON.
    Plain(usize),
    Document(usize, usize),
    /// Removes a member or an item.
    Remove(usize, usize, String),
    /// Replaces a value by a simpler one.
    Replace(usize, usize, String, Value),
    /// Removes bytes.
    Cut(usize, usize, usize),
    Settings,
}

impl Shrinking {
    pub fn new(input: Input) -> Self {
        Self { current: input, failing: None, edits: Vec::new(), next: 0, progress: true }
    }

    /// Applies the next edit that changes something.
    fn advance(&mut self) -> bool {
        loop {
            if self.next >= self.edits.len() {
                if !self.progress {
                    return false;
                }
                self.edits = edits(&self.current);
                self.next = 0;
                self.progress = false;
            }
            let Some(edit) = self.edits.get(self.next).cloned() else { return false };
            self.next += 1;
            let mut smaller = self.current.clone();
            if apply(&edit, &mut smaller).is_some() {
                self.failing = Some(std::mem::replace(&mut self.current, smaller));
                return true;
            }
        }
    }
}

impl ValueTree for Shrinking {
    type Value = Input;

    fn current(&self) -> Input {
        self.current.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.failing.take().is_some() {
            self.progress = true;
        }
        self.advance()
    }

    fn complicate(&mut self) -> bool {
        let Some(failing) = self.failing.take() else { return false };
        self.current = failing;
        self.advance()
    }
}

/// All edits, those of the largest parts first. An edit of a part that was removed meanwhile has no effect.
fn edits(input: &Input) -> Vec<Edit> {
    let mut edits: Vec<Edit> = (0..input.files.len()).rev().map(Edit::File).collect();
    edits.push(Edit::Settings);
    for (number, file) in input.files.iter().enumerate() {
        match &file.body {
            Body::Documents(documents, style) => {
                edits.extend((*style != Style::Json && documents.len() == 1).then_some(Edit::Plain(number)));
                for (position, document) in documents.iter().enumerate().rev() {
                    edits.push(Edit::Document(number, position));
                    edits.extend(document_edits(number, position, document));
                }
            }
            Body::Bytes(bytes) => edits.extend(cuts(number, bytes.len())),
        }
    }
    edits
}

fn document_edits(file: usize, position: usize, document: &Value) -> Vec<Edit> {
    let mut places: Vec<String> = vec![String::new()];
    for leaf in walk::leaves(document) {
        let mut at = leaf.as_str();
        while !at.is_empty() {
            places.push(at.to_owned());
            at = at.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    // Shallow places first, and later items of a list before earlier ones.
    places.sort_by(|a, b| (a.matches('/').count(), b).cmp(&(b.matches('/').count(), a)));
    places.dedup();
    let removals = places.iter().filter(|place| !place.is_empty());
    let mut edits: Vec<Edit> = removals.map(|place| Edit::Remove(file, position, place.clone())).collect();
    for place in places {
        let Some(value) = document.pointer(&place) else { continue };
        let simpler = match value {
            Value::Object(members) if members.len() == 1 => members.values().next().cloned(),
            Value::Array(items) if items.len() == 1 => items.first().cloned(),
            Value::String(text) if !text.is_empty() => {
                edits.push(Edit::Replace(file, position, place.clone(), "".into()));
                Some(text.chars().take(text.chars().count() / 2).collect::<String>().into())
            }
            Value::Number(number) if number.as_i64() != Some(0) => Some(0.into()),
            _ => None,
        };
        edits.extend(simpler.map(|simpler| Edit::Replace(file, position, place, simpler)));
    }
    edits
}

fn cuts(file: usize, length: usize) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut size = length / 2;
    while size > 0 {
        edits.extend((0..length).step_by(size).rev().map(|start| Edit::Cut(file, start, size)));
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    edits.extend((length == 1).then_some(Edit::Cut(file, 0, 1)));
    edits
}

fn apply(edit: &Edit, input: &mut Input) -> Option<()> {
    match edit {
        Edit::File(file) => {
            (input.files.len() > 1 && *file < input.files.len()).then(|| drop(input.files.remove(*file)))
        }
        Edit::Settings => {
            let cluster = Cluster::default();
            let changed = input.keep_revisions || input.namespace || input.cluster != cluster;
            (input.keep_revisions, input.namespace, input.cluster) = (false, false, cluster);
            for file in &mut input.files {
                file.from_folder = false;
            }
            changed.then_some(())
        }
        Edit::Plain(file) => {
            let file = input.files.get_mut(*file)?;
            let Body::Documents(_, style) = &mut file.body else { return None };
            *style = Style::Json;
            file.name = file.name.replace(".yaml", ".json");
            Some(())
        }
        Edit::Document(file, position) => {
            let documents = documents(input.files.get_mut(*file)?)?;
            (documents.len() > 1 && *position < documents.len()).then(|| drop(documents.remove(*position)))
        }
        Edit::Remove(file, position, place) => {
            let document = documents(input.files.get_mut(*file)?)?.get_mut(*position)?;
            let (above, last) = place.rsplit_once('/')?;
            match document.pointer_mut(above)? {
                Value::Object(members) => members.remove(&last.replace("~1", "/").replace("~0", "~")).map(drop),
                Value::Array(items) => {
                    let item = last.parse::<usize>().ok().filter(|item| *item < items.len())?;
                    items.remove(item);
                    Some(())
                }
                _ => None,
            }
        }
        Edit::Replace(file, position, place, simpler) => {
            let value = documents(input.files.get_mut(*file)?)?.get_mut(*position)?.pointer_mut(place)?;
            (value != simpler).then(|| *value = simpler.clone())
        }
        Edit::Cut(file, start, size) => {
            let Body::Bytes(bytes) = &mut input.files.get_mut(*file)?.body else { return None };
            let end = (start + size).min(bytes.len());
            (*start < end).then(|| drop(bytes.drain(start..&end)))
        }
    }
}

fn documents(file: &mut File) -> Option<&mut Vec<Value>> {
    match &mut file.body {
        Body::Documents(documents, _) => Some(documents),
        Body::Bytes(_) => None,
    }
}
