//! Where in the input each part of a spec was given.

use crate::ecs::Pointer;

/// The way from places in a spec to places in the input document.
#[derive(Clone, Debug)]
pub(in crate::convert) struct Origin {
    /// Parts of the spec and where they were given; none for what the converter put in. The root is the first.
    parts: Vec<(String, Option<String>)>,
}

impl Origin {
    /// The whole spec stands at a place of the document.
    pub fn at(place: &Pointer) -> Self {
        Self { parts: vec![(String::new(), Some(place.to_string()))] }
    }

    /// The spec is of the converter's making, but for the parts that are added.
    pub fn made() -> Self {
        Self { parts: vec![(String::new(), None)] }
    }

    /// A part of the spec stands elsewhere.
    #[must_use]
    pub fn with(mut self, part: &Pointer, place: &Pointer) -> Self {
        self.parts.push((part.to_string(), Some(place.to_string())));
        self
    }

    /// A part of the spec stands nowhere: the converter put it in.
    pub fn put_in(&mut self, part: &Pointer) {
        self.parts.push((part.to_string(), None));
    }

    /// The place in the document of a place in the spec; none when the converter put it in.
    pub fn find(&self, place: &Pointer) -> Option<String> {
        let place = place.to_string();
        let inside = |part: &str| place.strip_prefix(part).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let candidates = self.parts.iter().filter_map(|(part, given)| Some((part.len(), given, inside(part)?)));
        let (_, given, rest) = candidates.max_by_key(|(length, ..)| *length)?;
        match given.as_deref()? {
            "" if rest.len() == place.len() => Some(place),
            given => Some(format!("{given}{rest}")),
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
        origin.put_in(&root.key("family"));
        assert_eq!(origin.find(&root.key("cpu")).as_deref(), Some("/taskDefinition/cpu"));
        assert_eq!(origin.find(&root.key("tags").index(0)).as_deref(), Some("/tags/0"));
        assert_eq!(origin.find(&root.key("tagsy")).as_deref(), Some("/taskDefinition/tagsy"));
        assert_eq!(origin.find(&root.key("family")), None);
        assert_eq!(origin.find(&root).as_deref(), Some("/taskDefinition"));
    }
}
