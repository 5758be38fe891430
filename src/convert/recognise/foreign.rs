//! Languages and outputs that are no definition, known by a file's name or by the words of its text.

use std::path::Path;

use super::problem::Problem;
use crate::ecs::Pointer;

/// Whoever has a definition in another language has it on AWS too.
pub(super) const DEPLOYED: &str = "`aws ecs describe-task-definition` and `aws ecs describe-services` give what is \
    deployed, with everything filled in";

/// What a text is, when that is certain before it is parsed.
pub(super) fn language(name: &str, text: &str) -> Option<Problem> {
    let place = Pointer::root();
    let start = text.trim_start();
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| start.starts_with(beginning));
    if text.contains('\0') {
        let what = "the file is binary, or UTF-16 without a byte-order mark; give text in UTF-8";
        return Some(Problem::unreadable(what));
    }
    if is_terraform(name, text) {
        return Some(Problem::not_read(&place, "this is Terraform"));
    }
    if is_app_spec(text) {
        return Some(Problem::not_read(&place, "this is an AppSpec file of CodeDeploy"));
    }
    if text.contains("AWS::ECS::") || text.contains("AWSTemplateFormatVersion") {
        return Some(Problem::not_read(&place, "this is a CloudFormation template"));
    }
    let what = if begins(&["An error occurred (", "aws: error", "usage: aws", "Unable to locate credentials"]) {
        "this is an error message of the AWS command line instead of its output: see why the command failed"
    } else if begins(&["TASKDEFINITION\t", "SERVICES\t", "CLUSTERS\t"])
        || start.contains("|  Describe") && begins(&["--"])
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

fn is_terraform(name: &str, text: &str) -> bool {
    let ending = Path::new(name).extension().map(|ending| ending.to_string_lossy().to_lowercase());
    let words = ["resource \"aws_ecs_", "data \"aws_ecs_", "module \"ecs"];
    matches!(ending.as_deref(), Some("tf" | "hcl" | "tofu"))
        || words.iter().any(|words| text.contains(words))
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
