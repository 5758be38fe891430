//! The command line: one file for each subcommand.

mod convert;
mod crds;
mod objects;
mod output;
mod place;
mod query;
mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything went as asked.
const SUCCESS: u8 = 0;
/// The work, or a part of it, could not be done; also every failure to start.
const FAILURE: u8 = 1;

/// Of the commands that answer a question: it could not be answered.
const MISTAKE: u8 = 2;

/// Runs Amazon ECS definitions on Kubernetes as they are.
#[derive(Debug, Parser)]
#[command(name = "ecs-operator", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  # See what becomes of a task definition, with no cluster and no AWS account
  aws ecs describe-task-definition --task-definition web | ecs-operator convert -

  # Install the custom resource definitions, then run the operator against the current context
  ecs-operator crds | kubectl apply --server-side -f -
  ecs-operator run

  # Hand a converted folder to the operator
  ecs-operator convert ecs/ | kubectl apply -f -

  # Which nodes does a placement constraint mean?
  ecs-operator query 'attribute:ecs.instance-type =~ g4dn.*'

  # On which nodes would ECS put five tasks?
  kubectl get nodes -o json | ecs-operator place --nodes - --task web.json --count 5";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Convert(convert::Convert),
    Crds(crds::Crds),
    Query(query::Query),
    Place(place::Place),
}

/// The name of an image, which is recorded in an annotation and must not hold what separates the parts of that.
fn image(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-:/@".contains(c);
    if !text.is_empty() && text.len() <= 512 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("an image is written as registry/name:tag or registry/name@sha256:digest".to_owned())
    }
}

/// Reads the command line, does what it says and tells how that went.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let _ = told.print();
            // Help and version come the same way, but are no mistake.
            return ExitCode::from(if told.use_stderr() { mistaken() } else { SUCCESS });
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

/// The exit code of a command line that cannot be read.
fn mistaken() -> u8 {
    let answers = std::env::args_os().nth(1).is_some_and(|command| command == "query" || command == "place");
    if answers { MISTAKE } else { FAILURE }
}

/// Tells an error to a person, and gives the exit code for it.
fn fail(error: &dyn std::fmt::Display) -> u8 {
    output::complain(&format!("error: {error}"));
    FAILURE
}

/// The exit code of a command that answers a question. Why it could not be answered is told to a person.
fn answered(answer: Result<u8, impl std::fmt::Display>) -> u8 {
    answer.unwrap_or_else(|error| {
        fail(&error);
        MISTAKE
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
