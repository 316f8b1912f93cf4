//! The `runledger` program. Everything it does is in the library.

fn main() -> std::process::ExitCode {
    runledger::cli::main()
}
