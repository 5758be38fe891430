//! The command line: a file for each subcommand.

mod convert;
mod crds;
mod objects;
mod output;
mod place;
mod query;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Success.
const SUCCESS: u8 = 0;
/// Failure of a part or the whole of the command.
const FAILURE: u8 = 1;

/// Failure of `query` and `place`, whose code 1 is a result.
const NO_ANSWER: u8 = 2;

/// Run unmodified Amazon ECS definitions on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "ecs-operator", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # Convert a task definition, without a cluster or an AWS account
  aws ecs describe-task-definition --task-definition web | ecs-operator convert -

  # Install the custom resource definitions, then run the operator against the current context
  ecs-operator crds | kubectl apply --server-side -f -
  ecs-operator run

  # Convert a folder and apply it
  ecs-operator convert ecs/ > objects.yaml && kubectl apply -f objects.yaml

  # List the nodes that match a placement constraint
  ecs-operator query 'attribute:ecs.instance-type =~ g4dn.*'

  # Show on which nodes ECS would place five tasks
  kubectl get nodes -o json | ecs-operator place --nodes - --task web.json --count 5";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Convert(convert::Convert),
    Crds(crds::Crds),
    Query(query::Query),
    Place(place::Place),
}

/// Parses the name of an image. An annotation contains it, so it must not contain the annotation's separators.
fn image(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-:/@".contains(c);
    if !text.is_empty() && text.len() <= 512 && text.chars().all(is_allowed) {
        Ok(text.to_owned())
    } else {
        Err("expected registry/name:tag or registry/name@sha256:digest".to_owned())
    }
}

/// Parses the command line, runs the command and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            // clap returns help and version as errors too.
            return ExitCode::from(if error.use_stderr() { usage_error() } else { SUCCESS });
        }
    };
    let code = match cli.command {
        Command::Run(run) => run.execute(),
        Command::Convert(convert) => convert.execute(),
        Command::Crds(crds) => crds.execute(),
        Command::Query(query) => query.execute(),
        Command::Place(place) => place.execute(),
    };
    ExitCode::from(code)
}

/// Returns the exit code of an invalid command line.
fn usage_error() -> u8 {
    let is_question = std::env::args_os().nth(1).is_some_and(|command| command == "query" || command == "place");
    if is_question { NO_ANSWER } else { FAILURE }
}

/// Writes an error to standard error and returns the exit code of a failure.
fn fail(error: &dyn std::fmt::Display) -> u8 {
    output::print_error(&format!("error: {error}"));
    FAILURE
}

/// Returns the exit code of `query` or `place`, and writes the error to standard error.
fn exit_code(answer: Result<u8, impl std::fmt::Display>) -> u8 {
    answer.unwrap_or_else(|error| {
        fail(&error);
        NO_ANSWER
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_argument_has_help() {
        for command in Cli::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
        }
    }
}
