//! Languages and outputs that are no definition, known by a file's name, its members or the words of its text.

use std::path::Path;

use serde_json::{Map, Value};

use super::problem::Problem;
use crate::ecs::Pointer;

/// Whoever has a definition in another language has it on AWS too.
pub(super) const DEPLOYED: &str = "`aws ecs describe-task-definition` and `aws ecs describe-services` give what is \
    deployed, with everything filled in";

const TERRAFORM: &str = "this is Terraform";
const APP_SPEC: &str = "this is an AppSpec file of CodeDeploy";
const CLOUD_FORMATION: &str = "this is a CloudFormation template";

/// How CloudFormation's types of ECS begin.
const RESOURCE_TYPE: &str = "AWS::ECS::";
/// A member of templates alone.
const FORMAT_VERSION: &str = "AWSTemplateFormatVersion";

/// What a text is, when its name or its beginning says it for certain.
pub(super) fn output(name: &str, text: &str) -> Option<Problem> {
    let place = Pointer::root();
    let start = text.trim_start();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| start.starts_with(beginning));
    if text.contains('\0') {
        let what = "the file is binary, or UTF-16 without a byte-order mark; give text in UTF-8";
        return Some(Problem::unreadable(what));
    }
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    if matches!(ending.as_deref(), Some("tf" | "hcl" | "tofu")) {
        return Some(Problem::not_read(&place, TERRAFORM));
    }
    let what = if begins(&["An error occurred (", "aws: error", "usage: aws", "Unable to locate credentials"]) {
        "this is an error message of the AWS command line instead of its output: see why the command failed"
    } else if begins(&["TASKDEFINITION\t", "SERVICES\t", "CLUSTERS\t"])
        || start.contains("|  Describe") && begins(&["----"])
    {
        "this is the output of the AWS command line as a text or a table: give the command `--output json`"
    } else if begins(&["version https://git-lfs"]) {
        "this is a pointer of Git LFS instead of the file: run `git lfs pull`"
    } else if begins(&["<?xml", "<!DOCTYPE", "<!doctype", "<html"]) {
        "this is XML or HTML, perhaps the error page of a download"
    } else if begins(&["#!"]) {
        "this is a script: run it, and give what it prints"
    } else {
        return None;
    };
    Some(Problem::no_definition(&place, what))
}

/// What a text without members is by its words. Of a definition they may well be values.
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
    Some(Problem::not_read(&Pointer::root(), what))
}

/// What an object is by its resources: a template has them by name, an AppSpec file in a list.
pub(super) fn template(object: &Map<String, Value>, at: &Pointer) -> Option<Problem> {
    let is_type = |value: &Value| value.as_str().is_some_and(|kind| kind.starts_with(RESOURCE_TYPE));
    let is_resource = |value: &Value| value.get("Type").is_some_and(is_type);
    let is_part = || object.values().any(is_resource) || object.get("Type").is_some_and(is_type);
    let what = match object.get("Resources") {
        Some(Value::Array(items))
            if items.iter().filter_map(Value::as_object).flat_map(Map::values).any(is_resource) =>
        {
            APP_SPEC
        }
        Some(Value::Object(resources)) if resources.values().any(is_resource) => CLOUD_FORMATION,
        _ if object.contains_key(FORMAT_VERSION) || is_part() => CLOUD_FORMATION,
        _ => return None,
    };
    Some(Problem::not_read(at, what))
}

fn is_terraform(text: &str) -> bool {
    let words = ["resource \"aws_ecs_", "data \"aws_ecs_", "module \"ecs"];
    words.iter().any(|words| text.contains(words))
        || text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).is_some_and(assigns)
}

/// Whether a line is `name = {`, `name = [` or `name = jsonencode(`, which neither JSON nor YAML would begin with.
fn assigns(line: &str) -> bool {
    let Some((name, value)) = line.split_once('=') else { return false };
    let name = name.trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name && ["[", "{", "jsonencode", "<<"].iter().any(|begin| value.trim_start().starts_with(begin))
}

fn is_app_spec(text: &str) -> bool {
    let without_quotes: String = text.chars().take(500).filter(|c| !matches!(c, '"' | '\'' | ' ')).collect();
    without_quotes.contains("version:0.0") && text.contains("AWS::ECS::Service")
}
