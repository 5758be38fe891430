//! Inputs in other languages and outputs of other commands, recognized by a file's name, its members or its text.

use std::path::Path;

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::ecs::Pointer;

const TERRAFORM: &str = "this is Terraform";
const APP_SPEC: &str = "this is an AppSpec file of CodeDeploy";
const CLOUD_FORMATION: &str = "this is a CloudFormation template";

/// Prefix of CloudFormation's resource types of ECS.
const RESOURCE_TYPE: &str = "AWS::ECS::";
/// A member that only CloudFormation templates have.
const FORMAT_VERSION: &str = "AWSTemplateFormatVersion";

/// Recognizes a text by its file name or its beginning.
pub(super) fn command_output(name: &str, text: &str) -> Option<Problem> {
    let root = Pointer::root();
    if text.contains('\0') {
        let what = "the file is binary, or UTF-16 without a byte-order mark; use text in UTF-8";
        return Some(Problem::unreadable(what));
    }
    let extension = Path::new(name).extension().map(|extension| extension.to_string_lossy().to_lowercase());
    if matches!(extension.as_deref(), Some("tf" | "hcl" | "tofu")) {
        return Some(Problem::unsupported_language(&root, TERRAFORM));
    }
    command_output_by_beginning(text).map(|what| Problem::not_a_definition(&root, what))
}

fn command_output_by_beginning(text: &str) -> Option<&'static str> {
    let start = text.trim_start();
    let starts_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| start.starts_with(prefix));
    if starts_with(&["An error occurred (", "aws: error", "usage: aws", "Unable to locate credentials"]) {
        Some("this is an error message of the AWS CLI instead of its output: check why the command failed")
    } else if starts_with(&["TASKDEFINITION\t", "SERVICES\t", "CLUSTERS\t"])
        || start.contains("|  Describe") && start.starts_with("----")
    {
        Some("this is the output of the AWS CLI as text or table: run the command with `--output json`")
    } else if starts_with(&["version https://git-lfs"]) {
        Some("this is a pointer of Git LFS instead of the file: run `git lfs pull`")
    } else if starts_with(&["<?xml", "<!DOCTYPE", "<!doctype", "<html"]) {
        Some("this is XML or HTML, perhaps the error page of a download")
    } else if starts_with(&["#!"]) {
        Some("this is a script: run it, and convert its output")
    } else {
        None
    }
}

/// Recognizes the language of a text by its words. Only for texts without members: in a definition the words may be values.
pub(super) fn language(text: &str) -> Option<Problem> {
    let what = if is_terraform(text) {
        TERRAFORM
    } else if is_app_spec(text) {
        APP_SPEC
    } else if text.contains(RESOURCE_TYPE) || text.contains(FORMAT_VERSION) {
        CLOUD_FORMATION
    } else {
        return None;
    };
    Some(Problem::unsupported_language(&Pointer::root(), what))
}

/// Recognizes an object by its resources: a CloudFormation template has them by name, an AppSpec file in a list.
pub(super) fn template(object: &Map<String, Value>, path: &Pointer) -> Option<Problem> {
    let is_single_resource = || object.values().any(is_resource) || object.get("Type").is_some_and(is_resource_type);
    let what = match object.get("Resources") {
        Some(Value::Array(items))
            if items.iter().filter_map(Value::as_object).flat_map(Map::values).any(is_resource) =>
        {
            APP_SPEC
        }
        Some(Value::Object(resources)) if resources.values().any(is_resource) => CLOUD_FORMATION,
        _ if object.contains_key(FORMAT_VERSION) || is_single_resource() => CLOUD_FORMATION,
        _ => return None,
    };
    Some(Problem::unsupported_language(path, what))
}

fn is_resource(value: &Value) -> bool {
    value.get("Type").is_some_and(is_resource_type)
}

fn is_resource_type(value: &Value) -> bool {
    value.as_str().is_some_and(|kind| kind.starts_with(RESOURCE_TYPE))
}

fn is_terraform(text: &str) -> bool {
    let words = ["resource \"aws_ecs_", "data \"aws_ecs_", "module \"ecs"];
    words.iter().any(|words| text.contains(words))
        || text
            .lines()
            .map(str::trim)
            .find(|line| !line.is_empty() && !line.starts_with('#'))
            .is_some_and(is_assignment)
}

/// True if a line is `name = {`, `name = [` or `name = jsonencode(`, which begins neither JSON nor YAML.
fn is_assignment(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name && ["[", "{", "jsonencode", "<<"].iter().any(|begin| value.trim_start().starts_with(begin))
}

fn is_app_spec(text: &str) -> bool {
    let without_quotes: String = text.chars().take(500).filter(|c| !matches!(c, '"' | '\'' | ' ')).collect();
    without_quotes.contains("version:0.0") && text.contains("AWS::ECS::Service")
}
