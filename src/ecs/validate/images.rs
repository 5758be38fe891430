//! Images: which characters their names have, and which are still to be filled in.

use super::{TaskRule, containers, is_blank};
use crate::ecs::finding::Finding;
use crate::ecs::placeholder;
use crate::ecs::pointer::Pointer;
use crate::ecs::task_definition::{ContainerDefinition, TaskDefinition};

pub(super) const RULES: &[TaskRule] = &[given, written_right, filled_in];

/// Characters of an image's name and tag, or of what stands before the `@` of a digest (`image`).
const MAX_LENGTH: usize = 255;

fn images(task: &TaskDefinition) -> impl Iterator<Item = (Pointer, &str)> {
    containers(task).filter_map(|(at, container)| Some((at.key("image"), container.image.as_deref()?)))
}

/// `image` is required of each container.
fn given(task: &TaskDefinition) -> Vec<Finding> {
    containers(task)
        .filter(|(_, container)| is_blank(container.image.as_deref()))
        .map(|(at, _)| Finding::error(at.key("image"), "container-without-image", "a container needs an image"))
        .collect()
}

/// `image`: at most 255 letters, digits and `-_:./#@`. What a template left open is told of elsewhere.
fn written_right(task: &TaskDefinition) -> Vec<Finding> {
    images(task)
        .filter(|(_, image)| !image.trim().is_empty() && !placeholder::is_open(image))
        .filter_map(|(at, image)| {
            let name = image.split_once('@').map_or(image, |(name, _)| name);
            let length = name.chars().count();
            if let Some(character) = image.chars().find(|character| !is_allowed(*character)) {
                let message = format!("{character:?} is not allowed in the name of an image");
                return Some(Finding::error(at, "invalid-image", message));
            }
            let message = format!("the name of the image has {length} characters, at most {MAX_LENGTH} are allowed");
            (length > MAX_LENGTH).then(|| Finding::error(at, "image-name-too-long", message))
        })
        .collect()
}

/// Letters, digits and signs of `registry:port/repository:tag@algorithm:digest`.
fn is_allowed(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-_:./#@+".contains(character)
}

/// An image that is a place of a template cannot be pulled. CodeDeploy and CodePipeline fill such places in before ECS
/// sees them, so the definition itself may be sound.
fn filled_in(task: &TaskDefinition) -> Vec<Finding> {
    let open = |container: &&ContainerDefinition| container.image.as_deref().is_some_and(placeholder::is_open);
    containers(task)
        .filter(|(_, container)| open(container))
        .map(|(at, _)| {
            let message = "the image is a place of a template that is not filled in; no container can start from it";
            Finding::warning(at.key("image"), "unrendered-template", message)
        })
        .collect()
}
