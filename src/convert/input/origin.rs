//! Maps paths in a spec to paths in the input document.

use crate::ecs::Pointer;

/// Maps paths in a spec to paths in the input document.
#[derive(Clone, Debug)]
pub(in crate::convert) struct Origin {
    /// Paths in the spec, and their paths in the document; none for parts that the converter added. The root is the first.
    parts: Vec<(String, Option<String>)>,
}

impl Origin {
    /// Returns the origin of a spec that is in the document as a whole, at `path`.
    pub fn at(path: &Pointer) -> Self {
        Self { parts: vec![(String::new(), Some(path.to_string()))] }
    }

    /// Returns the origin of a spec that the converter made, except for the parts that are added.
    pub fn made() -> Self {
        Self { parts: vec![(String::new(), None)] }
    }

    /// Adds a part of the spec that has its own path in the document.
    #[must_use]
    pub fn with(mut self, part: &Pointer, path: &Pointer) -> Self {
        self.parts.push((part.to_string(), Some(path.to_string())));
        self
    }

    /// Adds a part of the spec that the converter made.
    pub fn add_made(&mut self, part: &Pointer) {
        self.parts.push((part.to_string(), None));
    }

    /// Returns the path in the document of a path in the spec; none for a part that the converter made.
    pub fn find(&self, path: &Pointer) -> Option<String> {
        let path = path.to_string();
        let inside = |part: &str| path.strip_prefix(part).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let candidates = self.parts.iter().filter_map(|(part, origin)| Some((part.len(), origin, inside(part)?)));
        let (_, origin, rest) = candidates.max_by_key(|(length, ..)| *length)?;
        match origin.as_deref()? {
            "" if rest.len() == path.len() => Some(path),
            origin => Some(format!("{origin}{rest}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_part_decides() {
        let root = Pointer::root();
        let mut origin = Origin::at(&root.key("taskDefinition")).with(&root.key("tags"), &root.key("tags"));
        origin.add_made(&root.key("family"));
        assert_eq!(origin.find(&root.key("cpu")).as_deref(), Some("/taskDefinition/cpu"));
        assert_eq!(origin.find(&root.key("tags").index(0)).as_deref(), Some("/tags/0"));
        assert_eq!(origin.find(&root.key("tagsy")).as_deref(), Some("/taskDefinition/tagsy"));
        assert_eq!(origin.find(&root.key("family")), None);
        assert_eq!(origin.find(&root).as_deref(), Some("/taskDefinition"));
    }
}
