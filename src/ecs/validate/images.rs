//! Images: characters of their names, and placeholders of templates.

use super::{TaskRule, containers, is_blank};
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::TaskDefinition;

pub(super) const RULES: &[TaskRule] = &[missing, valid_names, rendered];

/// Maximum characters of an image without its digest (`image`).
const MAX_LENGTH: usize = 255;

fn images(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &str)> {
    containers(task).filter_map(|(at, container)| Some((at.key("image"), container.image.as_deref()?)))
}

/// `image` is required.
fn missing(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| is_blank(container.image.as_deref()))
        .map(|(at, _)| {
            Finding::error(at.key("image"), "container-without-image", "the image of the container is required")
        })
        .collect()
}

/// `image`: at most 255 letters, digits and `-_:./#@`. Placeholders of templates are reported by another rule.
fn valid_names(task: &TaskDefinition) -> Vec<Finding> {
    images(task)
        .filter(|(_, image)| !image.trim().is_empty() && !placeholder::is_open(image))
        .filter_map(|(at, image)| {
            let name = image.split_once('@').map_or(image, |(name, _)| name);
            let length = name.chars().count();
            if let Some(character) = image.chars().find(|character| !is_allowed(*character)) {
                let message = format!("the character {character:?} is not allowed in the name of an image");
                return Some(Finding::error(at, "invalid-image", message));
            }
            let message = format!("the name of the image has {length} characters, the maximum is {MAX_LENGTH}");
            (length > MAX_LENGTH).then(|| Finding::error(at, "image-name-too-long", message))
        })
        .collect()
}

/// True for letters, digits and the punctuation of `registry:port/repository:tag@algorithm:digest`.
fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_:./#@+".contains(character)
}

/// An image with a placeholder of a template cannot be pulled. CodeDeploy and CodePipeline replace such placeholders
/// before ECS receives the definition, so the definition itself may be correct.
fn rendered(task: &TaskDefinition) -> Vec<Finding> {
    images(task)
        .filter(|(_, image)| placeholder::is_open(image))
        .map(|(at, _)| {
            let message =
                "the image contains a placeholder of a template and cannot be pulled: render the template first";
            Finding::warning(at, "unrendered-template", message)
        })
        .collect()
}
