//! The `coalition` command.

fn main() -> std::process::ExitCode {
    coalition::cli::run()
}
