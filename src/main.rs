//! The `ecs-operator` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    ecs_operator::cli::main()
}
